"""Arrays of numpy (.npz) of sGDML, rMD17, PhysNet and NequIP: conformations of molecules."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.functionals import functional_of
from core.frames.sources.atoms.rows import atomic_numbers
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR, UnknownUnitError, unit_named
from core.progress import Progress
from core.sealed import UNREADABLE_ARRAYS

_NUMBERS: Final = ("z", "Z", "nuclear_charges", "atomic_numbers", "numbers")
_POSITIONS: Final = ("R", "coords", "positions", "pos", "xyz")
_ENERGIES: Final = ("E", "energies", "energy", "total_energy")
_FORCES: Final = ("F", "forces", "force")
_CELLS: Final = ("cell", "lattice", "cells")
_ZIP: Final = b"PK\3\4"
_LARGEST: Final = 1 << 33


class NumpyArrays(RecordSource):
    """One array per label, with one row per conformation.

    sGDML states its units in e_unit and r_unit (https://docs.sgdml.org/datasets.html); MD17 and
    rMD17 are in kcal/mol (10.6084/m9.figshare.12672038), PhysNet in eV (10.5281/zenodo.2605341),
    without saying it in the file.
    """

    form = "npz"
    title = "arrays of numpy"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._length = 1.0
        try:
            with np.load(path, allow_pickle=False) as arrays:
                self._learn(arrays)
        except (*UNREADABLE_ARRAYS, AttributeError):
            pass  # damaged, which the records then say

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is a zip of arrays with elements and positions."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(128)
        if not head.startswith(_ZIP):
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                names = {name.removesuffix(".npy") for name in archive.namelist()}
        except UNREADABLE_ARRAYS:
            return b".npy" in head  # damaged, which the records then say
        return not names.isdisjoint(_NUMBERS) and not names.isdisjoint(_POSITIONS)

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the conformations."""
        name = self.path.name
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                yield from self._rows(arrays, progress)
        except CellError as error:
            yield Refused(where=name, why=str(error))
        except UNREADABLE_ARRAYS as error:
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=name, why=f"its arrays cannot be read ({why})")

    def _learn(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take keys, units and the functional from what the file says."""
        energy, forces = _first(arrays, _ENERGIES), _first(arrays, _FORCES)
        self.mapping = MappingProxyType(
            {field: key for field, key in (("energy", energy), ("forces", forces)) if key}
        )
        units = {}
        energies, lengths = _text(arrays, "e_unit"), _text(arrays, "r_unit")
        if "nuclear_charges" in arrays and "old_indices" in arrays:
            energies = "kcal/mol"  # rMD17
        elif not energies and "md5" in arrays and "theory" in arrays:
            energies = "kcal/mol"  # MD17, of sGDML before it stated units
        if energies and energy:
            units[energy] = f"{energies}/cell"
        if energies and forces:
            units[forces] = f"{energies}/{lengths or 'Ang'}"
        self.key_units = MappingProxyType(
            {key: unit for key, unit in units.items() if _known(unit)}
        )
        self._length = BOHR if lengths.lower() in {"bohr", "a0", "au"} else 1.0
        self.functional = functional_of(_text(arrays, "theory"))

    def _rows(self, arrays: Any, progress: Progress) -> Iterator[Record | Refused]:
        size = sum(one.file_size for one in arrays.zip.infolist())
        if size > _LARGEST:
            raise CellError(f"its arrays take more than {_LARGEST >> 30} GiB of memory; split them")
        table = {key: arrays[key] for key in arrays.files}
        if others := [key for key, one in table.items() if not isinstance(one, np.ndarray)]:
            raise CellError(f"{others[0]} in it is no array of numpy")
        numbers = table.pop(_first(table, _NUMBERS) or "")
        positions = table.pop(_first(table, _POSITIONS) or "")
        if positions.ndim != 3 or positions.dtype.kind not in "fiu" or positions.shape[2] != 3:
            raise CellError("its positions are not three numbers per atom and conformation")
        total = len(positions)
        cells = table.pop(_first(table, _CELLS) or "", None)
        rows = {key: one for key, one in table.items() if one.ndim and one.shape[0] == total}
        for number in range(total):
            where = f"conformation {number} of {self.path.name}"
            own = numbers[number] if numbers.ndim == 2 else numbers
            try:
                yield self._record(where, own, positions[number], cells, rows, number)
            except CellError as error:
                yield Refused(where=where, why=str(error))
            if not number % 256:
                progress(number / total, f"{number:,} of {total:,} conformations read")

    def _record(
        self,
        where: str,
        numbers: np.ndarray,
        positions: np.ndarray,
        cells: np.ndarray | None,
        rows: Mapping[str, np.ndarray],
        number: int,
    ) -> Record:
        if numbers.ndim != 1 or numbers.dtype.kind not in "fiu" or len(numbers) != len(positions):
            raise CellError("its elements are not one per position")
        is_atom = numbers > 0  # shorter molecules are filled up with zeros
        values: dict[str, Any] = {}
        for key, array in rows.items():
            value = array[number]
            if value.ndim and len(value) == len(is_atom) and not is_atom.all():
                value = value[is_atom]
            values[key] = value.reshape(-1)[0] if value.size == 1 and value.ndim < 2 else value
        cell = None if cells is None else np.asarray(cells[number] if cells.ndim == 3 else cells)
        has_cell = cell is not None and cell.shape == (3, 3) and bool(cell.any())
        return Record(
            where=where,
            atomic_numbers=atomic_numbers(numbers[is_atom]),
            lattice=cell * self._length if cell is not None and has_cell else None,
            positions=positions[is_atom].astype(np.float64) * self._length,
            pbc=(has_cell,) * 3,
            values=present(values),
        )


def _first(arrays: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in arrays), None)


def _text(arrays: Mapping[str, np.ndarray], key: str) -> str:
    value = arrays[key].reshape(-1)[:1].tolist() if key in arrays else []
    text = value[0] if value else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _known(unit: str) -> bool:
    try:
        unit_named("energy" if unit.endswith("/cell") else "forces", unit)
    except UnknownUnitError:
        return False
    return True
