"""Data sets as files that other programs read."""
