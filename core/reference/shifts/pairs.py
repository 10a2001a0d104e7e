"""Energies of the same materials in two functionals, as arrays."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from core.elements import INDEX
from core.errors import LabError
from core.frames.column_names import differ_in_corrections
from core.frames.compositions import rows_of
from core.frames.pairs import PairSet
from core.frames.schema import Card, Corrections, EnergyColumn
from core.frames.store import FrameSet

_CHUNK = 16384
"""Rows whose compositions are compared at a time."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class PairedEnergies:
    """Total energies of n pairs in the source and the target functional.

    Attributes:
        material_id: (n,) strings.
        formula: (n,) strings.
        fractions: composition fractions (n, 94).
        source: total energies in the source functional (n,), eV/atom.
        target: total energies in the target functional (n,), eV/atom.
        index: row number of each pair in its data set (n,), to look up its structure.
        source_functional: level of theory of ``source``.
        target_functional: level of theory of ``target``.
        source_labels: "dft" or the model that made ``source``.
        target_labels: "dft" or the model that made ``target``.
        source_corrections: whether MP2020 corrections are in ``source``.
        target_corrections: whether MP2020 corrections are in ``target``.
        n_dropped: number of rows of the data set that lack one of the two energies.
    """

    material_id: np.ndarray
    formula: np.ndarray
    fractions: np.ndarray
    source: np.ndarray
    target: np.ndarray
    index: np.ndarray
    source_functional: str
    target_functional: str
    source_labels: str = "dft"
    target_labels: str = "dft"
    source_corrections: Corrections = "unknown"
    target_corrections: Corrections = "unknown"
    n_dropped: int = 0

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shift(self) -> np.ndarray:
        """Target minus source energy (n,), eV/atom."""
        return np.asarray(self.target - self.source)

    @property
    def is_model_labelled(self) -> bool:
        """Whether a model, not DFT, made either energy."""
        return self.source_labels != "dft" or self.target_labels != "dft"

    def select(self, mask: np.ndarray) -> Self:
        """Return the pairs selected by a boolean mask (n,) or by positions."""
        names = ("material_id", "formula", "fractions", "source", "target", "index")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})

    def containing(self, symbols: Iterable[str], *, any_of: bool = False) -> Self:
        """Return the pairs that contain all, or any, of the named elements."""
        columns = [INDEX[symbol] for symbol in symbols]
        if not columns:
            return self
        found = np.count_nonzero(self.fractions[:, columns], axis=1)
        return self.select(found >= (1 if any_of else len(columns)))

    def names(self) -> list[str]:
        """Return the formula and, on a second line, the material id of each pair."""
        return [f"{f}\n{m}" for f, m in zip(self.formula, self.material_id, strict=True)]

    def table(self) -> pd.DataFrame:
        """Return columns material_id, formula, source, target and shift, energies in eV/atom."""
        return pd.DataFrame(
            {
                "material_id": self.material_id,
                "formula": self.formula,
                "source": self.source,
                "target": self.target,
                "shift": self.shift,
            }
        )

    @classmethod
    def from_pair_set(cls, pairs: PairSet, source: str, target: str) -> Self:
        """Take two energy columns of a data set of pairs; rows that lack either are dropped.

        Raises:
            LabError: if a column is unknown, both are the same, or no row has both energies.
        """
        if source == target:
            raise LabError(
                f"{pairs.card.name}: source and target are the same column {source!r}; "
                "choose two different energy columns."
            )
        columns = (pairs.card.energy_column(source), pairs.card.energy_column(target))
        _check_functionals(pairs.card.name, *columns)
        energies = (pairs.energy(source), pairs.energy(target))
        rows = np.flatnonzero(np.isfinite(energies[0]) & np.isfinite(energies[1]))
        if len(rows) == 0:
            raise LabError(
                f"{pairs.card.name}: no row has both {source} and {target}; "
                "choose columns that are filled for the same materials."
            )
        table = pairs.table()
        return cls(
            material_id=table["material_id"].to_numpy()[rows],
            formula=table["formula"].to_numpy()[rows],
            fractions=pairs.fractions()[rows],
            source=energies[0][rows],
            target=energies[1][rows],
            index=rows,
            source_functional=columns[0].functional,
            target_functional=columns[1].functional,
            source_labels=columns[0].labels,
            target_labels=columns[1].labels,
            source_corrections=columns[0].corrections,
            target_corrections=columns[1].corrections,
            n_dropped=len(pairs) - len(rows),
        )

    @classmethod
    def from_frame_sets(cls, source: FrameSet, target: FrameSet) -> Self:
        """Pair the frames that two data sets share, by frame id; ``index`` is the source's row.

        Raises:
            LabError: if no frame id is shared, or a shared one has two compositions.
        """
        names = f"{source.card.name} and {target.card.name}"
        _check_functionals(names, source.card.frame_energy, target.card.frame_energy)
        frame_ids = source.table()["frame_id"]
        matches = pd.Index(target.table()["frame_id"]).get_indexer(pd.Index(frame_ids))
        energies = (source.energies(), target.energies()[matches])
        both = (matches >= 0) & np.isfinite(energies[0]) & np.isfinite(energies[1])
        rows = np.flatnonzero(both)
        if len(rows) == 0:
            raise LabError(
                f"{names} share no frame id that has an energy in both; "
                "import them with the same frame ids."
            )
        fractions = rows_of(source.fractions(), rows)
        different = _first_difference(fractions, target.fractions(), matches[rows])
        if different is not None:
            raise LabError(
                f"{names} hold different compositions under frame id "
                f"{frame_ids.iloc[rows[different]]!r}; import one of them with the other's frame "
                "ids."
            )
        return cls(
            material_id=rows_of(source.material_ids(), rows),
            formula=rows_of(source.formulas(), rows),
            fractions=fractions,
            source=energies[0][rows],
            target=energies[1][rows],
            index=rows,
            source_functional=source.card.functional or "",
            target_functional=target.card.functional or "",
            source_labels=source.card.labels,
            target_labels=target.card.labels,
            source_corrections=source.card.corrections,
            target_corrections=target.card.corrections,
            n_dropped=len(source) - len(rows),
        )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class OpenedPairs:
    """Paired energies with the data sets they come from.

    Attributes:
        data: the data set, or the table, whose rows `pairs.index` names.
        pairs: its energies in the two functionals.
        other: of frames: the data set in the target functional.
    """

    data: FrameSet | PairSet
    pairs: PairedEnergies
    other: FrameSet | None = None

    def containing(self, symbols: Iterable[str], *, any_of: bool = False) -> Self:
        """Return the same with only the pairs that contain all, or any, of the named elements."""
        return replace(self, pairs=self.pairs.containing(symbols, any_of=any_of))


def _first_difference(fractions: np.ndarray, others: np.ndarray, matches: np.ndarray) -> int | None:
    """Return the first row (n, 94) that differs from the row of `others` that it matches."""
    for start in range(0, len(fractions), _CHUNK):
        part = slice(start, start + _CHUNK)
        differs = np.abs(fractions[part] - others[matches[part]]).max(axis=1) > 1e-6
        if differs.any():
            return start + int(np.argmax(differs))
    return None


def _check_functionals(names: str, source: EnergyColumn, target: EnergyColumn) -> None:
    """Raise LabError if two energies are of one functional with and without corrections."""
    if differ_in_corrections(source, target):
        raise LabError(
            f"{names}: both energies are in {source.functional}, with and without corrections, "
            "which is no shift between functionals; choose energies in a second functional."
        )


def default_columns(card: Card) -> tuple[str, str]:
    """Return the default source and target energy columns.

    The source is the first energy column, the target the last one of another functional.

    Args:
        card: card of a data set of pairs.

    Raises:
        LabError: if there are fewer than two energy columns.
    """
    if len(card.energies) < 2:
        raise LabError(
            f"{card.name} has the energies of one functional; a shift needs a second functional's, "
            "so import a table with a source and a target."
        )
    source = card.energies[0]
    others = [column for column in card.energies[1:] if column.functional != source.functional]
    return source.column, (others or card.energies)[-1].column


def default_energy(card: Card) -> str:
    """Return the energy column of which AtomRef is fitted: the default target, or the first one.

    Args:
        card: card of a data set of pairs, which may have the energies of one functional only.
    """
    functionals = {energy.functional for energy in card.energies}
    return default_columns(card)[1] if len(functionals) > 1 else card.energies[0].column


def has_pair(card: Card) -> bool:
    """Return whether a data set has two energy columns that can be compared."""
    return any(
        not differ_in_corrections(first, second) for first, second in combinations(card.energies, 2)
    )
