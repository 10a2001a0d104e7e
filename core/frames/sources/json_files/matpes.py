"""MatPES: a list of documents, one per line, or an object by element or id."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.frames.functionals import functional_of_row
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.typed import TypedDocuments, head_documents


class MatPes(TypedDocuments):
    """MatPES of 2025.1 and later, also its references of the elements.

    Documents with "structure", "energy" (eV of the cell), "forces" (eV/Å), "stress" (six numbers in
    kBar with VASP's sign, in the order xx, yy, zz, yz, xz, xy), "bader_magmoms" (μB), "bandgap"
    (eV), "functional", "matpes_id" and "provenance", see matpes.ai/dataset. Cohesive and formation
    energies are no labels. Frames that were drawn from the dynamics of one material of the
    Materials Project belong to that material.
    """

    form = "matpes"
    title = "JSON of MatPES"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "matpes_id",
            "material_id": "original_mp_id",
            "energy": "energy",
            "forces": "forces",
            "stress": "stress",
            "magmoms": "bader_magmoms",
            "bandgap": "bandgap",
            "functional": "functional",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"}
    )
    units_are_known = True
    stress_order = "ase"
    corrections = "none"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        named = {
            functional_of_row(str(document["functional"]))
            for document in head_documents(json_head(path).value)
            if document.get("functional")
        }
        self.functional = named.pop() if len(named) == 1 else None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the first document of a file has MatPES's id and keys."""
        documents = head_documents(json_head(path).value)[:1]
        return any(
            "matpes_id" in one or {"abs_forces", "cohesive_energy_per_atom"} <= one.keys()
            for one in documents
        )

    def keys(self) -> frozenset[str] | None:
        """Return the keys of the documents that are read."""
        keys = super().keys()
        return None if keys is None else keys | {"provenance", "matpes_id"}

    def complete(self, values: dict[str, Any], path: Sequence[str]) -> None:
        """Add the id of the material that a frame was made from."""
        provenance = values.pop("provenance", None)
        origin = provenance.get("original_mp_id") if isinstance(provenance, dict) else None
        values["original_mp_id"] = origin or values.get("matpes_id") or "/".join(path) or None
