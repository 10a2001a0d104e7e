"""Parts of the Feature importance page."""
