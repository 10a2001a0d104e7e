"""Energies of one functional in a data set, with their origin."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from core.errors import LabError
from core.frames.compositions import rows_of
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import Corrections
from core.frames.store import FrameSet
from core.reference.shifts.pairs import OpenedPairs, default_energy


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class LabelledEnergies:
    """Total energies of one functional.

    Attributes:
        data: the data set that they belong to.
        rows: rows that have an energy, (n,).
        energies: their energies, (n,) eV/atom.
        functional: level of theory.
        labels: "dft" or the model that made them.
        corrections: whether MP2020 corrections are in them.
    """

    data: FrameSet | PairSet
    rows: np.ndarray
    energies: np.ndarray
    functional: str
    labels: str
    corrections: Corrections

    @classmethod
    def from_pairs(cls, opened: OpenedPairs, side: Literal["target", "source"]) -> Self:
        """Return the energies of pairs in one of the two functionals."""
        pairs = opened.pairs
        fields = ("functional", "labels", "corrections")
        return cls(
            data=opened.data,
            rows=pairs.index,
            energies=getattr(pairs, side),
            **{field: getattr(pairs, f"{side}_{field}") for field in fields},
        )

    @property
    def fractions(self) -> np.ndarray:
        """Composition fractions of these rows, (n, 94)."""
        return rows_of(self.data.fractions(), self.rows)

    @property
    def material_ids(self) -> np.ndarray:
        """Material ids of these rows, (n,)."""
        return rows_of(self.data.material_ids(), self.rows)


def labelled_energies(dataset: str, column: str | None = None) -> LabelledEnergies:
    """Return all energies of one functional in a data set.

    Args:
        dataset: name of the data set.
        column: of pairs: column of energies; None takes the default target column, or the only one.

    Raises:
        LabError: if there is no such data set or column, a column is named for frames, or no row
            has an energy.
    """
    data = open_dataset(dataset)
    if isinstance(data, PairSet):
        origin = data.card.energy_column(column or default_energy(data.card))
        energies = data.energy(origin.column)
    elif column is not None:
        raise LabError(f"{dataset}: holds frames, which have one energy; leave out --column.")
    else:
        origin, energies = data.card.frame_energy, data.energies()
    rows = np.flatnonzero(np.isfinite(energies))
    if not len(rows):
        raise LabError(f"{dataset}: no row has an energy; choose a data set with energies.")
    return LabelledEnergies(
        data=data,
        rows=rows,
        energies=energies[rows],
        functional=origin.functional,
        labels=origin.labels,
        corrections=origin.corrections,
    )
