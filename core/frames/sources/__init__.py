"""Readers of tables, one per format, and their import as data sets."""
