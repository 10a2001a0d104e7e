"""Calculations of NOMAD's archive, in SI units."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.functionals import functional_of
from core.frames.sources.json_files.documents import UNUSUAL, JsonDocuments
from core.frames.sources.records import Record, Refused
from core.frames.sources.sites import sites_record
from core.frames.tables.tabular import CellError

JOULE: Final = 1 / 1.602176634e-19
"""eV, 2019 SI."""
_METRE: Final = 1e10
"""Å."""
_ENERGIES: Final = ("total_t0", "total", "free")
"""The extrapolated one, where NOMAD has it, and the others after it."""


class NomadArchive(JsonDocuments):
    """The section run of an archive: systems and the calculations on them.

    See https://nomad-lab.eu/prod/v1/gui/analyze/metainfo (runschema). Stress is left out, for its
    sign is that of the code that was parsed.
    """

    form = "nomad"
    title = "NOMAD archive"
    mapping = MappingProxyType(
        {"energy": "energy", "forces": "forces", "functional": "functional", "stress": ""}
    )
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å"})
    units_are_known = True
    corrections = "none"
    containers = ("data",)

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has runs with systems or calculations."""
        run = _run(document)
        return run is not None and not run.keys().isdisjoint({"system", "calculation"})

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield the calculations that have a total energy and positions."""
        del key
        archive = _archive(document)
        for run in archive.get("run") or ():
            functional = _functional(run.get("method") or ())
            systems = run.get("system") or ()
            for number, calculation in enumerate(run.get("calculation") or ()):
                place = f"calculation {number} of {where}"
                try:
                    record = _record(calculation, systems, number, place)
                except CellError as error:
                    yield Refused(where=place, why=str(error))
                    continue
                except UNUSUAL:
                    yield Refused(where=place, why="its content is not that of a calculation")
                    continue
                if functional:
                    record.values["functional"] = functional
                if isinstance(entry := archive.get("metadata"), Mapping) and entry.get("entry_id"):
                    record.values["material_id"] = str(entry["entry_id"])
                yield record


def _archive(document: Mapping[str, Any]) -> Mapping[str, Any]:
    archive = document.get("archive", document)
    return archive if isinstance(archive, Mapping) else {}


def _run(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    runs = _archive(document).get("run")
    first = runs[0] if isinstance(runs, list) and runs else None
    return first if isinstance(first, Mapping) else None


def _record(
    calculation: Mapping[str, Any], systems: Sequence[Mapping[str, Any]], number: int, where: str
) -> Record:
    energies = calculation.get("energy") or {}
    energy = next(
        (value for name in _ENERGIES if (value := _value(energies, name)) is not None), None
    )
    if energy is None:
        raise CellError("it has no total energy")
    place = _place(calculation.get("system_ref"), number if len(systems) > 1 else 0)
    if not 0 <= place < len(systems):
        raise CellError("the system that it belongs to is not in the archive")
    atoms = systems[place].get("atoms") or {}
    lattice = atoms.get("lattice_vectors")
    structure = {
        "symbols": atoms.get("labels"),
        "cell": None if lattice is None else np.array(lattice, dtype=np.float64) * _METRE,
        "positions": np.array(atoms.get("positions"), dtype=np.float64) * _METRE,
        "pbc": atoms.get("periodic"),
    }
    record = sites_record(where, structure)
    record.values = {"energy": energy * JOULE}
    forces = _value(calculation.get("forces") or {}, "total")
    if forces is not None:
        record.values["forces"] = np.array(forces, dtype=np.float64) * JOULE / _METRE
    return record


def _value(section: Mapping[str, Any], name: str) -> Any:
    """Return the value of a quantity that has a section of its own."""
    part = section.get(name)
    return part.get("value") if isinstance(part, Mapping) else None


def _place(reference: Any, default: int) -> int:
    """Return the index in a reference such as "#/run/0/system/3"."""
    match = re.search(r"system/(\d{1,9})$", reference) if isinstance(reference, str) else None
    return int(match[1]) if match else default


def _functional(methods: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the functional that libxc's names stand for, as GGA_X_PBE and GGA_C_PBE."""
    for method in methods:
        xc = (method.get("dft") or {}).get("xc_functional") or {}
        parts = [*(xc.get("hybrid") or ()), *(xc.get("exchange") or ())]
        names = [str(part.get("name", "")) for part in parts if isinstance(part, Mapping)]
        for name in names:
            word = re.sub(r"^(?:HYB_)?(?:LDA|M?GGA)_(?:XC?|C)_", "", name, flags=re.IGNORECASE)
            if name.upper() == "LDA_X":
                return "LDA"
            if found := functional_of({"PBE_SOL": "PBEsol"}.get(word.upper(), word)):
                return found
    return None
