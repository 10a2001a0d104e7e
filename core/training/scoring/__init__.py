"""Errors of a model on labelled frames, in total and frame by frame."""
