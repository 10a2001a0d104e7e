"""AtomRef Lab: move a pretrained interatomic potential from one DFT functional to another."""

import os

__version__ = "0.1.0"

# Read by OpenMP when torch loads it. Its threads would otherwise wait by spinning, and on a machine
# that does something else too, two of them then take many times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
