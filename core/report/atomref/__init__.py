"""The section of a report about an AtomRef, and figures that the page draws of it."""
