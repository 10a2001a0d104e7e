"""The processes of a run: launching, working, queueing, restarting."""
