"""Quantities to compare shifts with: columns of the data set, and computed ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from core.elements import N_ELEMENTS, chemistry
from core.errors import LabError
from core.frames.functionals import functional_of
from core.frames.pairs import PairSet
from core.frames.provenance import energy_title
from core.frames.store import FrameSet
from core.reference.shifts.electrons import d_electrons, electronegativities, f_electrons
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies

MAX_CATEGORIES = 100
"""A text column with more distinct entries identifies rows rather than categories."""

_NAMES = {"material_id", "frame_id", "formula"}
_TITLES = {
    "bandgap": ("Band gap", "eV"),
    "band_gap": ("Band gap", "eV"),
    "n_atoms": ("Atoms in the cell", ""),
    "volume_per_atom": ("Volume per atom", "Å³"),
}
# Beginning of a column's name to its title, which the functional follows.
_QUANTITIES = {
    "magmom_per_atom": "Mean |magmom| per atom",
    "volume_per_atom": "Volume per atom",
    "bandgap": "Band gap",
    "band_gap": "Band gap",
}
# Prefix of a column's name to its unit.
_UNITS = (("energy", "eV/atom"), ("formation_e", "eV/atom"), ("magmom", "μB"), ("volume", "Å³"))


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Variable:
    """One number or one category per pair.

    Attributes:
        name: name in links and commands: of the column, or of the computed quantity.
        title: title for axes.
        option: what lists call it: the name of a column, or the title.
        unit: its unit; empty for pure numbers, categories, and where it is unknown.
        kind: "number" or "category".
        about: explanation in a sentence; empty for a column of the data set.
        values: returns it for every pair, (n,): numbers with NaN where unknown, or strings.
    """

    name: str
    title: str
    option: str
    unit: str
    kind: Literal["number", "category"]
    about: str
    values: Callable[[], np.ndarray]


def variables(opened: OpenedPairs) -> dict[str, Variable]:
    """List the quantities that the shifts of some pairs can be compared with.

    Args:
        opened: the pairs and their data sets.

    Returns:
        Name to variable: the columns of the data set, then quantities computed from structures
        and compositions. A column takes precedence over a computed quantity of the same name.
    """
    named: dict[str, Variable] = {}
    for variable in (*_columns(opened), *_geometry(opened), *_composition(opened.pairs)):
        named.setdefault(variable.name, variable)
    return named


def variable(options: dict[str, Variable], name: str) -> Variable:
    """Return a variable by its name.

    Raises:
        LabError: if there is none of this name.
    """
    if name not in options:
        raise LabError(f"there is no column {name!r} here; choose one of: {', '.join(options)}.")
    return options[name]


def _columns(opened: OpenedPairs) -> Iterable[Variable]:
    pairs, data = opened.pairs, opened.data
    table = data.table()
    for name in table.columns:
        column = table[name]
        if name in _NAMES or _is_energy(name, column, opened):
            continue
        title, unit = _title_and_unit(name, data)
        option = title if name in _TITLES else name
        if pd.api.types.is_bool_dtype(column):
            if column.nunique() == 2:
                yield _category(name, title, partial(_yes_no, column, pairs.index), option)
        elif pd.api.types.is_numeric_dtype(column):
            if column.min() != column.max():
                values = partial(_numbers, column, pairs.index)
                yield _number(name, title, unit, "", values, option)
        elif 1 < column.nunique() <= min(MAX_CATEGORIES, len(column) // 2):
            yield _category(name, title, partial(_texts, column, pairs.index), option)


def _is_energy(name: str, column: pd.Series, opened: OpenedPairs) -> bool:
    """Return whether a column is one of the two energies whose difference is the shift."""
    pairs, data = opened.pairs, opened.data
    if isinstance(data, FrameSet):
        return name == "energy_per_atom"
    if all(name != energy.column for energy in data.card.energies):
        return False
    values = column.to_numpy(dtype=float, na_value=np.nan)[pairs.index]
    return np.array_equal(values, pairs.source) or np.array_equal(values, pairs.target)


def _title_and_unit(name: str, data: FrameSet | PairSet) -> tuple[str, str]:
    """Return words for a column's name, and its unit where the name tells it."""
    if name in _TITLES:
        return _TITLES[name]
    for energy in () if isinstance(data, FrameSet) else data.card.energies:
        if energy.column == name:
            return f"Energy, {energy_title(energy)}", "eV/atom"
    unit = next((unit for prefix, unit in _UNITS if name.startswith(prefix)), "")
    for known, title in _QUANTITIES.items():
        if name.startswith(known):
            functional = functional_of(name)
            return f"{title}, {functional}" if functional else title, unit
    words = name.replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}" or name, unit


def _geometry(opened: OpenedPairs) -> Iterable[Variable]:
    pairs, data, other = opened.pairs, opened.data, opened.other
    has_structures = isinstance(data, FrameSet) or data.has_structures
    if has_structures:
        yield _number(
            "volume_per_atom",
            *_TITLES["volume_per_atom"],
            "Of the structure in the data set.",
            lambda: data.volumes_per_atom()[pairs.index],
        )
    if isinstance(data, FrameSet):
        if bool(data.table()["has_magmoms"].any()):
            yield _number(
                "magmom_per_atom",
                "Mean |magmom| per atom",
                "μB",
                "In the source functional.",
                lambda: data.mean_magmoms()[pairs.index],
            )
        if other is not None:
            yield _volume_change(partial(_frame_volume_change, pairs, data, other))
        return
    volumes = _volume_columns(data)
    source, target = (
        volumes.get(functional_of(functional) or "")
        for functional in (pairs.source_functional, pairs.target_functional)
    )
    if source is not None and target is not None and source != target:
        yield _volume_change(
            lambda: _percent(
                _numbers(data.table()[source], pairs.index),
                _numbers(data.table()[target], pairs.index),
            )
        )


def _volume_columns(data: PairSet) -> dict[str, str]:
    """Map a functional to the column of volumes named after it."""
    table = data.table()
    names = [name for name in table.columns if "volume" in name.lower()]
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(table[name])]
    return {functional_of(name) or "": name for name in numeric}


def _frame_volume_change(pairs: PairedEnergies, data: FrameSet, other: FrameSet) -> np.ndarray:
    ids = data.table()["frame_id"].to_numpy()[pairs.index]
    rows = pd.Index(other.table()["frame_id"]).get_indexer(pd.Index(ids))
    return _percent(data.volumes_per_atom()[pairs.index], other.volumes_per_atom()[rows])


def _percent(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.asarray(100 * (target / source - 1))


def _composition(pairs: PairedEnergies) -> tuple[Variable, ...]:
    X = pairs.fractions
    return (
        _number(
            "d_electrons",
            "Valence d electrons per atom",
            "",
            "Of the neutral atoms in their ground states, outside the noble-gas core; the closed "
            "shell of 10 of gallium and lead is included.",
            lambda: X @ d_electrons(),
        ),
        _number(
            "f_electrons",
            "f electrons per atom",
            "",
            "Of the neutral atoms in their ground states, outside the noble-gas core; the closed "
            "shell of 14 of hafnium and lead is included.",
            lambda: X @ f_electrons(),
        ),
        _number(
            "electronegativity",
            "Mean electronegativity",
            "",
            "Pauling electronegativity, averaged over the atoms; undefined for He, Ne, Ar.",
            lambda: _mean_electronegativity(X),
        ),
        _number(
            "atomic_number",
            "Mean atomic number",
            "",
            "Averaged over the atoms.",
            lambda: X @ np.arange(1.0, N_ELEMENTS + 1),
        ),
        _number(
            "n_elements",
            "Elements",
            "",
            "Number of different elements.",
            lambda: np.count_nonzero(X, axis=1).astype(float),
        ),
        _category("chemistry", "Chemistry", lambda: np.array(chemistry(X))),
    )


def _mean_electronegativity(fractions: np.ndarray) -> np.ndarray:
    table = electronegativities()
    unknown = fractions[:, np.isnan(table)].any(axis=1)
    return np.where(unknown, np.nan, fractions @ np.nan_to_num(table))


def _number(
    name: str,
    title: str,
    unit: str,
    about: str,
    values: Callable[[], np.ndarray],
    option: str = "",
) -> Variable:
    return Variable(
        name=name,
        title=title,
        option=option or title,
        unit=unit,
        kind="number",
        about=about,
        values=values,
    )


def _category(
    name: str, title: str, values: Callable[[], np.ndarray], option: str = ""
) -> Variable:
    return Variable(
        name=name,
        title=title,
        option=option or title,
        unit="",
        kind="category",
        about="",
        values=values,
    )


def _volume_change(values: Callable[[], np.ndarray]) -> Variable:
    about = "Volume per atom in the target functional relative to the source functional."
    return _number("volume_change", "Volume change", "%", about, values)


def _numbers(column: pd.Series, rows: np.ndarray) -> np.ndarray:
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan)[rows])


def _yes_no(column: pd.Series, rows: np.ndarray) -> np.ndarray:
    taken = column.iloc[rows].astype("boolean")
    return taken.map({True: "yes", False: "no"}).fillna("").to_numpy(dtype=str)


def _texts(column: pd.Series, rows: np.ndarray) -> np.ndarray:
    return column.iloc[rows].fillna("").astype(str).to_numpy()
