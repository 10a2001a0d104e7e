"""Analyses by name: their settings, what they compute from a data set, how a result is kept."""
