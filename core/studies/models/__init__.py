"""Studies of what models say of structures and of labelled data."""
