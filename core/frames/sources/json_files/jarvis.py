"""Data of JARVIS and ALIGNN: jarvis-tools atoms as dictionaries, with labels beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.sources.json_files.documents import JsonDocuments
from core.frames.sources.records import Record, Refused
from core.frames.tables.structures import numbers_of
from core.frames.tables.tabular import CellError

_FIGSHARE: Final = "optb88vdw_total_energy"


class Jarvis(JsonDocuments):
    """A list of JARVIS documents, such as id_prop.json of ALIGNN.

    `total_energy` and `energy` are of the cell; stresses are in kBar with VASP's sign. JARVIS-DFT
    (dft_3d.json) has optB88-vdW energies per atom. One jid may have many frames.
    """

    form = "jarvis"
    title = "JSON of JARVIS or ALIGNN"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "material_id": "jid",
            "energy": "total_energy",
            "forces": "forces",
            "stress": "stresses",
            "magmoms": "magmoms",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"}
    )
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._is_figshare = _FIGSHARE in self.first_document()
        if self._is_figshare:
            self.functional = "optB88-vdW"
            self.mapping = MappingProxyType(
                {
                    "material_id": "jid",
                    "energy": _FIGSHARE,
                    "bandgap": "optb88vdw_bandgap",
                }
            )
            self.units = MappingProxyType({"energy": "eV/atom"})

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has atoms in the form of jarvis-tools."""
        atoms = document.get("atoms")
        return isinstance(atoms, Mapping) and {"lattice_mat", "coords"} & atoms.keys() != set()

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield one structure."""
        record = atoms_record(document.get("atoms"), where)
        values = {
            name: _without_na(value)
            for name, value in document.items()
            if name != "atoms" and not isinstance(value, Mapping)
        }
        if not self._is_figshare:
            energy, stress = values.get("energy"), values.get("stress")
            if values.get("total_energy") is None and energy is not None:
                values["total_energy"] = energy
            if values.get("stresses") is None and stress is not None:
                values["stresses"] = stress
        if key:
            values.setdefault("jid", key)
        record.values = values
        yield record


def atoms_record(atoms: Any, where: str) -> Record:
    """Return the dictionary of jarvis-tools atoms as a record without labels.

    Raises:
        CellError: if it is none.
    """
    if not isinstance(atoms, Mapping):
        raise CellError("it has no atoms")
    try:
        numbers = numbers_of(atoms["elements"])
        lattice = np.array(atoms["lattice_mat"], dtype=np.float64)
        coords = np.array(atoms["coords"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        raise CellError("the atoms lack lattice_mat, coords or elements") from None
    if lattice.shape != (3, 3) or coords.shape != (len(numbers), 3):
        raise CellError("the lattice or the coordinates have the wrong shape")
    is_cartesian = bool(atoms.get("cartesian"))
    return Record(
        where=where,
        atomic_numbers=numbers,
        lattice=lattice,
        positions=coords if is_cartesian else None,
        frac_coords=None if is_cartesian else coords,
    )


def _without_na(value: Any) -> Any:
    """Return a value, None for the "na" of JARVIS."""
    return None if isinstance(value, str) and value.lower() == "na" else value
