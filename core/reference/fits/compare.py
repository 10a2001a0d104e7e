"""Several AtomRef side by side, and how well each explains the energies of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.reference.fits.atomref import AtomRef


@dataclass(kw_only=True, frozen=True, slots=True)
class Explained:
    """Scaled energies of a data set with one AtomRef, in a few numbers.

    Attributes:
        n: number of materials whose elements all have a reference.
        n_unknown: number of materials with an element that has none; they are left out.
        mae: mean |scaled energy|, eV/atom; NaN if n is 0.
        spread: standard deviation of the scaled energies, eV/atom: what no constant removes.
        mean: mean scaled energy, eV/atom.
    """

    n: int
    n_unknown: int
    mae: float
    spread: float
    mean: float


def explained(atomref: AtomRef, fractions: np.ndarray, energies: np.ndarray) -> Explained:
    """Return how well an AtomRef explains total energies by composition alone.

    Args:
        atomref: the AtomRef.
        fractions: composition fractions (n, 94).
        energies: total energies (n,), eV/atom.
    """
    usable = ~((fractions > 0) & ~atomref.has_energy).any(axis=1)
    scaled = energies[usable] - atomref.contribution(fractions[usable])
    if not len(scaled):
        scaled = np.array([np.nan])
    return Explained(
        n=int(usable.sum()),
        n_unknown=int((~usable).sum()),
        mae=float(np.abs(scaled).mean()),
        spread=float(scaled.std()),
        mean=float(scaled.mean()),
    )


def side_by_side(atomrefs: Mapping[str, AtomRef]) -> pd.DataFrame:
    """Return AtomRef side by side.

    Args:
        atomrefs: AtomRef by name.

    Returns:
        Columns symbol, one energy (eV/atom) per AtomRef, NaN where it has none, and `spread`,
        largest minus smallest; one row per element that has an energy in any of them.
    """
    table = pd.DataFrame(
        {name: np.where(a.has_energy, a.energies, np.nan) for name, a in atomrefs.items()},
        index=pd.Index(SYMBOLS, name="symbol"),
    ).dropna(how="all")
    spread = table.max(axis=1) - table.min(axis=1)
    return table.assign(spread=spread).reset_index()


def compared(source: AtomRef, target: AtomRef) -> pd.DataFrame:
    """Return the references of two functionals side by side.

    Returns:
        One row per element that occurs: symbol, source, target and difference (target − source,
        eV/atom), count (number of frames of the target's fit that contain it).
    """
    occurring = np.flatnonzero(source.counts + target.counts)
    return pd.DataFrame(
        {
            "symbol": [SYMBOLS[i] for i in occurring],
            "source": source.energies[occurring],
            "target": target.energies[occurring],
            "difference": (target.energies - source.energies)[occurring],
            "count": target.counts[occurring],
        }
    )
