"""Paired energies of two functionals and the shift between them."""
