"""Several AtomRef side by side, and how well each explains the energies of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.reference.fits.atomref import AtomRef


@dataclass(kw_only=True, frozen=True, slots=True)
class Explained:
    """How far a data set's energies lie from what an AtomRef makes of their compositions.

    Attributes:
        n: Materials whose elements it all knows.
        n_unknown: Materials with an element that it does not know, left out.
        mae: Mean |scaled energy|, eV/atom; NaN where n is 0.
        spread: Standard deviation of the scaled energies, eV/atom: what a constant cannot mend.
        mean: Mean scaled energy, eV/atom.
    """

    n: int
    n_unknown: int
    mae: float
    spread: float
    mean: float


def explained(atomref: AtomRef, fractions: np.ndarray, energies: np.ndarray) -> Explained:
    """Tell how well an AtomRef explains total energies by composition alone.

    Args:
        atomref: The AtomRef.
        fractions: Composition fractions (n, 94).
        energies: Total energies (n,), eV/atom.
    """
    known = ~((fractions > 0) & ~atomref.has_energy).any(axis=1)
    scaled = energies[known] - atomref.contribution(fractions[known])
    some = len(scaled) > 0
    return Explained(
        n=int(known.sum()),
        n_unknown=int((~known).sum()),
        mae=float(np.abs(scaled).mean()) if some else float("nan"),
        spread=float(scaled.std()) if some else float("nan"),
        mean=float(scaled.mean()) if some else float("nan"),
    )


def side_by_side(atomrefs: Mapping[str, AtomRef]) -> pd.DataFrame:
    """Lay AtomRef side by side.

    Args:
        atomrefs: By name.

    Returns:
        Columns symbol, one energy (eV/atom) an AtomRef, NaN where it does not know the element,
        and `spread`, the largest less the smallest; one row an element that any of them knows.
    """
    table = pd.DataFrame(
        {name: np.where(one.has_energy, one.energies, np.nan) for name, one in atomrefs.items()},
        index=pd.Index(SYMBOLS, name="symbol"),
    ).dropna(how="all")
    spread = table.max(axis=1) - table.min(axis=1)
    return table.assign(spread=spread).reset_index()
