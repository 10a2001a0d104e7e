"""Scaling laws: error against the number of training frames, and planning with them."""
