"""What a figure of a hull shows: the phases of one chemical system, and their hull."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from core.figures.base.canvas import Array
from core.figures.base.cloud import Range
from core.figures.base.text import minus, plain

_MEV: Final = 1000.0
_ON_HULL: Final = 0.05
"""meV/atom that are written as zero."""

_FLAT: Final = 1e-9
"""Facets whose unit normal points down by no more than this stand upright."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class HullView:
    """Phases of one chemical system with energies of one source, and the hull they are shown with.

    Attributes:
        elements: the k symbols of the system.
        table: one row per phase: `id`, `formula`, `formation`, `above_hull` and `decomposition`
            (eV/atom), `stable` (in this hull), `elsewhere` (in the hull beside it) and `competing`
            (text).
        rivals: rows of the phases that each phase competes with, n of them.
        levels: (n,) formation energies by the source of the hull, eV/atom, for the rivals.
        fractions: (n, k) composition of each phase.
        corners: (m, k) compositions of the phases that the hull goes through, elements included.
        depths: (m,) their formation energies, eV/atom.
        title: what stands over the figure; plain text.
        color: #RRGGBB of the hull.
    """

    elements: tuple[str, ...]
    table: pd.DataFrame
    rivals: Sequence[Sequence[int]]
    levels: Array
    fractions: Array
    corners: Array
    depths: Array
    title: str
    color: str

    def row_of(self, phase: str | None) -> int | None:
        """Return the row of a phase by its id, None if it is not one of these."""
        rows = np.flatnonzero(self.table["id"].to_numpy() == phase)
        return int(rows[0]) if len(rows) else None

    def hover(self) -> list[str]:
        """Return what the hover label of each phase says."""
        return [
            "<br>".join(
                [
                    f"<b>{plain(row['formula'])}</b> ({plain(row['id'])})",
                    f"Formation energy: {_number(row['formation'], 3)} eV/atom",
                    _place(row["above_hull"]),
                    f"Decomposition energy: {_number(_MEV * row['decomposition'], 1)} meV/atom",
                    f"Competing: {plain(row['competing']) or 'none'}",
                ]
            )
            for row in self.table.to_dict("records")
        ]

    def kinds(self) -> NDArray[np.str_]:
        """Return what each phase is: "stable", "elsewhere" (only beside) or "unstable", (n,)."""
        stable, elsewhere = (self.table[name].to_numpy(bool) for name in ("stable", "elsewhere"))
        return np.where(stable, "stable", np.where(elsewhere, "elsewhere", "unstable"))


def energy_range(views: Sequence[HullView]) -> Range:
    """Return the range of formation energies of hulls that stand side by side, eV/atom."""
    values = np.concatenate([[0.0], *(view.table["formation"] for view in views)])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.08 * (high - low) or 0.1
    return low - margin, high + margin


def highest_above(views: Sequence[HullView]) -> float:
    """Return the energy above the hull at which colours end, eV/atom, of hulls side by side."""
    values = np.concatenate([view.table["above_hull"] for view in views])
    values = values[np.isfinite(values)]
    return max(float(np.percentile(values, 90)) if len(values) else 0.0, 0.05)


def facets(corners: Array, depths: Array) -> NDArray[np.intp]:
    """Return the facets of the lower hull as rows of corners, (f, k).

    Args:
        corners: (m, k) compositions on the hull, the k elements among them.
        depths: (m,) their formation energies, eV/atom.
    """
    # A point above all others gives the hull a volume where all energies are equal.
    above = np.append(corners.mean(axis=0)[1:], depths.max() + 1.0)
    hull = ConvexHull(np.vstack([np.column_stack([corners[:, 1:], depths]), above]))
    return np.asarray(hull.simplices[hull.equations[:, -2] < -_FLAT], dtype=np.intp)


def edges(corners: Array, depths: Array) -> NDArray[np.intp]:
    """Return the edges of the lower hull as pairs of corners, (e, 2), each once."""
    pairs = {
        tuple(sorted((int(a), int(b))))
        for facet in facets(corners, depths)
        for a, b in combinations(facet, 2)
    }
    return np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)


def _number(value: float, digits: int) -> str:
    return minus(f"{value:.{digits}f}") if np.isfinite(value) else "–"


def _place(above: float) -> str:
    """Return where a phase lies, in words."""
    distance = _MEV * above
    if abs(distance) < _ON_HULL:
        return "On the hull"
    return f"{abs(distance):.1f} meV/atom {'above' if distance > 0 else 'below'} the hull"
