"""Studies on this machine: done in place, or by a process of their own that outlives the page."""
