"""Guessing what the columns of a table mean from their names and first rows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from core.frames.schema import Corrections, EnergyColumn
from core.frames.sources.structures import looks_like_structure
from core.frames.sources.tabular import TableFile, parse_numbers

PAIR_FIELDS = ("material_id", "formula", "structure", "source", "target")
"""Fields of a table of pairs."""

FRAME_FIELDS = (
    "frame_id",
    "material_id",
    "structure",
    "energy",
    "uncorrected_energy",
    "forces",
    "stress",
    "magmoms",
    "bandgap",
)
"""Fields of a table of frames."""

_ID = frozenset({"text", "number"})
_TEXT = frozenset({"text"})
_LIST = frozenset({"list"})
# Field to the types its column may have and its usual names, the likeliest first.
_NAMES: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "material_id": (_ID, ("material_id", "mp_id", "mpid", "mat_id", "material", "id")),
    "frame_id": (_ID, ("frame_id", "frame")),
    "formula": (
        _TEXT,
        ("formula", "formula_pretty", "pretty_formula", "reduced_formula", "composition"),
    ),
    "forces": (_LIST, ("forces", "force")),
    "stress": (_LIST, ("stress", "stress_gpa", "stresses")),
    "magmoms": (_LIST, ("magmoms", "magmom", "magnetic_moments")),
    "bandgap": (frozenset({"number"}), ("bandgap", "band_gap")),
}
# Words that mark an energy other than the total energy.
_NOT_TOTAL = re.compile(
    "formation|form|ef|hull|above|ehull|enthalpy|decomposition|cohesive|cohesion|exfoliation|fermi|"
    "gap|surface|adsorption|reaction|binding|vacancy|difference|diff|delta|shift|error|std|"
    "uncertainty|correction|zpe|kinetic|interaction"
)
# Pattern, functional, rank; the first match counts, and sources rank below targets.
_FUNCTIONALS: tuple[tuple[str, str, int], ...] = (
    (r"r2scan", "r2SCAN", 4),
    (r"scan", "SCAN", 3),
    (r"hse(06)?", "HSE06", 5),
    (r"pbe0", "PBE0", 5),
    (r"pbesol", "PBEsol", 2),
    (r"pbe", "PBE", 1),
    (r"gga(\+u)?|ggau", "GGA/GGA+U", 1),
    (r"lda", "LDA", 0),
)
_RANK = {name: rank for _, name, rank in _FUNCTIONALS}


@dataclass(kw_only=True, frozen=True, slots=True)
class TableGuess:
    """Likely contents of a table.

    Attributes:
        columns: names in the file's order.
        dtypes: column to "number", "text", "bool", "list", "structure" or "other".
        kind: "pairs" if it has energies in two functionals or no structures, else "frames".
        energies: columns of total energies (eV/atom).
        source: energy column of the source functional, None if there is none.
        target: energy column of the target functional, None if there is none.
        fields: other fields (material_id, frame_id, formula, structure, forces, stress, magmoms,
            bandgap) to column.
    """

    columns: list[str]
    dtypes: dict[str, str]
    kind: Literal["pairs", "frames"]
    energies: list[EnergyColumn]
    source: str | None
    target: str | None
    fields: dict[str, str]

    def pairs_mapping(self) -> dict[str, str]:
        """Return field to column for an import as pairs."""
        return self._mapping(PAIR_FIELDS, source=self.source, target=self.target)

    def frames_mapping(self, functional: str | None = None) -> dict[str, str]:
        """Return field to column for an import as frames.

        Args:
            functional: functional of the energies; by default the target's.
        """
        energy, uncorrected = self._energies_in(functional)
        return self._mapping(FRAME_FIELDS, energy=energy, uncorrected_energy=uncorrected)

    def _mapping(self, fields: Iterable[str], **energies: str | None) -> dict[str, str]:
        columns = self.fields | energies
        return {field: column for field in fields if (column := columns.get(field))}

    def _energies_in(self, functional: str | None) -> tuple[str | None, str | None]:
        """Return the columns of energies and of uncorrected energies in a functional."""
        if functional is None:
            functionals = {energy.column: energy.functional for energy in self.energies}
            functional = functionals.get(self.target or self.source or "", "unknown")
        name = (functional_of(functional) or functional).casefold()
        columns = [energy for energy in self.energies if energy.functional.casefold() == name]
        if not columns and [energy.functional for energy in self.energies] == ["unknown"]:
            columns = self.energies
        columns = sorted(columns, key=_preference)
        uncorrected = [energy.column for energy in columns[1:] if energy.corrections == "none"]
        return columns[0].column if columns else None, uncorrected[0] if uncorrected else None


def guess(file: TableFile) -> TableGuess:
    """Guess what the columns of a table mean.

    Raises:
        LabError: if the table has no rows or cannot be read.
    """
    head = file.head()
    dtypes = {name: _dtype(head.column(name)) for name in file.columns}
    fields = {}
    for field, (types, names) in _NAMES.items():
        candidates = [name for name in file.columns if dtypes[name] in types]
        if column := _first_named(candidates, names):
            fields[field] = column
    if "structure" in dtypes.values():
        fields["structure"] = next(name for name in dtypes if dtypes[name] == "structure")
    energies = [
        energy
        for name in file.columns
        if (energy := energy_column(name)) is not None and _has_energies(energy, dtypes[name])
    ]
    source, target = _source_and_target(energies)
    is_pairs = "structure" not in fields or (target and "forces" not in fields)
    return TableGuess(
        columns=file.columns,
        dtypes=dtypes,
        kind="pairs" if is_pairs else "frames",
        energies=energies,
        source=source,
        target=target,
        fields=fields,
    )


def energy_column(name: str) -> EnergyColumn | None:
    """Guess from its name which energy a column holds; None if it is not a total energy."""
    words = set(_words(name))
    functional = functional_of(name)
    is_energy = any("energ" in word for word in words) or bool("e" in words and functional)
    if not is_energy or any(map(_NOT_TOTAL.fullmatch, words)):
        return None
    if "total" in words and "atom" not in words:
        return None  # usually of the whole cell
    corrections: Corrections = "unknown"
    if words & {"uncorrected", "uncorr", "raw"}:
        corrections = "none"
    elif words & {"corrected", "corr", "mp2020"}:
        corrections = "MP2020"
    elif functional not in {None, "PBE", "GGA/GGA+U"}:
        # Only GGA and GGA+U energies take MP2020 corrections.
        corrections = "none"
    return EnergyColumn(column=name, functional=functional or "unknown", corrections=corrections)


def canonical_functional(functional: str) -> str:
    """Return the usual spelling of a functional: r2scan becomes r2SCAN."""
    spelled = {name.casefold(): name for name in _RANK}
    return spelled.get(functional.strip().casefold(), functional.strip())


def functional_of(text: str) -> str | None:
    """Return the functional that a name or phrase contains, None if there is none."""
    words = _words(text)
    for pattern, functional, _ in _FUNCTIONALS:
        if any(re.fullmatch(pattern, word) for word in words):
            return functional
    return None


def _words(text: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return re.findall(r"[a-z0-9+]+", parted.lower().replace("²", "2"))


def _first_named(columns: list[str], names: Iterable[str]) -> str | None:
    plain = {re.sub(r"[\s-]+", "_", column.strip().lower()): column for column in columns}
    return next((plain[name] for name in names if name in plain), None)


def _has_energies(column: EnergyColumn, dtype: str) -> bool:
    # Text under a name such as energy_pbe is a mistake, which the import then reports.
    return dtype == "number" or (dtype == "text" and column.functional != "unknown")


def _preference(column: EnergyColumn) -> int:
    return ("MP2020", "unknown", "none").index(column.corrections)


def _source_and_target(energies: list[EnergyColumn]) -> tuple[str | None, str | None]:
    """Choose the lowest functional and the highest other one, corrected where there is a choice.

    Columns whose functional is unknown are taken in the file's order.
    """
    if not energies:
        return None, None
    ranked = sorted(energies, key=lambda energy: (_rank(energy), _preference(energy)))
    source = ranked.pop(0)
    others = [energy for energy in ranked if energy.functional != source.functional]
    others = others or [energy for energy in ranked if energy.functional == "unknown"]
    if not others:
        return source.column, None
    return source.column, max(others, key=_rank).column


def _rank(column: EnergyColumn) -> int:
    return _RANK.get(column.functional, 1)


def _dtype(column: pa.ChunkedArray) -> str:
    kind = column.type
    tests = {
        "bool": (pa.types.is_boolean,),
        "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
        "list": (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
    }
    for name, checks in tests.items():
        if any(check(kind) for check in checks):
            return name
    values = column.drop_null()
    first = values[0].as_py() if len(values) else None
    if looks_like_structure(first):
        return "structure"
    return (
        _text_dtype(column, first)
        if pa.types.is_string(kind) or pa.types.is_null(kind)
        else "other"
    )


def _text_dtype(column: pa.ChunkedArray, first: object) -> str:
    if isinstance(first, str) and first.lstrip().startswith("["):
        return "list"
    # A column of mostly numbers is one of numbers with mistakes, which the import then reports.
    values, _ = parse_numbers(column)
    n_cells = len(column) - column.null_count
    return "number" if n_cells and (~np.isnan(values)).sum() > n_cells / 2 else "text"
