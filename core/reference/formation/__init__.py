"""Formation energies and MP2020 corrections."""
