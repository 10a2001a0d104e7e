"""AtomRef: fits, priors, strength, uncertainty, influence, and the library of named ones."""
