"""Parts of the Stability page."""
