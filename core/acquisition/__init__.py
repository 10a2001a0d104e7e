"""Which structures to compute next."""
