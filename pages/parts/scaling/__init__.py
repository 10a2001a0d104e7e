"""Scaling laws on the Scaling page."""
