"""The same materials' energies in two functionals, ready for arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from core.elements import INDEX
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Card, Corrections
from core.frames.store import FrameSet


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class PairedEnergies:
    """Total energies of n pairs in the source and the target functional.

    Attributes:
        material_id: (n,) strings.
        formula: (n,) strings.
        fractions: Composition fractions (n, 94).
        source: Total energies in the source functional (n,), eV/atom.
        target: Total energies in the target functional (n,), eV/atom.
        index: Row of each pair in the data set it came from (n,), to fetch its structure.
        source_functional: Level of theory of ``source``.
        target_functional: Level of theory of ``target``.
        source_labels: "dft" or the model that made ``source``.
        target_labels: "dft" or the model that made ``target``.
        source_corrections: Whether MP2020 corrections are in ``source``.
        target_corrections: Whether MP2020 corrections are in ``target``.
        n_dropped: Rows of the data set that lack one of the two energies.
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
        return self.target - self.source

    @property
    def is_model_labelled(self) -> bool:
        """Whether a model, not DFT, made either energy."""
        return self.source_labels != "dft" or self.target_labels != "dft"

    def select(self, mask: np.ndarray) -> Self:
        """Return the pairs that a boolean mask (n,) or row numbers choose."""
        names = ("material_id", "formula", "fractions", "source", "target", "index")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})

    def containing(self, symbols: Iterable[str]) -> Self:
        """Return the pairs whose composition holds all of the named elements."""
        columns = [INDEX[symbol] for symbol in symbols]
        if not columns:
            return self
        return self.select(np.all(self.fractions[:, columns] > 0, axis=1))

    def names(self) -> list[str]:
        """Return each pair's formula and, on a line of its own, its material id."""
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
        """Take two energy columns of a paired data set; rows lacking either are dropped.

        Raises:
            LabError: An unknown column, twice the same one, or no row with both energies.
        """
        if source == target:
            raise LabError(
                f"{pairs.card.name}: source and target are the same column {source!r}; "
                "choose two different energy columns."
            )
        known = (pairs.card.energy_column(source), pairs.card.energy_column(target))
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
            source_functional=known[0].functional,
            target_functional=known[1].functional,
            source_labels=known[0].labels,
            target_labels=known[1].labels,
            source_corrections=known[0].corrections,
            target_corrections=known[1].corrections,
            n_dropped=len(pairs) - len(rows),
        )

    @classmethod
    def from_frame_sets(cls, source: FrameSet, target: FrameSet) -> Self:
        """Pair the frames that two data sets share, by frame id; ``index`` is the source's row.

        Raises:
            LabError: No frame id in common, or one that names two compositions.
        """
        names = f"{source.card.name} and {target.card.name}"
        tables = (source.table(), target.table())
        found = pd.Index(tables[1]["frame_id"]).get_indexer(pd.Index(tables[0]["frame_id"]))
        energies = (source.energies(), target.energies()[found])
        both = (found >= 0) & np.isfinite(energies[0]) & np.isfinite(energies[1])
        rows = np.flatnonzero(both)
        if len(rows) == 0:
            raise LabError(
                f"{names} share no frame id that has an energy in both; "
                "import them with the same frame ids."
            )
        fractions = source.fractions()[rows]
        differs = np.abs(fractions - target.fractions()[found[rows]]).max(axis=1) > 1e-6
        if differs.any():
            frame = tables[0]["frame_id"].iloc[rows[int(np.argmax(differs))]]
            raise LabError(
                f"{names} hold different compositions under frame id {frame!r}; "
                "import one of them with the other's frame ids."
            )
        return cls(
            material_id=tables[0]["material_id"].to_numpy()[rows],
            formula=tables[0]["formula"].to_numpy()[rows],
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


def default_columns(card: Card) -> tuple[str, str]:
    """Return the source and the target energy column that a reader most likely means.

    The source is the first energy column, the target the last one of another functional.

    Args:
        card: Of a data set of pairs.

    Raises:
        LabError: Fewer than two energy columns.
    """
    if len(card.energies) < 2:
        raise LabError(
            f"{card.name} has fewer than two energy columns; import it with a source and a target."
        )
    source = card.energies[0]
    others = [one for one in card.energies[1:] if one.functional != source.functional]
    return source.column, (others or card.energies)[-1].column
