"""Elemental references that need a pretrained network, and its interaction energies."""
