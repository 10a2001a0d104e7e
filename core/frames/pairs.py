"""A data set of pairs: one row per material with its energies in two or more functionals."""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.files import new_directory
from core.frames.cards import read_card, write_card
from core.frames.checksums import CHECKSUMS, check_fingerprint
from core.frames.schema import CARD, Card, Frame
from core.frames.shard_writer import ShardWriter
from core.frames.shards import ShardReader, read_table, shard_paths, volumes_per_atom, write_table

_TABLE = "pairs.arrow"
_STEM = "structures"
_STRUCTURE_ROW = "structure_row"


class PairSet:
    """Pairs on disk or in memory.

    Attributes:
        card: contents and source of the data set.
        path: its directory, None if it is only in memory.
    """

    def __init__(
        self,
        card: Card,
        table: pd.DataFrame,
        *,
        path: Path | None = None,
        structures: ShardReader | None = None,
        structure_rows: np.ndarray | None = None,
    ) -> None:
        self.card = card
        self.path = path
        self._table = table
        self._structures = structures
        self._structure_rows = structure_rows

    def __len__(self) -> int:
        return len(self._table)

    def table(self) -> pd.DataFrame:
        """Return a table of material_id, formula, energies (eV/atom) and all other scalars."""
        return self._table.copy(deep=False)

    def material_ids(self) -> np.ndarray:
        """Return the material ids, (n,) strings."""
        return self._table["material_id"].to_numpy()

    def fractions(self) -> np.ndarray:
        """Return the compositions as fractions, (n, 94)."""
        return self._fractions

    def energy(self, column: str) -> np.ndarray:
        """Return an energy column, (n,) eV/atom, NaN where missing.

        Raises:
            LabError: if there is no such energy column.
        """
        self.card.energy_column(column)
        return self._table[column].to_numpy(dtype=np.float64, na_value=np.nan)

    @property
    def has_structures(self) -> bool:
        """Whether any row has a structure."""
        return self._structures is not None and len(self._structures) > 0

    def structure_flags(self) -> np.ndarray:
        """Return whether each row has a structure, (n,) booleans."""
        if not self.has_structures or self._structure_rows is None:
            return np.zeros(len(self), dtype=bool)
        return np.asarray(self._structure_rows) >= 0

    def n_atoms(self) -> np.ndarray:
        """Return the number of atoms of each row's structure, (n,) integers, 0 without one."""
        sizes = np.zeros(len(self), dtype=np.int32)
        if self._structures is not None and self._structure_rows is not None:
            rows = self._structure_rows
            stored = self._structures.column("n_atoms").to_numpy()
            sizes[rows >= 0] = stored[rows[rows >= 0]]
        return sizes

    def structure(self, i: int) -> Frame | None:
        """Return the structure of row i as a frame without labels, None if it has none."""
        if self._structures is None or self._structure_rows is None:
            return None
        row = int(self._structure_rows[i])
        return self._structures.frame(row) if row >= 0 else None

    def volumes_per_atom(self) -> np.ndarray:
        """Return the volume per atom of each row's structure, (n,) Å³, NaN without one."""
        volumes = np.full(len(self), np.nan)
        if self._structures is not None and self._structure_rows is not None:
            rows = self._structure_rows
            volumes[rows >= 0] = volumes_per_atom(self._structures)[rows[rows >= 0]]
        return volumes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the stored data; empty if only in memory."""
        return self.card.fingerprint

    def frames(self, indices: Iterable[int]) -> list[Frame | None]:
        """Return the structures of some rows, None for a row without one."""
        return [self.structure(int(i)) for i in indices]

    @cached_property
    def _fractions(self) -> np.ndarray:
        return fractions_from_formulas(self._table["formula"])


def write_pairs(
    directory: Path,
    card: Card,
    table: pd.DataFrame,
    structures: Iterable[Frame | None] | None = None,
    *,
    describe: Callable[[Card], Card] | None = None,
) -> Card:
    """Write a data set of pairs; the directory appears whole or not at all.

    Args:
        directory: directory of the data set; must not exist.
        card: card without counts and fingerprint, which are filled in here.
        table: material_id, formula, the card's energy columns and any other scalar columns.
        structures: one entry per row, None where there is none; frame ids must be unique.
        describe: changes the card after the structures are read.

    Returns:
        The card as stored.

    Raises:
        LabError: if the directory exists, a column is missing, or there are no rows.
    """
    for column in ("material_id", "formula", *(energy.column for energy in card.energies)):
        if column not in table.columns:
            raise LabError(f"{card.name} has no column {column!r}; add it to the table.")
    if table.empty:
        raise LabError(f"{card.name} would have no pairs; choose a table with at least one row.")
    with new_directory(directory) as partial:
        writer = ShardWriter(partial, stem=_STEM)
        rows = np.full(len(table), -1, dtype=np.int32)
        try:
            for row, structure in enumerate(structures or ()):
                if structure is not None:
                    rows[row] = writer.n
                    writer.add(structure)
            writer.finish()
        finally:
            writer.abandon()
        arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
        arrow = arrow.append_column(_STRUCTURE_ROW, pa.array(rows)).combine_chunks()
        write_table(partial / _TABLE, arrow, writer.digest, writer.checksums)
        writer.checksums.write(partial)
        counts = {
            "n": len(table),
            "n_materials": int(table["material_id"].nunique()),
            "fingerprint": writer.digest.hexdigest(),
        }
        card = card.model_copy(update={"kind": "pairs", **counts})
        card = describe(card) if describe else card
        return write_card(partial / CARD, card)


def open_pairs(directory: Path) -> PairSet:
    """Open a data set of pairs.

    Raises:
        LabError: if there is no data set of pairs, or a file is damaged.
    """
    path = Path(directory)
    card = read_card(path / CARD)
    if card.kind != "pairs":
        raise LabError(f"{card.name} contains {card.kind}; choose a data set of pairs.")
    if not (path / CHECKSUMS).exists():
        check_fingerprint(path, [*shard_paths(path, _STEM), path / _TABLE], card.fingerprint)
    arrow = read_table(path / _TABLE)
    structures = ShardReader(path, stem=_STEM)
    rows = arrow.column(_STRUCTURE_ROW).to_numpy() if _STRUCTURE_ROW in arrow.column_names else None
    if len(arrow) != card.n or rows is None or rows.max(initial=-1) >= len(structures):
        raise LabError(f"{path} does not match its card; import the data set again.")
    table = arrow.drop_columns([_STRUCTURE_ROW]).to_pandas()
    return PairSet(card, table, path=path, structures=structures, structure_rows=rows)
