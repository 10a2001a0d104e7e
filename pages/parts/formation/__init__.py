"""Parts of the Formation energies page."""
