"""Reading a table of paired energies, or of one functional's, in memory or as a new data set."""

from collections.abc import Mapping
from pathlib import Path

from core.frames.functionals import canonical_functional
from core.frames.pairs import PairSet
from core.frames.schema import DFT, Card, Corrections
from core.frames.tables.energy_table import EnergyTable
from core.frames.tables.tabular import TableFile
from core.progress import Progress, silent


def import_pairs(
    path: Path | str | TableFile,
    *,
    name: str,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    functionals: Mapping[str, str] | None = None,
    corrections: Mapping[str, Corrections] | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Import a table of energies per atom in two or more functionals, one row per material.

    Every column that looks like a total energy becomes an energy column; other columns of single
    values are kept beside them. The description states the unit in which each was read.

    Args:
        path: CSV (also gzipped) or Parquet; energies in eV/atom, unless the columns' names or
            `units` say otherwise.
        name: name of the new data set.
        mapping: field (material_id, formula, structure, source, target, n_atoms) to column, where
            the guess is wrong; an empty column leaves the field out.
        units: field or energy column to unit, where the name of the column does not say it.
        functionals: energy column to functional, where the guess from its name is wrong.
        corrections: energy column to whether its energies contain MP2020 corrections.
        labels: "dft" or the name of the model that made the energies.
        licence: licence of the data.
        title: one line for people.
        progress: called with the finished share.

    Returns:
        The card of the new data set.

    Raises:
        LabError: if a row or the file cannot be read, or two columns are the energies of one
            functional with and without corrections; nothing is imported then.
    """
    table = EnergyTable(path, "pairs", mapping, units=units)
    energies = table.energies(functionals or {}, corrections or {}, labels)
    table.check_pair(energies)
    return table.write(name, energies, licence, title, progress)


def import_energies(
    path: Path | str | TableFile,
    *,
    name: str,
    functional: str,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    corrections: Corrections | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
) -> Card:
    """Import a table of compositions with the total energies of one functional.

    AtomRef can be fitted to it; a shift needs a second functional. Energies of the same functional
    without corrections are kept as a column of their own.

    Args:
        path: as of `import_pairs`.
        name: name of the new data set.
        functional: functional of the energies; rows that name another one are left out.
        mapping: field (material_id, formula, structure, energy, n_atoms, functional) to column,
            where the guess is wrong; an empty column leaves the field out.
        units: as of `import_pairs`.
        corrections: whether the energies contain MP2020 corrections; by default guessed.
        labels: "dft" or the name of the model that made the energies.
        licence: licence of the data.
        title: one line for people.
        progress: called with the finished share.

    Returns:
        The card of the new data set, of the kind "pairs" with the energies of one functional.

    Raises:
        LabError: if a row or the file cannot be read; nothing is imported then.
    """
    functional = canonical_functional(functional)
    table = EnergyTable(path, "energies", mapping, functional=functional, units=units)
    column = table.mapping["energy"]
    energies = table.energies(
        dict.fromkeys(table.energy_columns, functional),
        {} if corrections is None else {column: corrections},
        labels,
    )
    return table.write(name, energies, licence, title, progress)


def pairs_from_table(
    path: Path | str | TableFile,
    *,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> PairSet:
    """Read a table of pairs into memory without importing it; its structures are left out.

    Args:
        path: as of `import_pairs`.
        mapping: as of `import_pairs`.
        units: as of `import_pairs`.

    Raises:
        LabError: if a row or the file cannot be read, energies are totals, or two columns are the
            energies of one functional with and without corrections.
    """
    table = EnergyTable(path, "pairs", mapping, units=units)
    energies = table.energies({}, {}, DFT)
    table.check_pair(energies)
    data = table.read()
    table.refuse_totals_of_formulas(data)
    card = table.card(
        kind="pairs",
        name=table.file.path.name.split(".")[0],
        title="",
        labels=DFT,
        energies=energies,
        description=table.description,
        n=len(data),
        n_materials=data["material_id"].nunique(),
    )
    return PairSet(card, data)
