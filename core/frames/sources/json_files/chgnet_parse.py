"""What CHGNet's parser of VASP folders writes: lists of structures and labels side by side."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from core.frames.schema import Corrections
from core.frames.sources.json_files.columns import StructureColumns, structures_in
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import Element, elements
from core.frames.sources.json_files.walk import ANY

_KEYS = frozenset({"uncorrected_total_energy", "energy_per_atom", "force"})


class ChgnetParse(StructureColumns):
    """`chgnet.utils.parse_vasp_dir` with `save_path`: an object of lists, one entry per frame.

    "structure", "uncorrected_total_energy" (eV), "energy_per_atom" (eV/atom, without corrections),
    "force" (eV/Å), "stress" (kBar, VASP's sign) and "magmom" (μB), see chgnet/utils/vasp_utils.py.
    """

    form = "chgnet-parse"
    title = "JSON of CHGNet's parser"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "energy": "energy_per_atom",
            "uncorrected_energy": "uncorrected_total_energy",
            "forces": "force",
            "stress": "stress",
            "magmoms": "magmom",
            "bandgap": "bandgap",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/atom", "forces": "eV/Å", "stress": "kBar"}
    )
    key_units: Mapping[str, str] = MappingProxyType({"uncorrected_total_energy": "eV/cell"})
    units_are_known = True
    corrections: Corrections | None = "none"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a list of structures stands before one under a key of the parser."""
        structures = structures_in(json_head(path))
        if structures is None:
            return False
        if isinstance(json_head(path).value, dict) and _KEYS & json_head(path).value.keys():
            return True
        for item in elements(path, (ANY, ANY)):
            if isinstance(item, Element) and item.path[0] != structures:
                return item.path[0] in _KEYS
        return False
