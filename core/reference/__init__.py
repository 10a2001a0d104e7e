"""Energy scales of functionals: paired energies, AtomRef fits, element facts and priors."""
