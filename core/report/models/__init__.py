"""Sections about models on labelled frames, and on structures that were given."""
