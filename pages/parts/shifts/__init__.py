"""Parts of the Energy shifts page."""
