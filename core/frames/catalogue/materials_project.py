"""Pairs of GGA/GGA+U and r2SCAN energies of the same materials from the Materials Project.

They come through its own client, mp-api, an extra of this package. It was built on the client's
published interface and recorded forms of its answers; it has never run against the service.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import pandas as pd

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.pairs import write_pairs
from core.frames.registry import new_dataset_path
from core.frames.schema import Card, EnergyColumn
from core.progress import Progress, silent

KEY_VARIABLE: Final = "MP_API_KEY"
"""Variable of the environment that may hold the key."""

HOST: Final = "api.materialsproject.org"

_MOST_ELEMENTS: Final = 8
_TYPES: Final = ("GGA_GGA+U", "R2SCAN")
_FIELDS: Final = (
    "material_id",
    "formula_pretty",
    "thermo_type",
    "energy_per_atom",
    "uncorrected_energy_per_atom",
)
_ENERGIES: Final = [
    EnergyColumn(column="energy_gga_corrected", functional="GGA/GGA+U", corrections="MP2020"),
    EnergyColumn(column="energy_gga_uncorrected", functional="GGA/GGA+U", corrections="none"),
    EnergyColumn(column="energy_r2scan", functional="r2SCAN", corrections="none"),
]


@dataclass(kw_only=True, frozen=True, slots=True)
class PairsOfMaterials:
    """Materials with energies in both functionals.

    Attributes:
        table: material_id, formula and the energy columns, eV/atom.
        n_gga: materials with a GGA/GGA+U energy only, left out.
        n_r2scan: materials with an r2SCAN energy only, left out.
    """

    table: pd.DataFrame
    n_gga: int
    n_r2scan: int


def connect(key: str = "") -> Any:
    """Return the Materials Project's client, to be used in a `with` statement.

    Args:
        key: the API key; empty for the one in the environment. It is passed on and kept nowhere.

    Raises:
        LabError: if there is no key, or mp-api is not installed.
    """
    key = key.strip() or os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise LabError(
            f"There is no key of the Materials Project; set {KEY_VARIABLE} or type it. "
            "Its dashboard (materialsproject.org) shows yours."
        )
    try:
        from mp_api.client import MPRester  # noqa: PLC0415  an extra
    except ImportError:
        raise LabError(
            "mp-api is not installed; run: pip install 'atomref-lab[mp]', then try again."
        ) from None
    try:
        return MPRester(key, mute_progress_bars=True)
    except Exception as error:  # noqa: BLE001  as below
        raise _failure(error, key) from None


def elements_of(text: str) -> list[str]:
    """Return the symbols of a chemical system such as "Li-Fe-O".

    Raises:
        LabError: if one is not the symbol of an element, or there are too many.
    """
    symbols = [word.strip() for word in text.replace(",", "-").split("-") if word.strip()]
    unknown = [symbol for symbol in symbols if symbol not in SYMBOLS]
    if unknown or not symbols:
        raise LabError(
            f"{text!r} is not a chemical system ({', '.join(unknown) or 'no elements'}); write "
            "symbols with hyphens: Li-Fe-O."
        )
    symbols = list(dict.fromkeys(symbols))
    if len(symbols) > _MOST_ELEMENTS:
        raise LabError(
            f"{text} has {len(symbols)} elements, whose subsystems are {2 ** len(symbols) - 1:,}; "
            f"name at most {_MOST_ELEMENTS} elements at a time."
        )
    return symbols


def fetch_pairs(client: Any, chemsys: Sequence[str], key: str = "") -> PairsOfMaterials:
    """Return the materials of some chemical systems that have energies in both functionals.

    Args:
        client: an open `mp_api.client.MPRester`.
        chemsys: chemical systems such as "Li-O"; subsystems are systems of their own.
        key: the key in use, which no message will contain.

    Raises:
        LabError: if the service refuses or cannot be reached.
    """
    try:
        documents = client.materials.thermo.search(
            chemsys=list(chemsys),
            thermo_types=list(_TYPES),
            fields=list(_FIELDS),
            all_fields=False,
        )
    except Exception as error:  # noqa: BLE001  the client raises errors of many libraries
        raise _failure(error, key) from None
    by_type: dict[str, dict[str, Any]] = {one: {} for one in _TYPES}
    for document in documents:
        # An enumeration whose text is its value, or that text.
        name = getattr(document.thermo_type, "value", document.thermo_type)
        if name in by_type:
            by_type[name][str(document.material_id)] = document
    gga, r2scan = (by_type[one] for one in _TYPES)
    rows = [
        {
            "material_id": name,
            "formula": gga[name].formula_pretty,
            "energy_gga_corrected": float(gga[name].energy_per_atom),
            "energy_gga_uncorrected": float(gga[name].uncorrected_energy_per_atom),
            # Its corrections are made for GGA; r2SCAN energies are taken as computed.
            "energy_r2scan": float(r2scan[name].uncorrected_energy_per_atom),
        }
        for name in gga
        if name in r2scan
    ]
    return PairsOfMaterials(
        table=pd.DataFrame(rows),
        n_gga=len(gga.keys() - r2scan.keys()),
        n_r2scan=len(r2scan.keys() - gga.keys()),
    )


def subsystems(symbols: Sequence[str]) -> list[str]:
    """Return all chemical systems of some elements, themselves sorted, as "Fe-Li-O"."""
    return [
        "-".join(sorted(chosen))
        for n in range(1, len(symbols) + 1)
        for chosen in combinations(symbols, n)
    ]


def import_pairs_of(
    client: Any, chemsys: str, *, name: str, key: str = "", progress: Progress = silent
) -> Card:
    """Save the materials of a chemical system and its subsystems as a data set of pairs.

    Args:
        client: an open `mp_api.client.MPRester`.
        chemsys: elements such as "Li-Fe-O".
        name: name of the data set.
        key: the key in use, which no message will contain.
        progress: receives what is being done.

    Raises:
        LabError: if the system or the name is not valid, the service fails, or no material has
            energies in both functionals.
    """
    systems = subsystems(elements_of(chemsys))
    path = new_dataset_path(name)
    progress(0.0, f"Asking {HOST}")
    found = fetch_pairs(client, systems, key)
    if found.table.empty:
        raise LabError(
            f"The Materials Project has no material of {chemsys} in both functionals "
            f"({found.n_gga:,} in GGA/GGA+U, {found.n_r2scan:,} in r2SCAN); name other elements."
        )
    progress(0.9, "Saving")
    card = Card(
        name=name,
        title=f"Materials Project: {chemsys} in GGA/GGA+U and r2SCAN",
        description=(
            "Energies of the Materials Project's thermodynamic documents, one row per material "
            "relaxed in each functional. Left out for want of the other functional: "
            f"{found.n_gga:,} in GGA/GGA+U, {found.n_r2scan:,} in r2SCAN."
        ),
        kind="pairs",
        energies=_ENERGIES,
        source_file=HOST,
        licence="CC-BY-4.0",
    )
    return write_pairs(path, card, found.table)


def _failure(error: Exception, key: str) -> LabError:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    secret = key.strip() or os.environ.get(KEY_VARIABLE, "").strip()
    if secret:
        text = text.replace(secret, "…")
    return LabError(f"The Materials Project did not answer ({text}); check the key and try again.")
