"""Commands that ask models about structures and data sets."""
