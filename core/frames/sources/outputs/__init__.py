"""Outputs of codes that ASE does not read: VASP's, and XML of Quantum ESPRESSO."""
