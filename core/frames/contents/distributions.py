"""How the numbers of frames are distributed: bins, counts and percentiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from core.frames.contents.numbers import Contents, Quantity

SIZES: Final = (
    Quantity(key="n_atoms", title="Atoms", unit="", label=""),
    Quantity(key="n_elements", title="Elements", unit="", label=""),
)
"""Counts that every frame has."""

_BINS: Final = 60
_OUTSIDE: Final = 5e-4
"""Share of frames beyond either end of the bins, which count in the first and the last bin."""

_FEW: Final = 8000
_REACH: Final = 10.0
"""Quartile ranges beyond the quartiles that bins of few frames reach."""

_MISSING: Final = 255
_PERCENTILES: Final = {"low": 5, "median": 50, "high": 95}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Bins:
    """One quantity of all frames, sorted into bins.

    A few extreme frames would squeeze all others into one bin, so the first and the last bin also
    hold what lies beyond them.

    Attributes:
        quantity: what is counted.
        edges: ends of the bins, (b + 1,).
        place: bin of each frame, (n,) bytes; 255 where the label is missing.
        least: the smallest value.
        largest: the largest value.
    """

    quantity: Quantity
    edges: np.ndarray
    place: np.ndarray
    least: float
    largest: float

    def counts(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the number of frames in each bin, (b,).

        Args:
            mask: the frames that count, (n,) booleans; all of them by default.
        """
        place = self.place if mask is None else self.place[mask]
        return np.bincount(place, minlength=_MISSING + 1)[: len(self.edges) - 1]

    @property
    def ends(self) -> tuple[str, str]:
        """Whether values lie beyond the first and the last bin, as "≤ " and "≥ ", else ""."""
        return (
            "≤ " if self.least < self.edges[0] else "",
            "≥ " if self.largest > self.edges[-1] else "",
        )


def values_of(contents: Contents, key: str) -> np.ndarray:
    """Return the numbers of a quantity or a size, (n,), NaN where the label is missing.

    Args:
        contents: what the data set holds.
        key: key of the quantity.
    """
    if key == "n_atoms":
        return contents.n_atoms
    return contents.n_elements() if key == "n_elements" else contents.quantity(key)


def bins_of(contents: Contents, quantity: Quantity) -> Bins:
    """Sort the frames of a data set into bins of one quantity, of which some frame has a number."""
    values = values_of(contents, quantity.key)
    finite = np.isfinite(values)
    known = values[finite]
    least, largest = float(known.min()), float(known.max())
    edges = _whole_edges(known) if quantity in SIZES else _edges(known, least, largest)
    place = np.full(len(values), _MISSING, np.uint8)
    width = edges[1] - edges[0]
    steps = np.floor((known - edges[0]) / width)
    place[finite] = np.clip(steps, 0, len(edges) - 2)
    return Bins(quantity=quantity, edges=edges, place=place, least=least, largest=largest)


def summary(
    contents: Contents, quantities: list[Quantity], mask: np.ndarray | None = None
) -> pd.DataFrame:
    """Summarize quantities.

    Args:
        contents: what the data set holds.
        quantities: which ones.
        mask: the frames that count, (n,) booleans; all of them by default.

    Returns:
        One row per quantity: key, title, unit, n (frames that have it), missing, least, low
        (5 %), median, high (95 %) and largest.
    """
    rows = []
    for quantity in quantities:
        values = values_of(contents, quantity.key)
        values = values if mask is None else values[mask]
        known = values[np.isfinite(values)]
        row: dict[str, Any] = {"key": quantity.key, "title": quantity.title, "unit": quantity.unit}
        row |= {"n": len(known), "missing": len(values) - len(known)}
        if len(known):
            found = np.percentile(known, list(_PERCENTILES.values()))
            row |= {"least": float(known.min())}
            row |= dict(zip(_PERCENTILES, found.tolist(), strict=True))
            row |= {"largest": float(known.max())}
        rows.append(row)
    names = ["key", "title", "unit", "n", "missing", "least", *_PERCENTILES, "largest"]
    return pd.DataFrame(rows, columns=names)


def _edges(known: np.ndarray, least: float, largest: float) -> np.ndarray:
    low, first, third, high = np.quantile(known, [_OUTSIDE, 0.25, 0.75, 1 - _OUTSIDE]).tolist()
    reach = _REACH * (third - first)
    if reach > 0 and len(known) < _FEW:
        # So few frames have no percentile beyond which only extreme ones lie.
        low, high = max(least, first - reach), min(largest, third + reach)
    # Zero is an end of its own: no force, no magmom, no gap.
    low = 0.0 if least >= 0 else low
    low, high = (least, largest) if high - low > 0.8 * (largest - least) else (low, high)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _whole_edges(known: np.ndarray) -> np.ndarray:
    """Return bins of whole numbers, each of the same number of them."""
    low, high = int(known.min()), int(np.quantile(known, 1 - _OUTSIDE))
    width = -(-(high - low + 1) // _BINS)
    return np.arange(low, high + width + 1, width) - 0.5


def histogram_table(counted: Sequence[tuple[Bins, np.ndarray]]) -> pd.DataFrame:
    """Return counts in bins as a tidy table: quantity, unit, low, high and n.

    Args:
        counted: bins with the frames in each of them, (b,).
    """
    parts = [
        pd.DataFrame(
            {
                "quantity": bins.quantity.title,
                "unit": bins.quantity.unit,
                "low": bins.edges[:-1],
                "high": bins.edges[1:],
                "n": counts,
            }
        )
        for bins, counts in counted
    ]
    return pd.concat(parts, ignore_index=True)
