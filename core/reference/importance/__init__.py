"""Feature importance: which elements make two functionals disagree."""
