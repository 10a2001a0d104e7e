"""Entries of AFLOW's REST API and AFLUX with positions of atoms."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from pymatgen.core import Lattice

from core.frames.functionals import functional_of
from core.frames.sources.json_files.documents import JsonDocuments
from core.frames.sources.records import Record, Refused
from core.frames.sources.sites import sites_record
from core.frames.tables.tabular import CellError

_POSITIONS: Final = "positions_fractional"


class Aflow(JsonDocuments):
    """Relaxed structures with energies of the cell, eV, and forces, eV/Å.

    See https://aflow.org/documentation (REST API): lists are JSON's, or text with commas and
    semicolons. Stress is left out, for the API does not state its sign.
    """

    form = "aflow"
    title = "AFLOW entries"
    mapping = MappingProxyType(
        {
            "material_id": "auid",
            "energy": "energy_cell",
            "forces": "forces",
            "stress": "",
            "functional": "functional",
            "bandgap": "Egap",
        }
    )
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å"})
    units_are_known = True
    corrections = "none"
    containers = ("data", "response")

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object is an entry with a cell and positions."""
        return {"auid", "geometry", _POSITIONS} <= document.keys()

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield one structure."""
        del key
        geometry = np.ravel(_list(document["geometry"])).astype(np.float64)
        if geometry.shape != (6,):
            raise CellError("its geometry is not three lengths and three angles")
        fractions = np.array(_list(document[_POSITIONS]), dtype=np.float64)
        if fractions.ndim == 1:
            fractions = fractions.reshape(-1, 3)
        species = [str(one).strip() for one in _list(document.get("species") or "")]
        counts = [int(one) for one in _list(document.get("composition") or "")]
        if len(species) != len(counts) or sum(counts) != len(fractions):
            raise CellError("its species and their numbers are not those of its positions")
        record = sites_record(
            where,
            {
                "symbols": list(np.repeat(species, counts)),
                "cell": Lattice.from_parameters(*geometry).matrix,
                "frac_coords": fractions,
            },
        )
        record.values = {"auid": document["auid"], "energy_cell": _energy(document, len(fractions))}
        if document.get("forces") is not None:
            forces = np.array(_list(document["forces"]), dtype=np.float64).reshape(-1, 3)
            record.values["forces"] = forces
        if document.get("Egap") is not None:
            record.values["Egap"] = float(document["Egap"])
        if functional := _functional(document):
            record.values["functional"] = functional
        yield record


def _list(value: Any) -> list[Any]:
    """Return a list, of text what stands between semicolons and commas."""
    if not isinstance(value, str):
        return list(value)
    rows = [row.split(",") for row in value.split(";") if row.strip()]
    return rows[0] if len(rows) == 1 else rows


def _energy(document: Mapping[str, Any], n: int) -> float | None:
    for name, factor in (("energy_cell", 1), ("energy_atom", n)):
        if document.get(name) is not None:
            return float(document[name]) * factor
    if float(document.get("pressure") or 0) == 0:
        for name, factor in (("enthalpy_cell", 1), ("enthalpy_atom", n)):
            if document.get(name) is not None:
                return float(document[name]) * factor
    return None


def _functional(document: Mapping[str, Any]) -> str | None:
    """Return the functional of the potentials, as PAW_PBE, with +U where AFLOW used one."""
    kinds = document.get("dft_type")
    kind = str(kinds[0] if isinstance(kinds, list) and kinds else kinds or "")
    name = functional_of(kind.replace("_KIN", ""))
    has_u = any(document.get(key) for key in ("ldau_TLUJ", "ldau_type", "ldau_u"))
    return f"{name}+U" if name and has_u else name
