"""Planning on the Scaling page."""
