"""A data set of frames on disk: card.json and Arrow shards in one directory."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from functools import partial as bound
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import LabError
from core.files import new_directory
from core.frames.cards import read_card, write_card
from core.frames.checksums import CHECKSUMS, check_fingerprint
from core.frames.compositions import fractions_of
from core.frames.layout import SCALARS
from core.frames.resuming import Journal
from core.frames.schema import CARD, Card, Frame
from core.frames.shard_writer import SHARD_ROWS, ShardWriter
from core.frames.shards import (
    ROWS_FILE,
    ShardReader,
    mean_magmoms,
    read_rows,
    shard_paths,
    volumes_per_atom,
)
from core.frames.splits import Split, split_by_material
from core.home import EMBEDDED_DIR

_STEM = "frames"


def write_frames(
    directory: Path,
    card: Card,
    frames: Iterable[Frame | pa.RecordBatch],
    *,
    shard_size: int = SHARD_ROWS,
    describe: Callable[[Card], Card] | None = None,
    refuse: Callable[[Frame, str], None] | None = None,
    journal: Journal | None = None,
) -> Card:
    """Write a data set of frames; the directory appears whole or not at all.

    Args:
        directory: directory of the data set; must not exist.
        card: card without counts and fingerprint, which are filled in here.
        frames: frames, or record batches of valid ones, taken one by one, so that they need not fit
            in memory.
        shard_size: number of frames per file.
        describe: completes the card after the last frame.
        refuse: takes an invalid frame and the reason; without it an invalid frame is an error.
        journal: lets the writing go on where it was ended; the frames are then not yet read.

    Returns:
        The card as stored.

    Raises:
        LabError: if the directory exists, a frame is invalid, an id is not unique, or there are no
            frames.
    """
    with journal.directory(directory) if journal else new_directory(directory) as partial:
        start = bound(ShardWriter, partial, stem=_STEM, shard_rows=shard_size, refuse=refuse)
        writer = start()
        if journal and not journal.go_on(writer):
            writer = start()
        try:
            for each in frames:
                if isinstance(each, pa.RecordBatch):
                    writer.add_batch(each)
                else:
                    writer.add(each)
                if journal:
                    journal.note(writer)
            fingerprint = writer.finish()
        finally:
            writer.abandon()
        if not writer.n:
            why = f": {writer.first_refused}" if writer.first_refused else ""
            raise LabError(
                f"{card.name} would have no frames{why}; add at least one with a structure."
            )
        counts = {"n": writer.n, "n_materials": writer.n_materials, "fingerprint": fingerprint}
        card = card.model_copy(update={"kind": "frames", **counts})
        card = describe(card) if describe else card
        writer.checksums.write(partial)
        return write_card(partial / CARD, card)


def open_frames(directory: Path) -> "FrameSet":
    """Open a data set of frames by reading its card and the footers of its shards.

    Raises:
        LabError: if there is no data set of frames, or a file is damaged.
    """
    return FrameSet(directory)


class FrameSet:
    """A memory-mapped data set of frames, whose rows are read on demand.

    Attributes:
        card: contents and source of the data set.
        path: its directory.
        parent: of a subset: the data set that holds its frames, else None.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.card = read_card(self.path / CARD)
        if self.card.kind != "frames":
            raise LabError(
                f"{self.card.name} contains {self.card.kind}; choose a data set of frames."
            )
        self.parent: FrameSet | None = None
        self._rows: np.ndarray | None = None
        if parent := parent_path(self.path, self.card):
            self.parent = FrameSet(parent)
            _check_whole(self.path, self.card)
            self._rows = read_rows(self.path, self.card.n, len(self.parent))
        else:
            _check_whole(self.path, self.card)
        self._shards = ShardReader(parent or self.path, stem=_STEM, rows=self._rows)
        if len(self._shards) != self.card.n:
            raise LabError(
                f"{self.path} contains {len(self._shards)} frames, but its card says "
                f"{self.card.n}; import the data set again."
            )

    def __len__(self) -> int:
        return len(self._shards)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the stored frames."""
        return self.card.fingerprint

    def frame(self, i: int) -> Frame:
        """Return frame i."""
        return self._shards.frame(int(i))

    def frames(self, indices: Iterable[int]) -> list[Frame]:
        """Return the frames of these rows, in their order."""
        return [self.frame(i) for i in indices]

    def rows_in_parent(self, rows: np.ndarray) -> np.ndarray:
        """Return which rows of the data set that holds the frames some rows are, (m,)."""
        return rows if self._rows is None else self._rows[rows]

    def table(self) -> pd.DataFrame:
        """Return one row per frame without reading the per-atom columns.

        Columns: frame_id, material_id, formula, n_atoms, energy_per_atom and
        uncorrected_energy_per_atom (eV/atom), bandgap (eV), has_forces, has_stress, has_magmoms.
        """
        return self._table.copy(deep=False)

    def rows(self, indices: Iterable[int]) -> pd.DataFrame:
        """Return some rows of `table`, without its columns has_…, read on demand."""
        chosen = [int(i) for i in indices]
        return pd.DataFrame({name: self._shards.values(name, chosen) for name in SCALARS})

    def fractions(self) -> np.ndarray:
        """Return the compositions as fractions, (n, 94)."""
        return self._fractions

    def energies(self) -> np.ndarray:
        """Return energy_per_atom, (n,) eV/atom, NaN where missing."""
        return self._values("energy_per_atom")

    def material_ids(self) -> np.ndarray:
        """Return the material ids, (n,) strings, of which equal ones are one object."""
        return self._material_ids

    def formulas(self) -> np.ndarray:
        """Return the reduced formulas, (n,) strings, of which equal ones are one object."""
        return self._formulas

    def material_codes(self) -> np.ndarray:
        """Return the number of each frame's material in the order of appearance, (n,) integers."""
        return self._shards.codes("material_id")[0]

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (first row, record batch), memory-mapped, one after the other."""
        return self._shards.batches()

    def n_atoms(self) -> np.ndarray:
        """Return the numbers of atoms, (n,) integers."""
        return self._values("n_atoms")

    def volumes_per_atom(self) -> np.ndarray:
        """Return the volume per atom of each frame, (n,) Å³."""
        return volumes_per_atom(self._shards)

    def mean_magmoms(self) -> np.ndarray:
        """Return the mean |magmom| of each frame's atoms, (n,) μB, NaN without magmoms."""
        return mean_magmoms(self._shards)

    def split(self) -> Split:
        """Return the training, validation and test rows."""
        return self._split

    def _values(self, column: str) -> np.ndarray:
        values: np.ndarray = self._shards.column(column).to_numpy()
        return values

    @cached_property
    def _table(self) -> pd.DataFrame:
        columns = {name: self._shards.column(name).to_pandas() for name in SCALARS}
        for name in ("forces", "stress", "magmoms"):
            columns[f"has_{name}"] = self._shards.is_valid(name)
        return pd.DataFrame(columns)

    @cached_property
    def _material_ids(self) -> np.ndarray:
        return self._shards.strings("material_id")

    @cached_property
    def _formulas(self) -> np.ndarray:
        return self._shards.strings("formula")

    @cached_property
    def _fractions(self) -> np.ndarray:
        return fractions_of(self._shards.compositions(), len(self), self.fingerprint)

    @cached_property
    def _split(self) -> Split:
        if self.parent is not None and self._rows is not None:
            inherited = self.parent.split().within(self._rows)
            if inherited is not None:
                return inherited
        return split_by_material(self.material_ids(), seed=self.card.split_seed)


def _check_whole(directory: Path, card: Card) -> None:
    """Compare a data set without checksums, of an older version, with its fingerprint."""
    if (directory / CHECKSUMS).exists():
        return
    if card.parent is None:
        check_fingerprint(directory, shard_paths(directory, _STEM), card.fingerprint)
    else:
        start = card.parent.fingerprint.encode()
        check_fingerprint(directory, [directory / ROWS_FILE], card.fingerprint, start)


def parent_path(directory: Path, card: Card) -> Path | None:
    """Return the directory of the data set that a subset belongs to; None for no subset.

    Raises:
        LabError: if it is missing or contains other frames than when the subset was made.
    """
    if card.parent is None:
        return None
    name = card.parent.name
    for path in (directory.parent / name, EMBEDDED_DIR / name):
        if (path / CARD).is_file():
            break
    else:
        raise LabError(
            f"{card.name} is a subset of {name}, which is missing; import {name} again, or delete "
            f"{card.name}."
        )
    if read_card(path / CARD).fingerprint != card.parent.fingerprint:
        raise LabError(
            f"{card.name} is a subset of {name}, which contains other frames now than when the "
            f"subset was made; delete {card.name} and make it again."
        )
    return path
