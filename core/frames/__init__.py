"""Labelled structures and paired energies: schema, on-disk store, splits and import."""
