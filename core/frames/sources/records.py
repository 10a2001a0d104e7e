"""Structures as files hold them, with labels under the names and in the units of the file."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from core.boxed import count_read
from core.errors import LabError
from core.frames.schema import DFT, PERIODIC, Corrections
from core.frames.tables.labels import StressOrder
from core.progress import Progress, silent

Steps = Literal["all", "last"]
"""Which ionic steps of a calculation become frames."""


@dataclass(kw_only=True, slots=True)
class Record:
    """One structure of a file with the labels that the file gives it.

    Attributes:
        where: its place, as "frame 7 of train.xyz", with frames counted from 0.
        atomic_numbers: (n,) integers.
        lattice: lattice vectors as rows, (3, 3), Å; None for a molecule without a cell.
        frac_coords: fractional coordinates, (n, 3); None where `positions` are given.
        positions: Cartesian coordinates, (n, 3), Å; None where `frac_coords` are given.
        pbc: whether the structure is periodic along each lattice vector.
        values: key of the file to value: numbers, arrays, nested lists or text.
    """

    where: str
    atomic_numbers: np.ndarray
    lattice: np.ndarray | None
    frac_coords: np.ndarray | None = None
    positions: np.ndarray | None = None
    pbc: tuple[bool, bool, bool] = PERIODIC
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True, frozen=True)
class Refused:
    """One structure of a file that cannot be read.

    Attributes:
        where: its place in the file.
        why: the reason, as the end of a sentence without its period.
    """

    where: str
    why: str


class Packed(NamedTuple):
    """One structure of a file, periodic in every direction, as the bytes of its arrays.

    Attributes:
        atomic_numbers: a byte per atom.
        frac_coords: fractional coordinates, three doubles per atom.
        lattice: lattice vectors as rows, nine doubles, Å.
        values: as of `Record`; arrays of labels are doubles of one of the shapes that the label
            has.
    """

    atomic_numbers: bytes
    frac_coords: bytes
    lattice: bytes
    values: dict[str, Any]


@dataclass(kw_only=True, frozen=True, slots=True)
class Block:
    """Some structures of a file, one after the other.

    Attributes:
        members: the structures, at least one, each of at least one atom.
        records: yields the same structures as records, for a closer look.
    """

    members: Sequence[Packed]
    records: Callable[[], Iterator[Record | Refused]]

    def sizes(self) -> np.ndarray:
        """Return the numbers of atoms, (m,) integers."""
        return np.array([len(one.atomic_numbers) for one in self.members])

    def values(self, key: str) -> list[Any]:
        """Return what stands under a key, None where there is nothing."""
        return [one.values.get(key) for one in self.members]


@dataclass(kw_only=True, slots=True)
class Place:
    """How far a source has been read, so that another process can go on there.

    Attributes:
        part: its files that have been read to their end, where it has several.
        n: structures of the next one that were read, with those that cannot be taken.
        seen: what the files before were found to have, with how often, for the notes.
    """

    part: int = 0
    n: int = 0
    seen: dict[str, int] = field(default_factory=dict)


Item = Record | Refused | Block
Packer = Callable[[Any, int], bytes | None]
"""Makes the bytes of an array from nested lists and the number of atoms, None if it cannot."""


def behind(items: Iterable[Item], place: Place, n: int = 0) -> Iterator[Item]:
    """Yield the items behind a place, which moves on.

    Args:
        items: items of a source.
        place: where they begin, see `RecordSource.items`.
        n: structures before the first of the items.
    """
    for item in items:
        n += len(item.members) if isinstance(item, Block) else 1
        if n > place.n:
            place.n = n
            yield item
        else:
            count_read()


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are there: not None and not NaN throughout, as missing labels are."""
    return {key: value for key, value in values.items() if not _is_missing(value)}


def _is_missing(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and bool(np.isnan(value).all())
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124  NaN


@dataclass(kw_only=True, frozen=True)
class Reading:
    """How files are read where they leave a choice.

    Attributes:
        form: name of their form where recognition is wrong; see
            `core.frames.sources.opening.FORMS`.
        steps: which ionic steps of calculations become frames.
        with_unconverged: whether steps count whose electronic loop did not converge.
        elements: symbols in the order of the types of atoms, where a file has numbers of types.
    """

    form: str | None = None
    steps: Steps = "all"
    with_unconverged: bool = False
    elements: tuple[str, ...] = ()


class RecordSource(ABC):
    """A file or a folder with many structures, read one after the other.

    A source is a class per form. What the form itself defines is stated here; what a file is free
    to choose is guessed from its keys and overruled by the user.

    Attributes:
        form: name of the form for the user, as in `atomref import --format`.
        title: the form in words.
        mapping: field to key, where the form defines the keys.
        units: label to unit, where keys do not say it.
        key_units: key to unit, where the file states it.
        units_are_known: whether the form defines these units; otherwise they are assumed.
        stress_order: order of six numbers of stress.
        elements: symbols in the order of the types of atoms, where the form has numbers of types
            only; the user's.
        path: the file or folder.
        functional: functional of all frames as far as the file says it, None if it does not.
        corrections: whether the energies contain MP2020 corrections, None if that is not known.
        labels: "dft" or the name of the model that made the labels.
        has_steps: whether it holds calculations, of which the steps can be chosen.
        has_types: whether it may have numbers of types instead of elements.
        is_calculation: whether a file is one calculation, whose steps are of one material.
        read_keys: keys whose values are needed, None for all; a source may leave the others out.
    """

    form: ClassVar[str]
    title: str
    mapping: Mapping[str, str] = MappingProxyType({})
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "eV/Å³"}
    )
    key_units: Mapping[str, str] = MappingProxyType({})
    units_are_known: bool = False
    stress_order: StressOrder | None = None
    elements: tuple[str, ...] = ()
    functional: str | None = None
    corrections: Corrections | None = None
    labels: str = DFT
    has_steps: bool = False
    is_calculation: ClassVar[bool] = False
    has_types: bool = False
    read_keys: frozenset[str] | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head: tuple[list[Record], Refused | None] | None = None

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file or folder is of this form, by its content."""

    def choose(self, steps: Steps, *, with_unconverged: bool) -> None:
        """Choose which steps of calculations are read, where a form has them.

        Args:
            steps: every ionic step, or the last one of each calculation.
            with_unconverged: whether steps count whose electronic loop did not converge.

        Raises:
            LabError: if the form has no steps, and not all are asked for.
        """
        if steps != "all" or with_unconverged:
            raise LabError(
                f"{self.path.name} ({self.title}) does not say which frames are steps of one "
                "calculation; import it with all of them."
            )

    @abstractmethod
    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield what the file holds, in its order; may be called again.

        Raises:
            LabError: if nothing more can be read and what was read is worth nothing. A file that
                breaks off yields a `Refused` for the rest instead.
        """

    def blocks(self, progress: Progress, packers: Mapping[str, Packer]) -> Iterator[Item]:
        """Yield what `records` yields, or blocks of structures that have nothing unusual.

        Args:
            progress: as of `records`.
            packers: key to what makes an array of a label bytes, None if it is unusual.
        """
        del packers
        yield from self.records(progress)

    def items(
        self, progress: Progress, packers: Mapping[str, Packer] | None, place: Place
    ) -> Iterator[Item]:
        """Yield what follows a place, which moves on.

        Args:
            progress: as of `records`.
            packers: as of `blocks`; None for records alone.
            place: where to begin; before an item is yielded, it is set to the place behind it.
        """
        items = self.records(progress) if packers is None else self.blocks(progress, packers)
        yield from behind(items, place)

    def head(self, n: int) -> tuple[list[Record], Refused | None]:
        """Return the first records, read once, and the first that cannot be read, if any.

        Args:
            n: number of records and refusals to read; more where none of them is a record.
        """
        if self._head is None:
            kept: list[Record] = []
            refused: Refused | None = None
            for place, item in enumerate(self.records(silent), start=1):
                count_read()
                if isinstance(item, Record):
                    kept.append(item)
                else:
                    refused = refused or item
                if kept and place >= n:
                    break
            self._head = kept, refused
        return self._head

    def notes(self) -> list[str]:
        """Return what the user should know of the whole file, after `records`, as sentences."""
        return []

    def without_frames(self) -> LabError:
        """Return the error for a file without any structure."""
        return LabError(f"{self.path.name} ({self.title}) holds no structures; check the file.")

    def without_energies(self, keys: Sequence[str]) -> LabError:
        """Return the error for a file none of whose keys is known to hold energies."""
        if not keys:
            return LabError(
                f"{self.path.name} ({self.title}) holds structures without any labels; frames "
                "need energies."
            )
        return LabError(
            f"{self.path.name} ({self.title}) has no key that looks like a total energy; if one of "
            f"these is, name it with --map energy=KEY: {', '.join(keys)}."
        )
