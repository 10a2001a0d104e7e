"""Runs that belong together: matched experiments and sweeps."""
