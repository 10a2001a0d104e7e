"""AtomRef Lab: move a pretrained interatomic potential from one DFT functional to another."""

__version__ = "0.1.0"
