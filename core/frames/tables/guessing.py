"""Guessing what the columns of a table mean from their names and first rows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from core.frames.column_names import (
    NAMES,
    SURE_FUNCTIONALS,
    UNKNOWN,
    as_energies,
    differ_in_corrections,
    energy_column,
    first_named,
    is_plainer,
    label_named,
    looks_like_label,
    of_one_functional,
    plain_energy,
    plain_name,
    states_atoms,
)
from core.frames.functionals import (
    MIXED,
    covers,
    is_functional,
    other_words,
    rank,
    words_of,
)
from core.frames.schema import EnergyColumn
from core.frames.tables.literals import looks_like_array
from core.frames.tables.structures import looks_like_structure
from core.frames.tables.tabular import (
    UNIT_WORDS,
    TableFile,
    has_decimal_commas,
    is_missing,
    parse_numbers,
)

Kind = Literal["pairs", "frames", "energies"]

PAIR_FIELDS = ("material_id", "formula", "structure", "source", "target", "n_atoms")
"""Fields of a table of pairs."""

ENERGY_FIELDS = ("material_id", "formula", "structure", "energy", "n_atoms", "functional")
"""Fields of a table of compositions with the energies of one functional."""

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
    "formula",
    "functional",
)
"""Fields of a table of frames."""

FIELDS: dict[Kind, tuple[str, ...]] = {
    "pairs": PAIR_FIELDS,
    "frames": FRAME_FIELDS,
    "energies": ENERGY_FIELDS,
}

_TYPES: dict[str, frozenset[str]] = {
    "material_id": frozenset({"text", "number"}),
    "frame_id": frozenset({"text", "number"}),
    "formula": frozenset({"text"}),
    "functional": frozenset({"text"}),
    "n_atoms": frozenset({"number"}),
    "structure": frozenset({"text"}),
    "bandgap": frozenset({"number"}),
}
_GEOMETRY = re.compile("relax|geom|opt|struct|pseudo|potcar")
# Words for the structure that a relaxation began with.
_START = re.compile("init(ial)?|input|start(ing)?|before|original|un(relaxed|optimi[sz]ed)")
_INDEX_IDS = frozenset({"index", "__index_level_0__"})
_VAGUE_IDS = frozenset({"name", "file", "id", "icsd", "path", "folder", "directory"}) | _INDEX_IDS
_SURE_IDS = frozenset({"material_id", "mp_id"})


@dataclass(kw_only=True, frozen=True, slots=True)
class TableGuess:
    """Likely contents of a table.

    Attributes:
        columns: names in the file's order.
        dtypes: column to "number", "text", "bool", "list", "structure" or "other".
        kind: "pairs" if it has energies in two functionals, "frames" if it has structures with
            the energies of one, "energies" if it has formulas with them.
        energies: columns of total energies.
        source: energy column of the source functional, None if there is none.
        target: energy column of the target functional, None if there is none.
        fields: other fields (material_id, frame_id, formula, structure, n_atoms, functional) to
            column.
        labels: columns that are named after forces, stress, magmoms or bandgap, with the label and
            the functional in the name, if any.
        decimal_commas: columns of numbers whose commas are read as decimal points.
    """

    columns: list[str]
    dtypes: dict[str, str]
    kind: Kind
    energies: list[EnergyColumn]
    source: str | None
    target: str | None
    fields: dict[str, str]
    labels: list[tuple[str, str, str | None]]
    decimal_commas: list[str] = field(default_factory=list)

    def mapping(self, kind: Kind, functional: str | None = None) -> dict[str, str]:
        """Return field to column for an import.

        Args:
            kind: what the table is imported as.
            functional: of frames and energies: their functional; by default the target's.
        """
        if kind == "pairs":
            return self._mapping(PAIR_FIELDS, source=self.source, target=self.target)
        energy, uncorrected = self._energies_in(functional)
        known = {one.column for one in self.energies if one.functional != UNKNOWN}
        # A column of functionals beside energies that name theirs is about something else.
        of_rows = {"functional": None} if energy in known else {}
        if kind == "energies":
            return self._mapping(ENERGY_FIELDS, energy=energy, **of_rows)
        return self._mapping(
            FRAME_FIELDS,
            energy=energy,
            uncorrected_energy=uncorrected,
            **of_rows,
            **self._labels_in(functional),
        )

    def energy(self, column: str) -> EnergyColumn:
        """Return the description of a column of energies, which any column may be chosen as."""
        known = {energy.column: energy for energy in self.energies}
        return known.get(column) or as_energies(column)

    def look_alikes(self, used: Iterable[str]) -> list[str]:
        """Return the columns that look like labels, structures or energies but are not used."""
        return [
            name
            for name in self.columns
            if name not in set(used)
            and (self.dtypes[name] in {"list", "structure"} or looks_like_label(name))
            and not (self.dtypes[name] == "text" and UNIT_WORDS & set(words_of(name)))
        ]

    @property
    def twins(self) -> list[str]:
        """Columns of one functional with and without corrections, where no other is known."""
        known = {energy.functional for energy in self.energies}
        if self.target is not None or len(known) != 1:
            return []
        return [
            energy.column
            for energy in self.energies
            if any(differ_in_corrections(energy, other) for other in self.energies)
        ]

    def _mapping(self, fields: Iterable[str], **chosen: str | None) -> dict[str, str]:
        columns = self.fields | chosen
        return {field: column for field in fields if (column := columns.get(field))}

    def _energies_in(self, functional: str | None) -> tuple[str | None, str | None]:
        """Return the columns of energies and of uncorrected energies in a functional."""
        if functional is None:
            functionals = {energy.column: energy.functional for energy in self.energies}
            functional = functionals.get(self.target or self.source or "", UNKNOWN)
        columns = [
            energy
            for energy in self.energies
            if covers(functional, energy.functional) or covers(energy.functional, functional)
        ]
        unknown = [energy for energy in self.energies if energy.functional == UNKNOWN]
        # The name does not say which functional, so the user's word is taken.
        is_unknown = len(unknown) == len(self.energies)
        if is_unknown and all(of_one_functional(unknown[0], energy) for energy in unknown):
            columns = unknown
        elif is_unknown and (plain := plain_energy(energy.column for energy in unknown)):
            # Beside it are others, as free_energy of ASE or the energy of a potential.
            columns = [energy for energy in unknown if energy.column == plain]
        columns = sorted(
            columns, key=lambda energy: (_preference(energy), not states_atoms(energy.column))
        )
        uncorrected = [energy.column for energy in columns[1:] if energy.corrections == "none"]
        return columns[0].column if columns else None, uncorrected[0] if uncorrected else None

    def _labels_in(self, functional: str | None) -> dict[str, str]:
        """Return forces, stress, magmoms and bandgap to column, of a functional where named."""
        chosen: dict[str, str] = {}
        named = [one for one in self.labels if one[2] and functional and covers(functional, one[2])]
        for label, column, _ in [*named, *(one for one in self.labels if one[2] is None)]:
            chosen.setdefault(label, column)
        if functional is None:
            for label, column, _ in self.labels:
                chosen.setdefault(label, column)
        return chosen


def guess(file: TableFile) -> TableGuess:
    """Guess what the columns of a table mean.

    Raises:
        LabError: if the table has no rows or cannot be read.
    """
    head = file.head()
    dtypes = {name: _dtype(head.column(name)) for name in file.columns}
    fields = _fields(head, dtypes)
    energies = list(file.energies.values())
    energies = energies or _energies(dtypes, of_cells=False) or _energies(dtypes, of_cells=True)
    labels = [
        (found[0], name, found[1])
        for name, dtype in dtypes.items()
        if (found := label_named(name)) and dtype == ("number" if found[0] == "bandgap" else "list")
    ]
    source, target = _source_and_target(energies)
    has_forces = any(label == "forces" for label, _, _ in labels)
    if target is not None and not ("structure" in fields and has_forces):
        kind: Kind = "pairs"
    else:
        kind = "frames" if "structure" in fields else "energies"
    return TableGuess(
        columns=file.columns,
        dtypes=dtypes,
        kind=kind,
        energies=energies,
        source=source,
        target=target,
        fields=fields,
        labels=labels,
        decimal_commas=[
            name
            for name, dtype in dtypes.items()
            if dtype == "number" and has_decimal_commas(head.column(name))
        ],
    )


def _fields(head: pa.Table, dtypes: dict[str, str]) -> dict[str, str]:
    """Return the fields that are recognised by name and type to column."""
    fields = {}
    for name_of in NAMES:
        candidates = [
            name
            for name, dtype in dtypes.items()
            if dtype in _TYPES[name_of] and _may_be(name_of, name, head.column(name))
        ]
        if column := first_named(candidates, name_of):
            fields[name_of] = column
    if "functional" not in fields and (column := _column_of_functionals(head, dtypes)):
        fields["functional"] = column
    if structures := [name for name, dtype in dtypes.items() if dtype == "structure"]:
        # The energies are of what a relaxation ended in.
        fields["structure"] = min(structures, key=_is_start)
    return fields


def _is_start(name: str) -> bool:
    return any(map(_START.fullmatch, words_of(name)))


def _column_of_functionals(head: pa.Table, dtypes: dict[str, str]) -> str | None:
    """Return the text column of any name that holds names of several functionals and no more."""
    for name, dtype in dtypes.items():
        # What structures were relaxed with is not what their energies are in.
        if dtype == "text" and not _GEOMETRY.search(name.lower()):
            texts = {
                text for text in head.column(name).unique().to_pylist() if not is_missing(text)
            }
            if len(texts) > 1 and all(map(_is_a_functional, texts)):
                return name
    return None


def _is_a_functional(text: str) -> bool:
    return is_functional(text) and not other_words(text)


def _may_be(field: str, name: str, column: pa.ChunkedArray) -> bool:
    """Return whether the contents of a column fit a field that its name suggests."""
    if field == "functional" and plain_name(name) not in SURE_FUNCTIONALS:
        texts = {text for text in column.unique().to_pylist() if not is_missing(text)}
        return bool(texts) and sum(map(is_functional, map(str, texts))) > len(texts) / 2
    if field == "material_id" and plain_name(name) not in _SURE_IDS and _has_gaps(column):
        return False
    if field == "material_id" and plain_name(name) in _VAGUE_IDS:
        if plain_name(name) in _INDEX_IDS and not _has_texts(column):
            return False
        return len(column) == 1 or len(column.unique()) > 1
    return True


def _has_gaps(column: pa.ChunkedArray) -> bool:
    """Return whether cells of a column are empty, as an id of another data base often is."""
    return column.null_count > 0 or any(map(is_missing, column.unique().to_pylist()))


def _has_texts(column: pa.ChunkedArray) -> bool:
    """Return whether a column holds words, which a counting index does not."""
    return pa.types.is_string(column.type) and parse_numbers(column)[1] is not None


def _energies(dtypes: dict[str, str], *, of_cells: bool) -> list[EnergyColumn]:
    found = (energy_column(name, of_cells=of_cells) for name in dtypes)
    energies = _with_twins(
        [energy for energy in found if energy and _has_energies(energy, dtypes[energy.column])]
    )
    energies = [one for one in energies if not any(is_plainer(other, one) for other in energies)]
    has_u = any(one.functional == "GGA+U" for one in energies)
    # Beside GGA+U, GGA alone stands for energies without U.
    return [
        one.model_copy(update={"functional": "GGA"})
        if has_u and one.functional == MIXED and one.column.lower().count("gga") == 1
        else one
        for one in energies
    ]


def _with_twins(energies: list[EnergyColumn]) -> list[EnergyColumn]:
    """Mark energies as corrected where the table has the same energies without corrections."""
    return [
        energy.model_copy(update={"corrections": "MP2020"})
        if energy.corrections == "unknown"
        and any(differ_in_corrections(energy, other) for other in energies)
        else energy
        for energy in energies
    ]


def _has_energies(column: EnergyColumn, dtype: str) -> bool:
    # Text under a name such as energy_pbe is a mistake, which the import then reports.
    return dtype == "number" or (dtype == "text" and column.functional != UNKNOWN)


def _preference(column: EnergyColumn) -> int:
    return ("MP2020", "unknown", "none").index(column.corrections)


def _source_and_target(energies: list[EnergyColumn]) -> tuple[str | None, str | None]:
    """Choose the lowest functional and the highest other one, corrected where there is a choice.

    Columns whose functional is unknown count where not two are known, in the file's order. Energies
    with and without corrections are no source and target.
    """
    if not energies:
        return None, None
    named = [energy for energy in energies if energy.functional != UNKNOWN]
    choice = named if len({energy.functional for energy in named}) > 1 else energies
    ranked = sorted(choice, key=lambda energy: (rank(energy.functional), _preference(energy)))
    source = ranked.pop(0)
    others = [energy for energy in ranked if energy.functional != source.functional]
    others = others or [
        energy
        for energy in ranked
        if energy.functional == UNKNOWN and not of_one_functional(source, energy)
    ]
    if not others:
        return source.column, None
    return source.column, max(others, key=lambda energy: rank(energy.functional)).column


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
    first = next((value for one in values if not is_missing(value := one.as_py())), None)
    if looks_like_structure(first):
        return "structure"
    return (
        _text_dtype(column, first)
        if pa.types.is_string(kind) or pa.types.is_null(kind)
        else "other"
    )


def _text_dtype(column: pa.ChunkedArray, first: object) -> str:
    if isinstance(first, str) and looks_like_array(first):
        return "list"
    # A column of mostly numbers is one of numbers with mistakes, which the import then reports.
    values, _ = parse_numbers(column)
    n_cells = len(column) - column.null_count
    return "number" if n_cells and np.isfinite(values).sum() > n_cells / 2 else "text"
