"""What models say of structures, and how far they are from labels."""
