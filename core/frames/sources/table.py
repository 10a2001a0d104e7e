"""Tables in CSV (also gzipped) and Parquet: guess their columns, import them as pairs or frames.

Units: energies eV/atom, forces eV/Å, stress GPa in CHGNet's sign (−0.1 × VASP's kBar), magmoms μB.
"""

from core.frames.sources.frame_table import import_frames
from core.frames.sources.guessing import TableGuess, guess
from core.frames.sources.pair_table import import_pairs, pairs_from_table

__all__ = ["TableGuess", "guess", "import_frames", "import_pairs", "pairs_from_table"]
