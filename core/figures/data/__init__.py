"""Figures of what a data set holds."""
