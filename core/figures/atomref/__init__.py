"""Figures of elemental references: vectors, intervals, influence, strength."""
