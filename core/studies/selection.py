"""The energies that a study reads: of one functional, or of the same materials in two."""

import shlex
from operator import not_
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import find_dataset, open_dataset
from core.frames.schema import Card
from core.frames.store import FrameSet
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import pairs_from_table
from core.reference.shifts.labelled import LabelledEnergies, labelled_energies
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies, default_columns


def fingerprint(name: str) -> str:
    """Return the SHA-256 of the contents of a data set or of a table file.

    Args:
        name: name of a data set, or absolute path of a table file.

    Raises:
        LabError: if there is no such data set or file.
    """
    if Path(name).is_absolute():
        return open_table(name).sha256()
    return find_dataset(name).card.fingerprint


def open_data(name: str) -> FrameSet | PairSet:
    """Open a data set, or read a table file of pairs.

    Args:
        name: name of a data set, or absolute path of a table file.

    Raises:
        LabError: if there is no such data set or file.
    """
    is_table = Path(name).is_absolute()
    return pairs_from_table(Path(name)) if is_table else open_dataset(name)


class PairSelection(BaseModel):
    """Two energy columns of one data set of pairs or table file, or two data sets of frames.

    Attributes:
        dataset: the pairs, the frames in the source functional, or the absolute path of a table
            file (CSV or Parquet).
        other: the frames in the target functional; None for pairs.
        source: column of source energies; None for frames, and for the first one of pairs.
        target: column of target energies; None for frames, and for the last one of pairs in
            another functional than the source.
        mapping: of a table file: field to column, where the columns need naming.
        units: of a table file: field to unit, where the columns' names do not say it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    other: str | None = None
    source: str | None = None
    target: str | None = None
    # Left out where it is empty: results of data sets keep the keys they had before it existed.
    mapping: dict[str, str] = Field(default_factory=dict, exclude_if=not_)
    units: dict[str, str] = Field(default_factory=dict, exclude_if=not_)

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets, or the path of the table file."""
        return [self.dataset] if self.other is None else [self.dataset, self.other]

    @property
    def card(self) -> Card:
        """Card of the first data set; a table file is read for it."""
        if Path(self.dataset).is_absolute():
            return self._read_table().card
        return find_dataset(self.dataset).card

    @property
    def arguments(self) -> str:
        """The same selection as arguments of `atomref shift`."""
        columns = {"--source": self.source, "--target": self.target}
        return shlex.join(
            [
                *self.datasets,
                *(word for name, value in columns.items() if value for word in (name, value)),
                *(word for pair in self.mapping.items() for word in ("--map", "=".join(pair))),
                *(word for pair in self.units.items() for word in ("--unit", "=".join(pair))),
            ]
        )

    def open(self) -> OpenedPairs:
        """Open the data sets, or read the table file, and pair the energies.

        Raises:
            LabError: if there is no such data set, file or column, or no row has both energies.
        """
        if self.other is not None:
            frames, other = _open_frames(self.dataset), _open_frames(self.other)
            pairs = PairedEnergies.from_frame_sets(frames, other)
            return OpenedPairs(data=frames, pairs=pairs, other=other)
        is_table = Path(self.dataset).is_absolute()
        data = self._read_table() if is_table else open_dataset(self.dataset)
        if not isinstance(data, PairSet):
            raise LabError(
                f"{self.dataset}: holds the energies of one functional; name a second data set "
                "with the same frames in the target functional."
            )
        source, target = default_columns(data.card)
        pairs = PairedEnergies.from_pair_set(data, self.source or source, self.target or target)
        return OpenedPairs(data=data, pairs=pairs)

    def _read_table(self) -> PairSet:
        columns = {"source": self.source, "target": self.target}
        chosen = {field: column for field, column in columns.items() if column is not None}
        mapping = {**self.mapping, **chosen}
        return pairs_from_table(Path(self.dataset), mapping=mapping, units=self.units)


class EnergySelection(BaseModel):
    """The energies of one functional in a data set.

    Attributes:
        dataset: frames or pairs.
        column: energies of pairs; None for frames, and for the default target column of pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    column: str | None = None

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    @property
    def card(self) -> Card:
        """Card of the data set."""
        return find_dataset(self.dataset).card

    def open(self) -> LabelledEnergies:
        """Open the data set.

        Raises:
            LabError: if there is no such data set or column, or no row has an energy.
        """
        return labelled_energies(self.dataset, self.column)


def _open_frames(name: str) -> FrameSet:
    data = open_dataset(name)
    if not isinstance(data, FrameSet):
        raise LabError(
            f"{name}: holds pairs; name it alone, or give two data sets of frames instead."
        )
    return data
