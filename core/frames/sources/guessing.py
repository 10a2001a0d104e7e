"""Guesses what the columns of a table mean from their names and first rows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from core.frames.schema import Corrections, EnergyColumn
from core.frames.sources.opening import open_table
from core.frames.sources.structures import looks_like_structure
from core.frames.sources.tabular import TableFile, is_text, parse_numbers

PAIR_FIELDS = ("material_id", "formula", "structure", "source", "target")
"""What a column of a table of pairs can be."""

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
"""What a column of a table of frames can be."""

_ID = frozenset({"text", "number"})
_TEXT = frozenset({"text"})
_LIST = frozenset({"list"})
# Field to the types its column may have and the names it goes by, the likeliest first.
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
# Words of a name that mark another energy than the total one.
_NOT_TOTAL = re.compile(
    "formation|form|ef|hull|above|ehull|enthalpy|decomposition|cohesive|cohesion|exfoliation|fermi|"
    "gap|surface|adsorption|reaction|binding|vacancy|difference|diff|delta|shift|error|std|"
    "uncertainty|correction|zpe|kinetic|interaction"
)
# In this order, the first that fits names the functional; the number ranks sources below targets.
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
    """What a table seems to hold; None where nothing fits.

    Attributes:
        columns: Names in the file's order.
        dtypes: Column to "number", "text", "bool", "list", "structure" or "other".
        n_rows: Rows, None where only reading the file would tell.
        kind: "pairs" if it holds energies in two functionals or no structures, else "frames".
        energies: Columns of total energies (eV/atom).
        source: Energy column of the functional that is known.
        target: Energy column of the functional to learn.
        material_id: Column.
        frame_id: Column.
        formula: Column.
        structure: Column of pymatgen dictionaries, CIF or POSCAR.
        forces: Column, eV/Å.
        stress: Column, GPa in CHGNet's sign.
        magmoms: Column, μB.
        bandgap: Column, eV.
    """

    columns: list[str]
    dtypes: dict[str, str]
    n_rows: int | None
    kind: Literal["pairs", "frames"]
    energies: list[EnergyColumn]
    source: str | None
    target: str | None
    material_id: str | None
    frame_id: str | None
    formula: str | None
    structure: str | None
    forces: str | None
    stress: str | None
    magmoms: str | None
    bandgap: str | None

    def pairs_mapping(self) -> dict[str, str]:
        """Return field to column for an import as pairs."""
        return self._mapping(PAIR_FIELDS, {"source": self.source, "target": self.target})

    def frames_mapping(self, functional: str | None = None) -> dict[str, str]:
        """Return field to column for an import as frames.

        Args:
            functional: Whose energies; by default the target's.
        """
        energy, uncorrected = self._energy_of(functional)
        return self._mapping(FRAME_FIELDS, {"energy": energy, "uncorrected_energy": uncorrected})

    def _mapping(self, fields: Iterable[str], energies: Mapping[str, str | None]) -> dict[str, str]:
        columns = {field: energies.get(field, getattr(self, field, None)) for field in fields}
        return {field: column for field, column in columns.items() if column}

    def _energy_of(self, functional: str | None) -> tuple[str | None, str | None]:
        if functional is None:
            known = {one.column: one.functional for one in self.energies}
            functional = known.get(self.target or self.source or "", "unknown")
        name = (functional_of(functional) or functional).casefold()
        columns = [one for one in self.energies if one.functional.casefold() == name]
        if not columns and [one.functional for one in self.energies] == ["unknown"]:
            columns = self.energies
        columns = sorted(columns, key=_preference)
        uncorrected = [one.column for one in columns[1:] if one.corrections == "none"]
        return columns[0].column if columns else None, uncorrected[0] if uncorrected else None


def guess(path: Path | str) -> TableGuess:
    """Guess what the columns of a CSV or Parquet file mean.

    Raises:
        LabError: The file is no table.
    """
    return guess_table(open_table(path))


def guess_table(file: TableFile) -> TableGuess:
    """Guess what the columns of an open table mean; see guess."""
    head = file.head()
    dtypes = {name: _dtype(head.column(name)) for name in file.columns}
    found = {
        field: _named([name for name in file.columns if dtypes[name] in kinds], names)
        for field, (kinds, names) in _NAMES.items()
    }
    energies = [
        column
        for name in file.columns
        if (column := energy_column(name)) is not None and _holds_energies(column, dtypes[name])
    ]
    source, target = _source_and_target(energies)
    structure = next((name for name in file.columns if dtypes[name] == "structure"), None)
    return TableGuess(
        columns=file.columns,
        dtypes=dtypes,
        n_rows=file.n_rows,
        kind="pairs" if structure is None or (target and not found["forces"]) else "frames",
        energies=energies,
        source=source,
        target=target,
        structure=structure,
        **found,
    )


def energy_column(name: str) -> EnergyColumn | None:
    """Guess from its name what energy a column holds; None if not a total energy."""
    words = set(_words(name))
    functional = functional_of(name)
    is_energy = any("energ" in word for word in words) or bool("e" in words and functional)
    if not is_energy or any(map(_NOT_TOTAL.fullmatch, words)):
        return None
    if "total" in words and "atom" not in words:
        return None  # Of the whole cell, by the customs of the field.
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
    """Spell a functional that is known by name the usual way: r2scan becomes r2SCAN."""
    spelled = {name.casefold(): name for name in _RANK}
    return spelled.get(functional.strip().casefold(), functional.strip())


def functional_of(text: str) -> str | None:
    """Return the functional that a name or phrase speaks of, None if it names none."""
    words = _words(text)
    for pattern, functional, _ in _FUNCTIONALS:
        if any(re.fullmatch(pattern, word) for word in words):
            return functional
    return None


def _words(text: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return re.findall(r"[a-z0-9+]+", parted.lower().replace("²", "2"))


def _named(columns: list[str], names: Iterable[str]) -> str | None:
    plain = {re.sub(r"[\s-]+", "_", column.strip().lower()): column for column in columns}
    return next((plain[name] for name in names if name in plain), None)


def _holds_energies(column: EnergyColumn, dtype: str) -> bool:
    # Text under a name as plain as energy_pbe is a mistake, which the import then names.
    return dtype == "number" or (dtype == "text" and column.functional != "unknown")


def _preference(column: EnergyColumn) -> int:
    return ("MP2020", "unknown", "none").index(column.corrections)


def _source_and_target(energies: list[EnergyColumn]) -> tuple[str | None, str | None]:
    """Choose the lowest functional and the highest other one, corrected where there is a choice.

    Columns of functionals that their names do not tell are taken in the file's order.
    """
    if not energies:
        return None, None
    ranked = sorted(energies, key=lambda one: (_rank(one), _preference(one)))
    source = ranked.pop(0)
    others = [one for one in ranked if one.functional != source.functional]
    others = others or [one for one in ranked if one.functional == "unknown"]
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
    first = _first(column)
    if looks_like_structure(first):
        return "structure"
    return _text_dtype(column, first) if is_text(kind) or pa.types.is_null(kind) else "other"


def _text_dtype(column: pa.ChunkedArray, first: object) -> str:
    if isinstance(first, str) and first.lstrip().startswith("["):
        return "list"
    # Mostly numbers is a column of numbers with mistakes, which the import then names.
    values, _ = parse_numbers(column)
    given = len(column) - column.null_count
    return "number" if given and (~np.isnan(values)).sum() > given / 2 else "text"


def _first(column: pa.ChunkedArray) -> object:
    known = column.drop_null()
    return known[0].as_py() if len(known) else None
