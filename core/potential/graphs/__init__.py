"""Graphs of many structures: their conversion, their bytes, and the store of a data set."""
