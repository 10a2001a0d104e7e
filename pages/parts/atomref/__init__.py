"""Parts of the AtomRef page."""
