"""A study as a job: computed in place, or by a process of its own that outlives the page."""
