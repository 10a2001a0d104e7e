"""The energies of one functional in a data set, with what is known of them."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import Corrections
from core.frames.store import FrameSet
from core.reference.shifts.pairs import OpenedPairs, default_columns


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class LabelledEnergies:
    """Total energies of one functional.

    Attributes:
        data: The data set they are of.
        rows: Rows that have an energy, (n,).
        energies: Theirs, (n,) eV/atom.
        functional: Level of theory.
        labels: "dft" or the model that made them.
        corrections: Whether MP2020 corrections are in them.
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
        return self.data.fractions()[self.rows]

    @property
    def material_ids(self) -> np.ndarray:
        """Material ids of these rows, (n,)."""
        return self.data.table()["material_id"].to_numpy()[self.rows]


def labelled_energies(dataset: str, column: str | None = None) -> LabelledEnergies:
    """Return all energies of one functional in a data set.

    Args:
        dataset: Its name.
        column: Of pairs: which energies; None takes those that a reader most likely means by the
            target's.

    Raises:
        LabError: No such data set or column, a column named for frames, or no energy at all.
    """
    data = open_dataset(dataset)
    if isinstance(data, PairSet):
        known = data.card.energy_column(column or default_columns(data.card)[1])
        energies = data.energy(known.column)
        functional, labels, corrections = known.functional, known.labels, known.corrections
    elif column is not None:
        raise LabError(f"{dataset}: holds frames, whose energies are known; leave out --column.")
    else:
        energies = data.energies()
        functional, labels = data.card.functional or "unknown", data.card.labels
        corrections = data.card.corrections
    rows = np.flatnonzero(np.isfinite(energies))
    if not len(rows):
        raise LabError(f"{dataset}: no row has an energy; choose a data set with energies.")
    return LabelledEnergies(
        data=data,
        rows=rows,
        energies=energies[rows],
        functional=functional,
        labels=labels,
        corrections=corrections,
    )
