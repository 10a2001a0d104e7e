"""Figures of feature importance."""
