"""DeePMD's systems: folders of .npy files, and the same names in HDF5."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from tokenize import TokenError
from types import MappingProxyType
from typing import Any, Final

import h5py
import numpy as np

from core.errors import LabError
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.sources.training_sets.hdf5 import ERRORS, array, groups, is_hdf5, open_hdf5
from core.frames.sources.training_sets.types import numbers_of_types
from core.frames.tables.tabular import CellError
from core.progress import Progress, part

_TYPES, _NAMES = "type.raw", "type_map.raw"
_LABELS: Final = {"energy": (), "force": (-1, 3), "virial": (3, 3)}
_RAW: Final = "raw"
"""Stands for the set of a folder whose arrays are text, one line per frame."""

_LARGEST_TEXT: Final = 1 << 30
_NO_ARRAY: Final = (ValueError, OSError, EOFError, SyntaxError, OverflowError, TokenError)
"""What numpy raises where the head of a file is damaged."""
_AT_ONCE: Final = 256
_MOST_SYSTEMS: Final = 100_000


class System(ABC):
    """One system: frames of the same atoms, in sets.

    Attributes:
        name: its place in the file or folder, empty for the only one.
    """

    name: str

    @abstractmethod
    def sets(self) -> list[str]:
        """Return the names of its sets, in order."""

    @abstractmethod
    def text(self, name: str) -> list[str] | None:
        """Return the words of a file of text, None if there is none."""

    @abstractmethod
    def array(self, name: str) -> Any:
        """Return an array that is read where it is sliced, None if there is none.

        Raises:
            CellError: if it cannot be read.
        """

    @property
    @abstractmethod
    def is_molecule(self) -> bool:
        """Whether its frames are not periodic."""


class DeepmdSource(RecordSource):
    """Systems of DeePMD: energy in eV, force in eV/Å, virial in eV, −V × stress.

    See https://docs.deepmodeling.com/projects/deepmd/en/stable/data/system.html. Types have names
    in type_map.raw; where that is missing, the user gives the elements. Several systems are several
    materials.
    """

    mapping = MappingProxyType(
        {"energy": "energy", "forces": "force", "stress": "virial", "material_id": "system"}
    )
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å", "stress": "eV virial"})
    units_are_known = True
    has_types = True

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames, system by system and set by set."""
        systems = self.systems()
        for number, system in enumerate(systems):
            share = part(progress, number / len(systems), (number + 1) / len(systems))
            name = f"{system.name} in {self.path.name}" if system.name else self.path.name
            try:
                yield from self._frames(system, name, share, is_one_of_many=len(systems) > 1)
            except CellError as error:
                yield Refused(where=name, why=str(error))

    @abstractmethod
    def systems(self) -> list[System]:
        """Return the systems, in order."""

    def _frames(
        self, system: System, name: str, progress: Progress, *, is_one_of_many: bool
    ) -> Iterator[Record | Refused]:
        elements = tuple(system.text(_NAMES) or ()) or self.elements
        types = _integers(system.text(_TYPES))
        values = {"system": system.name} if is_one_of_many else {}
        sets = system.sets()
        for place, one in enumerate(sets):
            where = f"{one} of {name}"
            try:
                for number, arrays in enumerate(_rows(system, one, len(types))):
                    at = f"frame {number} of {where}"
                    try:
                        yield self._record(at, arrays, types, elements, system.is_molecule, values)
                    except CellError as error:
                        yield Refused(where=at, why=str(error))
            except CellError as error:
                yield Refused(where=where, why=str(error))
            progress((place + 1) / len(sets), f"{one} read")

    def _record(
        self,
        where: str,
        arrays: dict[str, np.ndarray],
        types: np.ndarray,
        elements: tuple[str, ...],
        is_molecule: bool,  # noqa: FBT001
        values: dict[str, Any],
    ) -> Record:
        own = arrays.pop("real_atom_types", types)
        is_real = own >= 0  # sets of mixed types are filled up with atoms of type −1
        positions, box = arrays.pop("coord"), arrays.pop("box", None)
        labels: dict[str, Any] = {key: value for key, value in arrays.items() if key != "force"}
        if "energy" in labels:
            labels["energy"] = float(labels["energy"])
        if "force" in arrays:
            labels["force"] = arrays["force"][is_real]
        has_cell = box is not None and not is_molecule and bool(box.any())
        return Record(
            where=where,
            atomic_numbers=numbers_of_types(own[is_real], elements, self.path.name),
            lattice=box if has_cell else None,
            positions=positions[is_real],
            pbc=(has_cell,) * 3,
            values={**labels, **values},
        )


class DeepmdFolder(DeepmdSource):
    """A folder with type.raw and arrays in set.* or in text, or a folder of such folders."""

    form = "deepmd"
    title = "DeePMD systems"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a folder has a system, itself or below."""
        return path.is_dir() and next(_system_folders(path), None) is not None

    def systems(self) -> list[System]:
        """Return the systems of the folder and its subfolders."""
        folders = sorted(islice(_system_folders(self.path), _MOST_SYSTEMS))
        return [FolderSystem(folder, self.path) for folder in folders]


class DeepmdHdf5(DeepmdSource):
    """An HDF5 file with the names of such folders."""

    form = "deepmd-hdf5"
    title = "DeePMD systems in HDF5"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file: h5py.File | None = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is HDF5 with a system."""
        if not is_hdf5(path):
            return False
        try:
            with open_hdf5(path) as file:
                return next(_system_groups(file), None) is not None
        except ERRORS:
            return False

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames, system by system and set by set."""
        try:
            with open_hdf5(self.path) as self._file:
                yield from super().records(progress)
        except ERRORS as error:
            yield Refused(where=self.path.name, why=f"the HDF5 file is damaged ({_short(error)})")

    def systems(self) -> list[System]:
        """Return the systems of the file."""
        if self._file is None:
            raise LabError(f"{self.path.name} is not open.")
        return [GroupSystem(group) for group in islice(_system_groups(self._file), _MOST_SYSTEMS)]


class FolderSystem(System):
    """A system in a folder."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self.name = "" if folder == root else folder.relative_to(root).as_posix()

    def sets(self) -> list[str]:
        """Return the names of its folders of arrays."""
        names = sorted(one.name for one in self._folder.glob("set.*") if one.is_dir())
        return names or ([_RAW] if (self._folder / "coord.raw").is_file() else [])

    def text(self, name: str) -> list[str] | None:
        """Return the words of a file of text."""
        path = self._folder / name
        if not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
            return None
        return path.read_text(errors="replace").split()

    def array(self, name: str) -> Any:
        """Return an array: one of .npy mapped into memory, one of text as a whole."""
        is_text = name.startswith(_RAW)
        path = self._folder / (f"{Path(name).stem}.raw" if is_text else name)
        if not path.is_file():
            return None
        if is_text and path.stat().st_size > _LARGEST_TEXT:
            raise CellError(f"{path.name} is larger than 1 GiB; convert it with raw_to_set.sh")
        try:
            if is_text:
                return np.loadtxt(path, ndmin=1 if path.stem == "energy" else 2)
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except _NO_ARRAY:
            raise CellError(f"{path.name} is not an array of numbers, or is damaged") from None

    @property
    def is_molecule(self) -> bool:
        """Whether the folder says that its frames are not periodic."""
        return (self._folder / "nopbc").exists()


class GroupSystem(System):
    """A system in a group of HDF5."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        self.name = str(group.name).strip("/")

    def sets(self) -> list[str]:
        """Return the names of its groups of arrays."""
        return sorted(name for name in self._group if name.startswith("set."))

    def text(self, name: str) -> list[str] | None:
        """Return the values of an array of names or numbers as text."""
        data = self.array(name)
        if data is None:
            return None
        values = np.asarray(data[()]).reshape(-1).tolist()
        return [one.decode() if isinstance(one, bytes) else str(one) for one in values]

    def array(self, name: str) -> Any:
        """Return a data set."""
        return array(self._group, name)

    @property
    def is_molecule(self) -> bool:
        """Whether the group says that its frames are not periodic."""
        return "nopbc" in self._group


def _rows(system: System, one: str, n: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the arrays of each frame of a set.

    Raises:
        CellError: if the arrays do not belong to each other.
    """
    shapes = {"coord": (n, 3), "box": (3, 3), "real_atom_types": (n,), **_LABELS}
    arrays = {
        key: array for key in shapes if (array := system.array(f"{one}/{key}.npy")) is not None
    }
    if "coord" not in arrays:
        raise CellError("it has no coord.npy")
    total = len(arrays["coord"]) if arrays["coord"].ndim else 0
    for key, array in arrays.items():
        width = int(np.prod([n if size == -1 else size for size in shapes[key]], dtype=np.int64))
        if array.dtype.kind not in "fiu" or array.ndim < 1 or array.shape[0] != total:
            raise CellError(f"{key}.npy does not have one row of numbers for each frame")
        if int(np.prod(array.shape[1:], dtype=np.int64)) != width:
            raise CellError(
                f"{key}.npy has {np.prod(array.shape[1:], dtype=np.int64):,} numbers per frame, "
                f"but {n} atoms need {width:,}"
            )
    for begin in range(0, total, _AT_ONCE):
        chunk = {key: np.asarray(array[begin : begin + _AT_ONCE]) for key, array in arrays.items()}
        for place in range(len(chunk["coord"])):
            yield {
                key: values[place]
                .reshape(shapes[key])
                .astype(np.int64 if key == "real_atom_types" else np.float64)
                for key, values in chunk.items()
            }


def _system_folders(path: Path) -> Iterator[Path]:
    if _is_system(path):
        yield path
        return
    for file in path.glob(f"**/{_TYPES}"):
        if _is_system(file.parent):
            yield file.parent


def _is_system(folder: Path) -> bool:
    has_frames = (folder / "coord.raw").is_file() or any(folder.glob("set.*/coord.npy"))
    return (folder / _TYPES).is_file() and has_frames


def _system_groups(file: h5py.Group) -> Iterator[h5py.Group]:
    return (group for group in chain([file], groups(file)) if _TYPES in group)


def _integers(words: list[str] | None) -> np.ndarray:
    try:
        return np.array([int(float(word)) for word in words or ()], dtype=np.int64)
    except (ValueError, OverflowError):
        raise CellError(f"{_TYPES} does not hold whole numbers") from None


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:80]
