"""Figures of energy shifts: parity, relations, the offset waterfall."""
