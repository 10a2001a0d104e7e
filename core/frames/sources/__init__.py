"""Readers of other people's files, one a format."""
