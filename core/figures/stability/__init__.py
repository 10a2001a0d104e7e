"""Hulls, phases on and above them, and how well a model tells stable from unstable."""
