"""H5MD: trajectories in HDF5 with labels as observables, as ZnH5MD writes them from ASE."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import h5py
import numpy as np

from core.frames.schema import PERIODIC
from core.frames.sources.atoms.rows import atomic_numbers
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.sources.training_sets.hdf5 import ERRORS, array, is_hdf5, member, open_hdf5
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR, Label, UnknownUnitError, unit_named
from core.progress import Progress

_LENGTHS: Final = {"angstrom": 1.0, "a": 1.0, "å": 1.0, "nm": 10.0, "bohr": BOHR, "a0": BOHR}
_LABELS: Final[Mapping[str, tuple[str, Label]]] = MappingProxyType(
    {
        "potential_energy": ("energy", "energy"),
        "energy": ("energy", "energy"),
        "force": ("forces", "forces"),
        "forces": ("forces", "forces"),
        "stress": ("stress", "stress"),
        "magmoms": ("magmoms", "magmoms"),
    }
)
_AT_ONCE: Final = 64


class H5md(RecordSource):
    """The first group of particles that has positions, elements and energies.

    Elements are atomic numbers, lengths in the unit that the file states, else Å. Shorter frames
    are filled up with NaN (https://www.nongnu.org/h5md/h5md.html,
    https://github.com/zincware/ZnH5MD).
    """

    form = "h5md"
    title = "H5MD trajectory"
    stress_order = "ase"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        mapping: dict[str, str] = {}
        units: dict[str, str] = {}
        try:
            with open_hdf5(path) as file:
                name = _particles(file)
                for key, data in _labels(file, name or "").items():
                    field, label = _LABELS.get(key, ("", "energy"))
                    if not field or field in mapping:
                        continue
                    mapping[field] = key
                    if unit := _unit(data, label):
                        units[key] = unit
        except ERRORS:
            pass  # damaged, which the records then say
        self.mapping, self.key_units = MappingProxyType(mapping), MappingProxyType(units)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is H5MD with positions and elements of particles."""
        if not is_hdf5(path):
            return False
        try:
            with open_hdf5(path) as file:
                return _particles(file) is not None
        except ERRORS:
            return False

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        try:
            with open_hdf5(self.path) as file:
                name = _particles(file)
                if name is not None:
                    yield from self._frames(file, name, progress)
        except CellError as error:
            yield Refused(where=self.path.name, why=str(error))
        except ERRORS as error:
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=f"the rest of {self.path.name}", why=f"it is damaged ({why})")

    def _frames(self, file: h5py.File, name: str, progress: Progress) -> Iterator[Record | Refused]:
        group = f"particles/{name}"
        positions, species = _values(file, f"{group}/position"), _values(file, f"{group}/species")
        if positions is None or positions.ndim != 3 or positions.dtype.kind not in "fiu":
            raise CellError("its positions are not three numbers per atom and frame")
        if species is None or species.dtype.kind not in "fiu":
            raise CellError("its species are not atomic numbers")
        edges, periodic = (_values(file, f"{group}/box/{key}") for key in ("edges", "pbc"))
        boundary = _boundary(member(file, f"{group}/box"))
        total, length = len(positions), _length(positions)
        labels = {key: one for key, one in _labels(file, name).items() if len(one) == total}
        for number in range(total):
            place = number % _AT_ONCE
            if not place:
                part = slice(number, number + _AT_ONCE)
                chunk, elements, cells, axes = (
                    _part(one, part, total) for one in (positions, species, edges, periodic)
                )
                values = {key: one[part] for key, one in labels.items()}
                progress(number / total, f"{number:,} of {total:,} frames read")
            where = f"frame {number} of {self.path.name}"
            pbc = boundary if axes is None else tuple(map(bool, np.ravel(axes[place])[:3]))
            try:
                yield _record(
                    where,
                    elements[place],
                    chunk[place] * length,
                    None if cells is None else _cell(cells[place]) * _length(edges),
                    pbc if len(pbc) == 3 else boundary,
                    {key: one[place] for key, one in values.items()},
                )
            except CellError as error:
                yield Refused(where=where, why=str(error))


def _record(
    where: str,
    elements: np.ndarray,
    positions: np.ndarray,
    cell: np.ndarray | None,
    pbc: Any,
    values: dict[str, Any],
) -> Record:
    if elements.shape != positions.shape[:1]:
        raise CellError("its species are not one per position")
    is_atom = elements > 0  # not of NaN, with which shorter frames are filled up
    for key, value in values.items():
        is_per_atom = value.ndim and len(value) == len(is_atom)
        kept = value[is_atom] if is_per_atom else value
        is_missing = kept.dtype.kind == "f" and np.isnan(kept).all()
        values[key] = None if is_missing else kept if kept.ndim else kept.item()
    has_cell = cell is not None and bool(cell.any())
    return Record(
        where=where,
        atomic_numbers=atomic_numbers(elements[is_atom]),
        lattice=cell if has_cell else None,
        positions=positions[is_atom].astype(np.float64),
        pbc=pbc if has_cell else (False,) * 3,
        values=present(values),
    )


def _particles(file: h5py.File) -> str | None:
    """Return the name of a group of particles with positions and elements."""
    groups = member(file, "particles") if "h5md" in file else None
    for name in groups if isinstance(groups, h5py.Group) else ():
        parts = (f"particles/{name}/{part}" for part in ("position", "species"))
        if all(_values(file, part) is not None for part in parts):
            return str(name)
    return None


def _labels(file: h5py.File, name: str) -> dict[str, h5py.Dataset]:
    """Return what varies with the frames beside positions: of the atoms, and observables."""
    found: dict[str, h5py.Dataset] = {}
    for path in (f"observables/{name}", "observables", f"particles/{name}"):
        group = member(file, path)
        for key in group if isinstance(group, h5py.Group) else ():
            values = _values(group, key)
            if values is not None and _varies(values) and values.dtype.kind in "fiu":
                found.setdefault(key, values)
    for key in ("position", "species"):
        found.pop(key, None)
    return found


def _values(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return what varies with time, or the array itself where it does not."""
    return array(group, f"{name}/value") or array(group, name)


def _varies(data: h5py.Dataset) -> bool:
    return str(data.name).endswith("/value") and data.ndim > 0


def _part(data: h5py.Dataset | None, part: slice, total: int) -> Any:
    """Return some rows of what varies with the frames, the same row of what does not.

    Raises:
        CellError: if there are other frames than of the positions.
    """
    if data is None:
        return None
    if not _varies(data):
        return [data[()]] * _AT_ONCE
    if len(data) != total:
        raise CellError(f"it has {len(data):,} frames of {data.name}, but {total:,} of positions")
    return data[part]


def _cell(edges: np.ndarray) -> np.ndarray:
    edges = np.asarray(edges, dtype=np.float64)
    if edges.shape not in {(3,), (3, 3)}:
        raise CellError("its box is not three lengths or three vectors")
    return np.diag(edges) if edges.ndim == 1 else edges


def _boundary(box: Any) -> tuple[bool, bool, bool]:
    words = np.ravel(box.attrs.get("boundary", ())).tolist() if box is not None else []
    if len(words) != 3:
        return PERIODIC
    x, y, z = ("periodic" in str(word) for word in words)
    return x, y, z


def _length(data: h5py.Dataset) -> float:
    return _LENGTHS.get(_stated(data).lower(), 1.0)


def _stated(data: h5py.Dataset) -> str:
    unit = data.attrs.get("unit", "")
    return unit.decode(errors="replace") if isinstance(unit, bytes) else str(unit)


def _unit(data: h5py.Dataset, label: Label) -> str:
    """Return the unit that the file states of a label, "" if it states none that is known."""
    unit = _stated(data)
    stated = f"{unit}/cell" if unit and label == "energy" else unit
    try:
        return unit_named(label, stated).name if stated else ""
    except UnknownUnitError:
        return ""
