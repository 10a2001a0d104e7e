"""JSON that holds structures in one list and each label in another, read side by side."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.schema import DFT
from core.frames.sources.json_files.documents import (
    decoded,
    looks_like_structure,
    structure_record,
)
from core.frames.sources.json_files.head import JsonHead, json_head
from core.frames.sources.json_files.stream import Element, elements
from core.frames.sources.json_files.task_documents import step_energy
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.structures import numbers_of
from core.frames.tables.tabular import CellError
from core.progress import Progress

_STRUCTURES: Final = ("structure", "structures", "final_structure", "relaxed_structure")
_GROUPS: Final = frozenset({"labels", "targets", "outputs"})
_SINGULAR: Final = {"energies": "energy", "total_energies": "total_energy"}


class StructureColumns(RecordSource):
    """Lists of equal length under keys, one of pymatgen structures: {structures, labels: {…}}.

    So MatGL keeps its training sets, and pandas writes tables by column.
    """

    form = "json-columns"
    title = "JSON with a list of structures and lists of labels"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.labels = labeller(json_head(path).value)
        self._notes: list[str] = []

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a JSON file has a list or column of structures under a usual key."""
        return structures_in(json_head(path)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structures with the labels at the same places."""
        structures = structures_in(json_head(self.path))
        if structures is None:
            raise self.without_frames()
        columns = self._columns(structures)
        streams = [elements(self.path, (structures, ANY), progress)]
        streams += [elements(self.path, (*column, ANY)) for column in columns]
        names = [_SINGULAR.get(column[-1], column[-1]) for column in columns]
        for number, items in enumerate(zip_longest(*streams)):
            where = f"structure {number} of {self.path.name}"
            refused = next((item for item in items if isinstance(item, Refused)), None)
            if refused is not None:
                yield refused
                return
            first = items[0]
            if not isinstance(first, Element):
                return
            try:
                structure, *labels = map(_decoded, items)
                record = structure_record(structure, where, dict(zip(names, labels, strict=True)))
            except CellError as error:
                yield Refused(where=where, why=str(error))
                continue
            key = first.path[-1]
            if not key.isdecimal():
                record.values.setdefault("id", key)
            yield record

    def _columns(self, structures: str) -> list[tuple[str, ...]]:
        """Return the keys that lead to lists of labels, which may lie behind the structures."""
        found: dict[tuple[str, ...], None] = {}
        lengths: Counter[str] = Counter()
        for item in elements(self.path, (ANY, ANY)):
            if isinstance(item, Refused):
                continue
            lengths[item.path[0]] += 1
            if item.path[0] != structures:
                is_group = item.path[0] in _GROUPS and item.data[:1] in {b"[", b"{"}
                found.setdefault(item.path if is_group else item.path[:1])
        n = lengths[structures]
        others = {key: m for (key, *below) in found if not below and (m := lengths[key]) != n}
        self._notes = [
            f"{key} is left out: it has {m:,} entries, but there are {n:,} structures."
            for key, m in others.items()
        ]
        return [column for column in found if column[0] not in others]

    def notes(self) -> list[str]:
        """Return which lists are left out, for nobody knows which structures they belong to."""
        return self._notes


class PymatgenTrajectory(RecordSource):
    """A Trajectory of pymatgen with the labels of its frames.

    Of Vasprun.get_trajectory the energies are those of the ionic steps and stress is in kBar.
    """

    form = "trajectory"
    title = "a trajectory of pymatgen in JSON"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a JSON file is a trajectory of pymatgen."""
        value = json_head(path).value
        return isinstance(value, Mapping) and (
            value.get("@class") == "Trajectory" or {"species", "coords", "lattice"} <= value.keys()
        )

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        try:
            numbers = numbers_of(map(_symbol, self._value("species") or []))
            lattice = self._value("lattice")
            base = np.zeros((len(numbers), 3))
            moves = bool(self._value("coords_are_displacement"))
            if moves and (given := self._value("base_positions")) is not None:
                base = np.array(given, dtype=np.float64)
        except (CellError, TypeError, ValueError) as error:
            yield Refused(where=self.path.name, why=_reason(error))
            return
        streams = (
            elements(self.path, ("coords", ANY), progress),
            elements(self.path, ("frame_properties", ANY)),
            elements(self.path, ("site_properties", ANY)),
        )
        sites: dict[str, Any] | None = None
        for number, items in enumerate(zip_longest(*streams)):
            where = f"frame {number} of {self.path.name}"
            if items[0] is None:
                return
            refused = next((item for item in items if isinstance(item, Refused)), None)
            if refused is not None:
                yield refused
                return
            try:
                coords, labels, site = (_decoded(item) for item in items)
                coords = _frame_coords(coords, len(numbers))
                base = base + coords if moves else coords
                matrix = _frame_lattice(lattice, number)
            except (CellError, TypeError, ValueError) as error:
                yield Refused(where=where, why=_reason(error))
                if moves:
                    return
                continue
            sites = site if isinstance(site, dict) else sites
            yield Record(
                where=where,
                atomic_numbers=numbers,
                lattice=matrix,
                frac_coords=base,
                values={
                    "material_id": self.path.name.partition(".")[0],
                    **(sites or {}),
                    **self._labels(labels),
                },
            )

    def _labels(self, labels: Any) -> dict[str, Any]:
        labels = dict(labels) if isinstance(labels, Mapping) else {}
        if "e_fr_energy" in labels or "e_0_energy" in labels:
            labels["energy"] = step_energy(labels)
            self.units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"})
            self.mapping = MappingProxyType(
                {"energy": "energy", "forces": "forces", "stress": "stress"}
            )
        return {key: value for key, value in labels.items() if not isinstance(value, Mapping)}

    def _value(self, key: str) -> Any:
        """Return what stands under a key of the trajectory."""
        for item in elements(self.path, (key,)):
            if isinstance(item, Element):
                return decoded(item.data)
        return None


def labeller(head: Any) -> str:
    """Return the model that made the labels of a file as MatGL names it, "dft" without one."""
    name = head.get("labeller") if isinstance(head, Mapping) else None
    return name.strip() if isinstance(name, str) and name.strip() else DFT


def structures_in(head: JsonHead) -> str | None:
    """Return the key of a list or column of structures, None if there is none."""
    if head.is_lines or not isinstance(head.value, Mapping):
        return None
    for key in _STRUCTURES:
        column = head.value.get(key)
        if isinstance(column, list):
            first = column[0] if column else None
        else:
            first = next(iter(column.values()), None) if isinstance(column, Mapping) else None
        if looks_like_structure(first) and not looks_like_structure(column):
            return key
    return None


def _decoded(item: Element | Refused | None) -> Any:
    return decoded(item.data) if isinstance(item, Element) else None


def _symbol(species: Any) -> Any:
    """Return the symbol of an element or species in any form that pymatgen writes."""
    if isinstance(species, Mapping):
        species = species.get("element", species.get("symbol"))
    return species


def _frame_coords(coords: Any, n: int) -> np.ndarray:
    array = np.array(coords, dtype=np.float64)
    if array.shape != (n, 3):
        raise CellError("the coordinates have the wrong shape")
    return array


def _frame_lattice(lattice: Any, number: int) -> np.ndarray:
    """Return the lattice of a frame, of all where it is constant."""
    matrix = np.array(lattice, dtype=np.float64)
    if matrix.ndim == 3:
        matrix = matrix[number] if number < len(matrix) else matrix
    if matrix.shape != (3, 3):
        raise CellError("the lattice has the wrong shape")
    return matrix


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, CellError) else "its coordinates are not numbers"
