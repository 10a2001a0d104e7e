"""The lab's functions for notebooks and scripts; `core` gives them out by name."""
