"""Structures of OPTIMADE's API, whose providers add energies under names of their own."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.errors import LabError
from core.frames.sources.json_files.documents import JsonDocuments
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.records import Record, Refused
from core.frames.sources.sites import has_sites, sites_record
from core.frames.tables.tabular import CellError

_PREFIX: Final = re.compile(r"_[a-z0-9]+_")
_NEEDED: Final = frozenset({"lattice_vectors", "cartesian_site_positions", "species_at_sites"})


class Optimade(JsonDocuments):
    """A response of OPTIMADE, or its JSON lines: https://specs.optimade.org (structures).

    The standard has no energies; what a provider adds, as _alexandria_energy, is called energy
    here. Stress is left out, for no provider has to state its unit and sign.
    """

    form = "optimade"
    title = "OPTIMADE structures"
    mapping: Mapping[str, str] = MappingProxyType({"material_id": "id", "stress": ""})
    containers = ("data",)
    _has_stress = False

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object is an entry with the sites of a structure."""
        attributes = document.get("attributes")
        is_structure = document.get("type", "structures") == "structures"
        return is_structure and isinstance(attributes, Mapping) and has_sites(attributes)

    @classmethod
    def layout(cls, path: Path) -> tuple[str, ...] | None:
        """Return the keys that lead to the entries; see `JsonDocuments.layout`."""
        value = json_head(path).value
        if not isinstance(value, Mapping):
            return super().layout(path)
        if json_head(path).is_lines and "x-optimade" in value:
            return (ANY,)
        single = value.get("data")
        if isinstance(single, Mapping) and cls.is_document(single):
            return ("data",)
        return super().layout(path)

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield one structure; lines about the provider hold none."""
        del key
        if document.get("type", "structures") != "structures" or "x-optimade" in document:
            return
        attributes = document["attributes"]
        structure = {name: attributes.get(name) for name in (*_NEEDED, "dimension_types")}
        structure["species_at_sites"] = _symbols(attributes)
        record = sites_record(where, structure)
        names = {_PREFIX.sub("", name, count=1): name for name in attributes if name[:1] == "_"}
        record.values = {name: attributes[own] for name, own in names.items()}
        record.values = {
            name: value
            for name, value in record.values.items()
            if value is not None and not isinstance(value, Mapping)
        }
        record.values["id"] = document.get("id")
        self._has_stress |= any("stress" in name for name in record.values)
        yield record

    def notes(self) -> list[str]:
        """Say that stress was left out."""
        if not self._has_stress:
            return []
        return ["The stress was left out, for OPTIMADE states neither its unit nor its sign."]

    def without_energies(self, keys: list[str]) -> LabError:  # type: ignore[override]
        """Return the error for structures without total energies."""
        own = [key for key in keys if key != "id"]
        return LabError(
            f"{self.path.name} holds OPTIMADE's structures without total energies, which the "
            f"standard does not have; ask the provider for its own fields with response_fields"
            f"{', or name one of these with --map energy=KEY: ' + ', '.join(own) if own else ''}."
        )


def _symbols(attributes: Mapping[str, Any]) -> list[str]:
    """Return the element of each site.

    Raises:
        CellError: if a site has several, or a vacancy.
    """
    species = attributes.get("species")
    of_name = {}
    for one in species if isinstance(species, list) else ():
        symbols = one.get("chemical_symbols") or [one.get("name")]
        concentration = one.get("concentration") or [1.0]
        of_name[one.get("name")] = (
            symbols[0] if len(symbols) == 1 and abs(concentration[0] - 1) < 1e-3 else None
        )
    found = [of_name.get(name, name) for name in attributes["species_at_sites"]]
    if None in found:
        raise CellError("it has partly occupied sites")
    return [str(symbol) for symbol in found]
