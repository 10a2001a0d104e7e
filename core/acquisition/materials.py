"""Materials of a data set, and the candidates of a pool that could be added to it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.splits import training_subset
from core.frames.store import FrameSet

DataSet = FrameSet | PairSet


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Materials:
    """Rows of a data set, one per material.

    Attributes:
        data: the data set.
        rows: the first row of each material, (n,).
    """

    data: DataSet
    rows: NDArray[np.int64]

    @property
    def ids(self) -> NDArray[np.str_]:
        """Material ids, (n,)."""
        return _ids(self.data)[self.rows].to_numpy(dtype=str)

    @property
    def formulas(self) -> NDArray[np.str_]:
        """Formulas, (n,)."""
        return self.data.table()["formula"].to_numpy()[self.rows].astype(str)

    @property
    def fractions(self) -> NDArray[np.float64]:
        """Composition fractions, (n, 94)."""
        return self.data.fractions()[self.rows]

    def sample(self, most: int, *, seed: int) -> "Materials":
        """Return at most `most` of them, drawn at random."""
        if len(self.rows) <= most:
            return self
        rows = training_subset(_ids(self.data).to_numpy(), self.rows, most, seed=seed)
        return Materials(data=self.data, rows=rows)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Pool:
    """Materials that could be computed.

    Attributes:
        candidates: materials with a structure that are not in the data set yet.
        n_known: number of materials already in the data set, in any of its parts.
        n_too_large: number of materials left out for their number of atoms.
        n_without_structure: number of materials left out for lack of a structure.
    """

    candidates: Materials
    n_known: int
    n_too_large: int
    n_without_structure: int


def training_materials(data: DataSet) -> Materials:
    """Return the materials to learn from: the training part of frames, all of pairs."""
    ids = _ids(data)
    rows = data.split().train if isinstance(data, FrameSet) else np.arange(len(data))
    return Materials(data=data, rows=_first_of_each(ids, rows))


def candidates(pool: DataSet, data: DataSet, *, most_atoms: int) -> Pool:
    """Return the materials of a pool that could be added to a data set.

    A material is recognised by its id. Materials held out for validation or test are not candidates
    either, because they have been computed.

    Args:
        pool: a data set with structures.
        data: the data set to extend.
        most_atoms: maximum number of atoms per cell.

    Raises:
        LabError: if no candidate is left.
    """
    ids = _ids(pool)
    rows = _first_of_each(ids, np.arange(len(pool)))
    exists = np.asarray(ids[rows].isin(_ids(data).unique()))
    rows = rows[~exists]
    n_atoms = pool.n_atoms()[rows]
    fits = (n_atoms > 0) & (n_atoms <= most_atoms)
    if not fits.any():
        raise LabError(
            f"{pool.card.name}: no material is left to compute: {int(exists.sum()):,} are in "
            f"{data.card.name} already, {int((n_atoms == 0).sum()):,} have no structure, "
            f"{int((n_atoms > most_atoms).sum()):,} more than {most_atoms} atoms; choose another "
            "pool, or allow larger cells."
        )
    return Pool(
        candidates=Materials(data=pool, rows=rows[fits]),
        n_known=int(exists.sum()),
        n_too_large=int((n_atoms > most_atoms).sum()),
        n_without_structure=int((n_atoms == 0).sum()),
    )


def _ids(data: DataSet) -> pd.Index:
    ids: pd.Index = pd.Index(data.material_ids()).astype(str)
    return ids


def _first_of_each(ids: pd.Index, rows: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.asarray(rows, dtype=np.int64)[~ids[rows].duplicated()]
