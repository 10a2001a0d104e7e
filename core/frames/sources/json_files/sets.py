"""Training sets in JSON: structures with labels beside them, in the forms of several tools."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.frames.sources.atoms.rows import parse_row
from core.frames.sources.json_files.columns import labeller
from core.frames.sources.json_files.documents import (
    JsonDocuments,
    looks_like_structure,
    structure_record,
)
from core.frames.sources.json_files.head import json_head
from core.frames.sources.parquet_sets import LeMat
from core.frames.sources.records import Record, Refused
from core.frames.sources.sites import has_sites, sites_record
from core.frames.tables.structures import looks_like_structure as is_structure_text
from core.frames.tables.tabular import CellError

_STRUCTURES: Final = ("structure", "final_structure", "relaxed_structure", "pymatgen_structure")
_ATOMS: Final = "atoms_json"
_TEXTS: Final = ("cif", "poscar")
_GROUPS: Final = (
    *("outputs", "output", "labels", "results", "targets", "calculator", "data", "info"),
    "arrays",
)


class StructureDocuments(JsonDocuments):
    """Objects with a pymatgen structure and labels under any keys, or structures with properties.

    The labels may stand in an object of their own, as "labels" or "outputs". A file of MatGL with
    "samples" names the model that made its labels as "labeller".
    """

    form = "json"
    title = "JSON with pymatgen structures"
    containers = ("samples", "frames", "documents", "docs", "initial_structure")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.labels = labeller(json_head(path).value)

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object is a structure or has one."""
        return looks_like_structure(document) or _structure_key(document) is not None

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield one structure with its labels."""
        if looks_like_structure(document):
            record = structure_record(document, where, {})
        else:
            found = _structure_key(document)
            if found is None:
                raise CellError("it has no structure")
            record = structure_record(document[found], where, labels_of(document, found))
        if key:
            record.values.setdefault("id", key)
        yield record


class SiteDocuments(JsonDocuments):
    """Objects with species, cell and coordinates side by side, as of ASE's Atoms.todict.

    pymatgen's MSONAtoms hold ASE's own JSON as a text, with the labels beside it.
    """

    form = "json-sites"
    title = "JSON with species, cells and coordinates"
    containers = ("samples", "frames", "documents", "docs", "data")

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has keys for species, a cell and coordinates."""
        return has_sites(_flat(document)) or isinstance(document.get(_ATOMS), str)

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield one structure with its labels."""
        if isinstance(atoms := document.get(_ATOMS), str):
            document = {**document.get("atoms_info", {}), **parse_row(atoms.encode())}
        record = sites_record(where, _flat(document))
        labels = labels_of(record.values, "")
        record.values = {"id": key, **labels} if key else labels
        yield record


class LeMatDocuments(SiteDocuments):
    """Rows of LeMat-Bulk or LeMat-Traj that were written as JSON, with the units of its Parquet."""

    form = "lemat-json"
    title = "LeMat-Bulk or LeMat-Traj in JSON"
    mapping = LeMat.mapping
    units = LeMat.units
    units_are_known = LeMat.units_are_known
    corrections = LeMat.corrections

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has LeMat's columns."""
        return LeMat.needed <= document.keys()


class Mlearn(StructureDocuments):
    """Data of mlearn and maml (materialsvirtuallab).

    Energies are totals, the virial stress is in kBar with VASP's sign in the order xx, yy, zz, xy,
    yz, xz.
    """

    form = "mlearn"
    title = "JSON of mlearn or maml"
    mapping: Mapping[str, str] = MappingProxyType(
        {"energy": "energy", "forces": "forces", "stress": "virial_stress"}
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"}
    )
    units_are_known = True
    stress_order = "vasp"

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has a structure and outputs."""
        return {"structure", "outputs"} <= document.keys() or (
            {"structure", "num_atoms", "element"} <= document.keys()
        )


class Pydmclab(StructureDocuments):
    """Queries of the Materials Project that pydmclab saved: energies per atom under E_mp."""

    form = "pydmclab"
    title = "queries of pydmclab"
    mapping: Mapping[str, str] = MappingProxyType({"material_id": "mpid", "energy": "E_mp"})
    units: Mapping[str, str] = MappingProxyType({"energy": "eV/atom"})
    units_are_known = True

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has pydmclab's keys."""
        return {"E_mp", "mpid"} <= document.keys()


def _flat(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document with the parts of its "atoms", where these are an object, beside it."""
    atoms = document.get("atoms")
    return {**document, **atoms} if isinstance(atoms, Mapping) else document


def labels_of(document: Mapping[str, Any], structure: str) -> dict[str, Any]:
    """Return key to label of a document, with the groups of labels dissolved.

    Args:
        document: the document.
        structure: key of its structure.
    """
    values = {
        name: value
        for name, value in document.items()
        if name != structure and not isinstance(value, Mapping)
    }
    for group in _GROUPS:
        if isinstance(labels := document.get(group), Mapping):
            for name, value in labels.items():
                values.setdefault(name, value)
    return values


def _structure_key(document: Mapping[str, Any]) -> str | None:
    """Return the key of a document's structure, the usual names first."""
    names = [name for name in document if "structure" in name.lower() or name in _TEXTS]
    names.sort(key=lambda name: name not in _STRUCTURES)
    return next((name for name in names if _may_be_structure(document[name])), None)


def _may_be_structure(value: Any) -> bool:
    """Return whether a value is a pymatgen structure, or one as JSON, CIF or POSCAR."""
    return looks_like_structure(value) or (isinstance(value, str) and is_structure_text(value))
