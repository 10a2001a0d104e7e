"""What trained models say together: scaling laws, and what to compute next."""
