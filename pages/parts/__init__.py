"""What the pages are made of, one folder per page."""
