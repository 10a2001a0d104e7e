"""Scaling laws: how the error of a method falls with the number of training frames."""
