"""MPtrj and the data sets in its form: material id, frame id, document."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.frames.functionals import MIXED
from core.frames.schema import DFT
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.typed import (
    CORRECTED,
    UNCORRECTED,
    TypedDocuments,
    corrections_of,
    document_level,
    head_documents,
)


class MpTrj(TypedDocuments):
    """MPtrj, MP-r2SCAN and others that CHGNet's StructureJsonData reads.

    `{material id: {frame id: {"structure", "energy_per_atom" (eV/atom),
    "uncorrected_total_energy", "corrected_total_energy" (eV), "force" (eV/Å), "stress" (kBar, with
    VASP's sign), "magmom" (μB, null where missing), "bandgap" (eV), "mp_id"}}}`, see
    chgnet/data/dataset.py and doi:10.6084/m9.figshare.23713842. MPtrj's energy_per_atom contains
    MP2020 corrections; r2SCAN has none.
    """

    form = "mptrj"
    title = "JSON of MPtrj and CHGNet"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "frame_id",
            "material_id": "mp_id",
            "energy": "energy_per_atom",
            "uncorrected_energy": UNCORRECTED,
            "forces": "force",
            "stress": "stress",
            "magmoms": "magmom",
            "bandgap": "bandgap",
            "functional": "functional",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/atom", "forces": "eV/Å", "stress": "kBar"}
    )
    key_units: Mapping[str, str] = MappingProxyType({UNCORRECTED: "eV/cell"})
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        head = json_head(path)
        documents = head_documents(head.value)
        has_corrected = any(one.get(CORRECTED) is not None for one in documents)
        self.functional = MIXED if has_corrected else None
        self.corrections = corrections_of(documents if head.is_whole else documents[:-1])
        labels = {str(one.get("labels") or DFT) for one in documents}
        self.labels = labels.pop() if len(labels) == 1 else DFT

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file holds documents below ids, or documents with MPtrj's energies."""
        value = json_head(path).value
        at = document_level(value)
        if at is None:
            return False
        first = head_documents(value)[0]
        is_nested = (
            len(at) > 1
            and isinstance(value, dict)
            and all(isinstance(one, dict) for one in value.values())
        )
        keys = {UNCORRECTED, *({"energy_per_atom", "force"} if is_nested else ())}
        # Of a structure that is longer than the head nothing but it is seen.
        return bool(keys & first.keys()) or (is_nested and set(first) == {"structure"})

    def complete(self, values: dict[str, Any], path: Sequence[str]) -> None:
        """Add the ids above a document where it does not have its own."""
        if path and not path[-1].isdecimal() and values.get("frame_id") is None:
            values["frame_id"] = path[-1]
        if len(path) > 1 and values.get("mp_id") is None:
            values["mp_id"] = path[0]
