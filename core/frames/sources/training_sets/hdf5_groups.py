"""HDF5 with structures in groups: of SPICE, ANI-1x, MACE, mlip and others of the kind.

A group holds either one structure, with labels as attributes or arrays, or many conformations of
one molecule, with arrays that have one row per conformation.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import h5py
import numpy as np

from core.elements import INDEX
from core.frames.sources.atoms.rows import atomic_numbers
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.sources.training_sets.hdf5 import ERRORS, array, groups, is_hdf5, member, open_hdf5
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR
from core.progress import Progress

_NUMBERS: Final = (
    *("atomic_numbers", "elements", "species", "numbers", "z", "Z", "symbols"),
    "atNUM",
)
_POSITIONS: Final = (
    *("positions", "conformations", "coordinates", "pos", "coords", "coord", "R"),
    "atXYZ",
)
_CELLS: Final = ("cell", "lattice", "box", "cells")
_NOT_LABELS: Final = frozenset({*_NUMBERS, *_POSITIONS, *_CELLS, "pbc"})
_BOHR_WORDS: Final = frozenset({"bohr", "bohrs", "a0", "au", "a.u."})
_GROUP: Final = "group"
_BATCH_OF_MACE: Final = "/config_batch_"
_AT_ONCE: Final = 64
_GUESSED: Final = (
    ("dft_total_energy", "energy"),
    ("wb97x_dz.energy", "energy"),
    ("wB97x_6-31G(d).energy", "energy"),
    ("dft_total_gradient", "forces"),
    ("wb97x_dz.forces", "forces"),
    ("wB97x_6-31G(d).forces", "forces"),
    ("ePBE0+MBD", "energy"),
    ("totFOR", "forces"),
)
_KNOWN_UNITS: Final = {
    # SPICE: https://github.com/openmm/spice-dataset, ANI-1x: 10.1038/s41597-020-0473-z,
    # Transition1x: 10.1038/s41597-022-01870-w, QM7-X: 10.1038/s41597-021-00812-2.
    "dft_total_energy": "Ha/cell",
    "dft_total_gradient": "Ha/bohr",  # whose name reverses the sign
    "wb97x_dz.energy": "Ha/cell",
    "wb97x_dz.forces": "Ha/Å",
    "wB97x_6-31G(d).energy": "eV/cell",
    "wB97x_6-31G(d).forces": "eV/Å",
    "ePBE0+MBD": "eV/cell",
    "totFOR": "eV/Å",
}
_OF_ANI: Final = frozenset({"species", "coordinates", "energies"})
_UNITS_OF_ANI: Final = {"energies": "Ha/cell", "forces": "Ha/Å"}
"""Of ANI-1 (10.1038/sdata.2017.193) and ANI-2x, whose files torchani reads without units."""


class Hdf5Groups(RecordSource):
    """Structures in the groups of an HDF5 file, with labels under the names of the file.

    Units are those that an array states in its attribute "units", or those of the data sets that
    are known by the names of their labels; otherwise eV and Å.
    """

    form = "hdf5"
    title = "HDF5 with structures in groups"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with open_hdf5(path) as file:
                if (first := next(_structure_groups(file), None)) is not None:
                    self._learn(first)
        except ERRORS:
            pass  # damaged, which the records then say

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is HDF5 with elements and positions in a group."""
        if not is_hdf5(path):
            return False
        try:
            with open_hdf5(path) as file:
                return next(_structure_groups(file), None) is not None
        except ERRORS:
            return True  # damaged, which the records then say

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structures, group by group."""
        name, n_groups = self.path.name, 0
        try:
            with open_hdf5(self.path) as file:
                total = max(len(file), 1)
                for group in _structure_groups(file):
                    n_groups += 1
                    try:
                        yield from _structures(group, f"{group.name.strip('/')} in {name}")
                    except (CellError, *ERRORS) as error:
                        why = str(error) if isinstance(error, CellError) else "it is damaged"
                        yield Refused(where=f"{group.name.strip('/')} in {name}", why=why)
                    progress(min(n_groups / total, 1.0), f"{n_groups:,} groups read")
        except ERRORS as error:
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=f"the rest of {name}", why=f"the HDF5 file is damaged ({why})")

    def _learn(self, group: h5py.Group) -> None:
        """Take keys and units from the first group."""
        keys = [*group.keys(), *group.attrs.keys()]
        mapping = {field: key for key, field in _GUESSED if key in keys}
        positions = _named(group, _POSITIONS)
        is_one = positions is not None and positions.ndim == 2
        mapping["frame_id" if is_one else "material_id"] = _GROUP
        known = _KNOWN_UNITS | (_UNITS_OF_ANI if keys and _OF_ANI.issubset(keys) else {})
        units = {key: unit for key, unit in known.items() if key in keys}
        if str(group.name).startswith(_BATCH_OF_MACE):
            self.stress_order = "ase"  # mace/tools/torch_tools.py, voigt_to_matrix
        for key in group:
            if (found := array(group, key)) is not None and key not in units:
                unit = _text(found.attrs.get("units"))
                units |= {key: unit} if unit else {}
        self.mapping = MappingProxyType(mapping)
        self.key_units = MappingProxyType(units)


def _structure_groups(file: h5py.File) -> Iterator[h5py.Group]:
    return (
        group
        for group in chain([file], groups(file))
        if _named(group, _NUMBERS) is not None and _named(group, _POSITIONS) is not None
    )


def _named(group: h5py.Group, names: tuple[str, ...]) -> h5py.Dataset | None:
    return next((found for name in names if (found := array(group, name)) is not None), None)


def _structures(group: h5py.Group, where: str) -> Iterator[Record | Refused]:
    elements = _named(group, _NUMBERS)
    positions, cells = _named(group, _POSITIONS), _named(group, _CELLS)
    if positions is None or positions.dtype.kind not in "fiu":
        raise CellError("its positions are not numbers")
    if elements is None or elements.ndim not in {1, positions.ndim - 1}:
        raise CellError("its elements are not one per atom")
    is_each = elements.ndim == 2
    numbers = np.zeros(0, int) if is_each else _elements(elements[()])
    length = BOHR if _text(positions.attrs.get("units")).lower() in _BOHR_WORDS else 1.0
    shared = {_GROUP: str(group.name).strip("/")}
    shared |= {key: _plain(value) for key, value in group.attrs.items()}
    labels = {key: found for key in group if (found := array(group, key)) is not None}
    if isinstance(properties := member(group, "properties"), h5py.Group):
        labels |= {
            key: found for key in properties if (found := array(properties, key)) is not None
        }
    labels = {key: found for key, found in labels.items() if key not in _NOT_LABELS}
    pbc = _pbc(array(group, "pbc"))
    if positions.ndim == 2:
        values = shared | {key: _plain(found[()]) for key, found in labels.items()}
        yield _record(where, numbers, positions[()] * length, _cell(cells), pbc, values)
        return
    if positions.ndim != 3 or (is_each and elements.shape != positions.shape[:2]):
        raise CellError("its positions are not three numbers per atom")
    total = len(positions)
    rows = {key: one for key, one in labels.items() if one.ndim and one.shape[0] == total}
    shared |= {key: _plain(one[()]) for key, one in labels.items() if key not in rows}
    has_cells = cells is not None and cells.ndim == 3 and len(cells) == total
    for begin in range(0, total, _AT_ONCE):
        end = min(begin + _AT_ONCE, total)
        chunk = positions[begin:end] * length
        parts = {key: one[begin:end] for key, one in rows.items()}
        own = elements[begin:end] if is_each else None
        boxes = cells[begin:end] if cells is not None and has_cells else None
        for place in range(end - begin):
            at = f"conformation {begin + place} of {where}"
            cell = boxes[place] if boxes is not None else _cell(cells)
            values = shared | {key: _plain(one[place]) for key, one in parts.items()}
            try:
                if own is not None:
                    numbers = _elements(own[place])
                yield _record(at, numbers, chunk[place], cell, pbc, values)
            except CellError as error:
                yield Refused(where=at, why=str(error))


def _record(
    where: str,
    numbers: np.ndarray,
    positions: np.ndarray,
    cell: np.ndarray | None,
    pbc: tuple[bool, bool, bool] | None,
    values: dict[str, Any],
) -> Record:
    if positions.shape != (len(numbers), 3):
        raise CellError(f"its positions are not those of its {len(numbers):,} atoms")
    has_cell = cell is not None and bool(np.any(cell))
    return Record(
        where=where,
        atomic_numbers=numbers,
        lattice=cell if has_cell else None,
        positions=positions.astype(np.float64),
        pbc=pbc if pbc is not None and has_cell else (has_cell,) * 3,
        values=present(values),
    )


def _elements(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iuf":
        return atomic_numbers(values)
    symbols = [_text(one) for one in values]
    try:
        return np.array([INDEX[symbol] + 1 for symbol in symbols], dtype=np.int64)
    except KeyError as error:
        raise CellError(f"it contains {error}, which is not an element from H to Pu") from None


def _cell(data: h5py.Dataset | None) -> np.ndarray | None:
    if data is None or data.dtype.kind not in "fiu" or data.size not in {3, 9}:
        return None
    cell = np.asarray(data[()], dtype=np.float64)
    return np.diag(cell.reshape(3)) if cell.size == 3 else cell.reshape(3, 3)


def _pbc(data: h5py.Dataset | None) -> tuple[bool, bool, bool] | None:
    if data is None or data.shape != (3,) or data.dtype.kind not in "biu":
        return None
    first, second, third = (bool(one) for one in data[()])
    return first, second, third


def _plain(value: Any) -> Any:
    """Return a value of HDF5 as a number, an array or text; None where it says None."""
    if isinstance(value, (bytes, str)):
        return None if (text := _text(value)) == "None" else text
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OSU":
            return [_text(one) for one in value.reshape(-1)[:1000]]
        return value.reshape(-1)[0] if value.shape in {(), (1,), (1, 1)} else value
    return value


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
