"""Formation energies of every functional in a data set, and their errors against experiment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from core.elements import SYMBOLS, chemistry
from core.errors import LabError
from core.frames.functionals import canonical_functional
from core.frames.pairs import PairSet
from core.frames.provenance import energy_title
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.reference.fits.isolated import ISOLATED, isolated_energies
from core.reference.formation.energies import (
    ElementReferences,
    formation_energies,
    missing,
    references_of,
)

_EXPERIMENT = re.compile(r"exp|expt|experiment|experimental|measured|calorimetry|nbs")
REBUILT = ", uncorrected (rebuilt)"
"""End of the names of energies from which MP2020 corrections were removed."""

ALL = "all"
"""Name of all chemistries together."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FormationColumn:
    """Formation energies computed from one column of total energies.

    Attributes:
        column: the total energies' column, functional, corrections and labels.
        references: the elements' energies.
        energies: formation energies (n,), eV/atom; NaN where the total energy or a reference is
            missing.
        missing: elements that occur but lack a reference.
        n_left_out: rows with a total energy that lack a reference.
    """

    column: EnergyColumn
    references: ElementReferences
    energies: np.ndarray
    missing: list[str]
    n_left_out: int

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.column


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FormationTable:
    """All formation energies of a data set: computed, given and measured ones.

    Attributes:
        data: the data set, n rows.
        columns: formation energies computed here, in the order of the columns of total energies.
        without_references: why other columns of total energies have none, by column.
    """

    data: FrameSet | PairSet
    columns: list[FormationColumn]
    without_references: dict[str, str]

    @classmethod
    def of(cls, data: FrameSet | PairSet, references: str | pd.DataFrame) -> Self:
        """Compute the formation energies of every column of total energies.

        Args:
            data: frames (one functional) or pairs.
            references: "mp", "own", "isolated" (the data set's isolated atoms), or a table or its
                path.

        Raises:
            LabError: if no column has references.
        """
        totals = _total_energies(data)
        of_atoms = isinstance(references, str) and references == ISOLATED
        only = len({canonical_functional(column.functional) for column, _ in totals}) == 1
        columns: list[FormationColumn] = []
        without: dict[str, str] = {}
        for column, energies in totals:
            try:
                elements = references_of(
                    _isolated(data, energies) if of_atoms else references,
                    data.fractions(),
                    energies,
                    column.functional,
                    only=only or of_atoms,
                )
            except LabError as error:
                without[column.column] = str(error)
                continue
            values = formation_energies(data.fractions(), energies, elements)
            present = data.fractions()[np.isfinite(energies)]
            columns.append(
                FormationColumn(
                    column=column,
                    references=elements,
                    energies=values,
                    missing=missing(present, elements),
                    n_left_out=len(present) - int(np.isfinite(values).sum()),
                )
            )
        if not columns:
            raise LabError(next(iter(without.values()), f"{data.card.name} has no energy column."))
        return cls(data=data, columns=columns, without_references=without)

    @property
    def corrected(self) -> list[FormationColumn]:
        """The columns whose energies carry MP2020 corrections."""
        return [column for column in self.columns if column.column.corrections == "MP2020"]

    def with_uncorrected(self, corrections: np.ndarray) -> Self:
        """Return the same with uncorrected copies of the corrected columns.

        The elements themselves carry no correction.

        Args:
            corrections: rebuilt MP2020 corrections of all rows (n,), eV/atom.
        """
        rebuilt = []
        for column in self.corrected:
            update = {"column": f"{column.name}{REBUILT}", "corrections": "none"}
            rebuilt.append(
                replace(
                    column,
                    column=column.column.model_copy(update=update),
                    energies=column.energies - corrections,
                )
            )
        return replace(self, columns=[*self.columns, *rebuilt])

    @property
    def energies(self) -> dict[str, np.ndarray]:
        """Formation energies by name (n,), eV/atom: computed here, then given in the data set."""
        given = [name for name in self._numbers() if "formation" in name and not _is_measured(name)]
        computed = {column.name: column.energies for column in self.columns}
        return computed | {f"{name}, as given": self.numbers(name) for name in given}

    def title_of(self, name: str) -> str:
        """Return the title of an axis with a formation energy, in words instead of a column name.

        Args:
            name: name in `energies` or `measured`.
        """
        for column in self.columns:
            if column.name == name:
                rebuilt = " (rebuilt)" if name.endswith(REBUILT) else ""
                return f"Formation energy, {energy_title(column.column)}{rebuilt}"
        words = name.removesuffix(", as given").replace("_", " ").strip()
        return f"Formation energy: {words}" if "formation" not in name else words.capitalize()

    def option_of(self, name: str) -> str:
        """Return what stands for formation energies in a list of choices: words, then the column.

        Args:
            name: name in `energies` or `measured`.
        """
        title = self.title_of(name).removeprefix("Formation energy, ")
        return f"{title} ({name.removesuffix(REBUILT)})"

    @property
    def measured(self) -> dict[str, np.ndarray]:
        """Formation energies that seem to be measured, by column (n,), eV/atom."""
        return {name: self.numbers(name) for name in self._numbers() if _is_measured(name)}

    def partner_of(self, name: str) -> str:
        """Return what formation energies are compared with first: those of the last functional.

        Args:
            name: name in `energies` or `measured`; there must be another one.
        """
        others = [other for other in self.measured | self.energies if other != name]
        computed = [column.name for column in self.columns]
        stored = [it for it in computed if not it.endswith(REBUILT) and it in others]
        return stored[-1] if stored else others[0]

    def numbers(self, column: str) -> np.ndarray:
        """Return a column of numbers other than total energies (n,), NaN where missing.

        Raises:
            LabError: if there is no such column, or it holds no numbers.
        """
        names = self._numbers()
        if column not in names:
            raise LabError(
                f"{self.data.card.name} has no column of numbers {column!r}; it has: "
                f"{', '.join(names) or 'none'}."
            )
        return self.data.table()[column].to_numpy(dtype=np.float64, na_value=np.nan)

    def elements(self) -> pd.DataFrame:
        """Return column symbol and the elements' energies, eV/atom, one column per functional."""
        names = [column.name for column in self.columns]
        table = pd.DataFrame({column.name: column.references.energies for column in self.columns})
        table.insert(0, "symbol", SYMBOLS)
        return table.dropna(subset=names, how="all")

    def comparison(self, x: str, y: str) -> pd.DataFrame:
        """Return the materials that have two formation energies.

        Args:
            x: name in `energies` or `measured`.
            y: the same.

        Returns:
            Columns material_id, formula, chemistry, x, y and difference (y − x), eV/atom.
        """
        energies = self.measured | self.energies
        rows = np.flatnonzero(np.isfinite(energies[x]) & np.isfinite(energies[y]))
        table = self.data.table()[["material_id", "formula"]].iloc[rows]
        return table.assign(
            chemistry=chemistry(self.data.fractions()[rows]),
            x=energies[x][rows],
            y=energies[y][rows],
            difference=(energies[y] - energies[x])[rows],
        )

    def errors(self, measured: str) -> pd.DataFrame:
        """Return `formation_errors` of all formation energies against a measured column.

        Raises:
            LabError: if there is no such column, or no material has all energies.
        """
        return formation_errors(self.energies, self.numbers(measured), self.data.fractions())

    def _numbers(self) -> list[str]:
        if not isinstance(self.data, PairSet):
            return []
        table = self.data.table()
        totals = {energy.column for energy in self.data.card.energies}
        return [
            str(name)
            for name in table.columns
            if name not in totals
            and pd.api.types.is_numeric_dtype(table[name])
            and not pd.api.types.is_bool_dtype(table[name])
        ]


def formation_errors(
    energies: Mapping[str, np.ndarray], measured: np.ndarray, fractions: np.ndarray
) -> pd.DataFrame:
    """Compare formation energies with measured ones, by chemistry, all on the same materials.

    Args:
        energies: name to formation energies (n,), eV/atom. Those that no measured row has are
            left out.
        measured: what they are compared with, (n,) eV/atom. A row counts only if it and all
            other energies are known.
        fractions: composition fractions (n, 94).

    Returns:
        One row per name and chemistry: energy, chemistry ("all" first, then the commonest first),
        n, mae and me (mean of energy − measured, eV/atom).

    Raises:
        LabError: if no material has all of them.
    """
    is_known = np.isfinite(measured)
    energies = {name: e for name, e in energies.items() if np.isfinite(e[is_known]).any()}
    table = np.column_stack([measured, *energies.values()])[:, 1:]
    rows = np.flatnonzero(np.isfinite(table).all(axis=1) & is_known)
    if not energies or not len(rows):
        raise LabError("no material has all of these formation energies; take other references.")
    errors = pd.DataFrame(table[rows] - measured[rows, None], columns=list(energies))
    kinds = pd.Series(chemistry(fractions[rows]))
    groups = {ALL: errors} | {kind: errors[kinds == kind] for kind in kinds.value_counts().index}
    return pd.DataFrame(
        [
            {
                "energy": name,
                "chemistry": kind,
                "n": len(group),
                "mae": float(group[name].abs().mean()),
                "me": float(group[name].mean()),
            }
            for name in energies
            for kind, group in groups.items()
        ]
    )


def mae_by_chemistry(errors: pd.DataFrame) -> pd.DataFrame:
    """Return columns chemistry and n, and the MAE of each formation energy, eV/atom.

    Args:
        errors: as `formation_errors` returns them.
    """
    return errors.pivot_table(
        index=["chemistry", "n"], columns="energy", values="mae", sort=False
    ).reset_index()


def _isolated(data: FrameSet | PairSet, energies: np.ndarray) -> pd.DataFrame:
    """Return the energies of the data set's isolated atoms as a table of references."""
    found = isolated_energies(data, data.fractions(), energies, name=data.card.name)
    return pd.DataFrame({"symbol": list(found), "energy": [repr(one) for one in found.values()]})


def _total_energies(data: FrameSet | PairSet) -> list[tuple[EnergyColumn, np.ndarray]]:
    if isinstance(data, PairSet):
        return [(column, data.energy(column.column)) for column in data.card.energies]
    return [(data.card.frame_energy, data.energies())]


def _is_measured(column: str) -> bool:
    return any(_EXPERIMENT.fullmatch(word) for word in re.split(r"[^a-z]+", column.lower()))
