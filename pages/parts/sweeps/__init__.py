"""Sweeps on the Scaling page."""
