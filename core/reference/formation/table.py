"""Formation energies of every functional in a data set, and how far they are from experiment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.elements import chemistry
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.reference.formation.energies import (
    ElementReferences,
    formation_energies,
    missing,
    references_of,
)

_EXPERIMENT = re.compile(r"exp|expt|experiment|experimental|measured|calorimetry|nbs")
ALL = "all"
"""Name of all chemistries together."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ColumnFormation:
    """Formation energies of one column of total energies.

    Attributes:
        column: The total energies' column, functional, corrections and labels.
        references: The elements' energies.
        energies: Formation energies (n,), eV/atom; NaN where the total energy or a reference is
            missing.
        missing: Elements that occur but lack a reference.
        n_left_out: Rows with a total energy that lack a reference.
    """

    column: EnergyColumn
    references: ElementReferences
    energies: np.ndarray
    missing: list[str]
    n_left_out: int


def formation_columns(
    data: FrameSet | PairSet, references: str | pd.DataFrame
) -> tuple[list[ColumnFormation], dict[str, str]]:
    """Compute the formation energies of every column of total energies.

    Args:
        data: Frames (one functional) or pairs.
        references: "mp", "own", or a table or its path.

    Returns:
        The columns in their order, and the reasons why others have no references, by name.

    Raises:
        LabError: No column has references.
    """
    columns = _columns(data)
    only = len({one.functional.casefold() for one, _ in columns}) == 1
    found: list[ColumnFormation] = []
    without: dict[str, str] = {}
    for column, energies in columns:
        try:
            known = references_of(
                references, data.fractions(), energies, column.functional, only=only
            )
        except LabError as error:
            without[column.column] = str(error)
            continue
        values = formation_energies(data.fractions(), energies, known)
        present = data.fractions()[np.isfinite(energies)]
        found.append(
            ColumnFormation(
                column=column,
                references=known,
                energies=values,
                missing=missing(present, known),
                n_left_out=len(present) - int(np.isfinite(values).sum()),
            )
        )
    if not found:
        raise LabError(next(iter(without.values()), f"{data.card.name} has no energy column."))
    return found, without


def rebuilt_column(one: ColumnFormation, corrections: np.ndarray) -> ColumnFormation:
    """Return the same formation energies without their MP2020 corrections, which are rebuilt.

    Args:
        one: Corrected formation energies. The elements themselves carry no correction.
        corrections: Of all rows (n,), eV/atom, as `mp2020_corrections` gives them.
    """
    column = one.column.model_copy(
        update={"column": f"{one.column.column}, rebuilt", "corrections": "none"}
    )
    return replace(one, column=column, energies=one.energies - corrections)


def measured_columns(data: PairSet) -> list[str]:
    """Name the columns of numbers that seem to hold measured formation energies."""
    return [name for name in _numbers(data) if _is_measured(name)]


def given_columns(data: PairSet) -> list[str]:
    """Name the columns of numbers that seem to hold formation energies computed elsewhere."""
    return [name for name in _numbers(data) if "formation" in name and not _is_measured(name)]


def column_values(data: PairSet, column: str) -> np.ndarray:
    """Return a column of numbers (n,), NaN where missing.

    Raises:
        LabError: No such column, or one that holds no numbers.
    """
    if column not in _numbers(data):
        raise LabError(
            f"{data.card.name} has no column of numbers {column!r}; it has: "
            f"{', '.join(_numbers(data)) or 'none'}."
        )
    return data.table()[column].to_numpy(dtype=np.float64, na_value=np.nan)


def errors(
    energies: Mapping[str, np.ndarray], measured: np.ndarray, fractions: np.ndarray
) -> pd.DataFrame:
    """Compare formation energies with others, by chemistry, all on the same materials.

    Args:
        energies: Name to formation energies (n,), eV/atom. Those that no measured row has are
            left out.
        measured: What they are compared with, (n,) eV/atom. A row counts only if it and all
            other energies are known.
        fractions: Composition fractions (n, 94).

    Returns:
        One row a name and chemistry: energy, chemistry ("all" first, then the commonest first),
        n, mae and me (mean of energy − measured, eV/atom).

    Raises:
        LabError: No material has all of them.
    """
    known = np.isfinite(measured)
    energies = {name: e for name, e in energies.items() if np.isfinite(e[known]).any()}
    table = np.column_stack([measured, *energies.values()])[:, 1:]
    rows = np.flatnonzero(np.isfinite(table).all(axis=1) & known)
    if not energies or not len(rows):
        raise LabError("no material has all of these formation energies; take other references.")
    away = table[rows] - measured[rows, None]
    kinds = pd.Series(chemistry(fractions[rows]))
    groups = {ALL: np.ones(len(rows), dtype=bool)}
    groups |= {str(kind): (kinds == kind).to_numpy() for kind in kinds.value_counts().index}
    return pd.DataFrame(
        [
            {
                "energy": name,
                "chemistry": kind,
                "n": int(held.sum()),
                "mae": float(np.abs(away[held, place]).mean()),
                "me": float(away[held, place].mean()),
            }
            for place, name in enumerate(energies)
            for kind, held in groups.items()
        ]
    )


def _columns(data: FrameSet | PairSet) -> list[tuple[EnergyColumn, np.ndarray]]:
    if isinstance(data, PairSet):
        return [(one, data.energy(one.column)) for one in data.card.energies]
    column = EnergyColumn(
        column="energy_per_atom",
        functional=data.card.functional or "unknown",
        corrections=data.card.corrections,
        labels=data.card.labels,
    )
    return [(column, data.energies())]


def _numbers(data: PairSet) -> list[str]:
    table = data.table()
    known = {energy.column for energy in data.card.energies}
    return [
        str(name)
        for name in table.columns
        if name not in known
        and pd.api.types.is_numeric_dtype(table[name])
        and not pd.api.types.is_bool_dtype(table[name])
    ]


def _is_measured(column: str) -> bool:
    return any(_EXPERIMENT.fullmatch(word) for word in re.split(r"[^a-z]+", column.lower()))
