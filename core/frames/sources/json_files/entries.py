"""Computed entries of pymatgen with structures: Materials Project, Alexandria, WBM and others."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from core.frames.column_names import label_named
from core.frames.sources.json_files.documents import JsonDocuments, structure_record
from core.frames.sources.records import Record, Refused
from core.frames.tables.tabular import CellError

_CLASSES: Final = ("ComputedStructureEntry", "ComputedEntry")
_WRAPPED: Final = ("computed_structure_entry", "entry", "cse")
_THERMO: Final = frozenset({"thermo_type", "thermo_id", "entry_types", "material_id"})
_BANDGAPS: Final = ("bandgap", "band_gap", "band_gap_ind")
_IDS: Final = ("material_id", "mat_id", "mp_id")
_SCALARS = (str, int, float)


class ComputedEntries(JsonDocuments):
    """ComputedStructureEntry in JSON.

    An entry's energy is the total without corrections, in eV; with its adjustments it is the
    corrected one (pymatgen, entries/computed_entries.py). Forces and magmoms are properties of the
    sites. The stress of Alexandria is left out, for its unit and sign are stated nowhere.
    """

    form = "entries"
    title = "pymatgen computed entries"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "entry_id",
            "material_id": "material_id",
            "energy": "energy",
            "forces": "forces",
            "stress": "",
            "magmoms": "magmom",
            "bandgap": "bandgap",
            "functional": "run_type",
        }
    )
    units: Mapping[str, str] = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å"})
    units_are_known = True
    corrections = "none"
    containers = ("entries", *_WRAPPED)
    _has_stress = False

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object is an entry with a structure, or holds some."""
        return any(map(_has_structure, _entries_in(document)))

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield the entry, or those of a document."""
        for entry in _entries_in(document):
            try:
                yield self._record(entry, document, where, key)
            except CellError as error:
                yield Refused(where=where, why=str(error))

    def _record(
        self, entry: Mapping[str, Any], document: Mapping[str, Any], where: str, key: str
    ) -> Record:
        data = entry.get("data")
        data = data if isinstance(data, Mapping) else {}
        parameters = entry.get("parameters")
        parameters = parameters if isinstance(parameters, Mapping) else {}
        if str(entry.get("@class", "")).startswith("Gibbs"):
            raise CellError("its energy is a Gibbs formation energy, no total energy")
        ids = [document, data]
        material = next((one[name] for name in _IDS for one in ids if one.get(name)), None)
        values = {
            name: value
            for name, value in data.items()
            if isinstance(value, _SCALARS) or (isinstance(value, list) and label_named(name))
        }
        self._has_stress |= values.get("stress") is not None
        record = structure_record(entry.get("structure"), where, {}, frame=values)
        scale = len(record.atomic_numbers) / _n_atoms(entry, len(record.atomic_numbers))
        energy = number(entry.get("energy"))
        record.values |= {
            "entry_id": entry.get("entry_id") or material or key or None,
            "material_id": material,
            "energy": None if energy is None else energy * scale,
            "corrected_energy": None if energy is None else (energy + correction(entry)) * scale,
        }
        if run_type := parameters.get("run_type") or data.get("run_type"):
            record.values["run_type"] = run_type
        if (bandgap := next(filter(None, map(data.get, _BANDGAPS)), None)) is not None:
            record.values["bandgap"] = bandgap
        return record

    def notes(self) -> list[str]:
        """Say that stress was left out."""
        if not self._has_stress:
            return []
        note = (
            "The stress was left out, for the entries do not state its unit and sign; if they are "
            "VASP's, take it with --map stress=stress --unit stress=kBar."
        )
        return [note]


def correction(entry: Mapping[str, Any]) -> float:
    """Return the sum of an entry's adjustments, eV.

    Raises:
        CellError: if one has neither a value nor a value per atom or degree.
    """
    adjustments = entry.get("energy_adjustments")
    if not isinstance(adjustments, list):
        return number(entry.get("correction")) or 0.0
    total = 0.0
    for one in adjustments:
        value = number(one.get("value"))
        n = number(one.get("n_atoms"))
        per_atom, per_degree = number(one.get("adj_per_atom")), number(one.get("adj_per_deg"))
        if value is None and n is not None:
            if per_atom is not None:
                value = per_atom * n
            elif per_degree is not None:
                value = per_degree * n * (number(one.get("temp")) or 0.0)
        if value is None:
            raise CellError("an energy adjustment has no value")
        total += value
    return total


def _entries_in(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of a row of a table or of a thermo document, or the document itself."""
    for key in _WRAPPED:
        if isinstance(document.get(key), Mapping):
            return [document[key]]
    entries = document.get("entries")
    if isinstance(entries, Mapping) and _THERMO & document.keys():
        # GGA and GGA+U entries of a mixed scheme may be null.
        return [entry for entry in entries.values() if isinstance(entry, Mapping)]
    return [document]


def _has_structure(entry: Mapping[str, Any]) -> bool:
    if entry.get("@class") not in _CLASSES and not {"energy", "composition"} <= entry.keys():
        return False
    # What follows a long structure may be cut off.
    return "structure" in entry or entry.get("@class") == "ComputedStructureEntry"


def _n_atoms(entry: Mapping[str, Any], n_sites: int) -> float:
    """Return the number of atoms that the energy belongs to."""
    composition = entry.get("composition")
    amounts = composition.values() if isinstance(composition, Mapping) else ()
    numbers = [found for one in amounts if (found := number(one)) is not None]
    return sum(numbers) or float(n_sites)


def number(value: Any) -> float | None:
    """Return a value as a number, None if it is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None
