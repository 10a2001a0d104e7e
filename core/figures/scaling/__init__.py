"""Figures of scaling laws and plans."""
