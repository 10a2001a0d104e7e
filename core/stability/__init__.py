"""Thermodynamic stability: hulls of one functional, decomposition energies, and their errors."""
