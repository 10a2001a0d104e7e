"""A study as a job: computed at once, or by a detached process that outlives the page."""
