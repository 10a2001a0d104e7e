"""The hulls of one chemical system, by the reference and by the model, side by side."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import INDEX, SYMBOLS, fractions_from_formula
from core.errors import LabError
from core.frames.contents.filters import elements_in
from core.stability.comparison import Comparison
from core.stability.hulls import HullResult

_SEPARATOR = re.compile(r"[\s,;–-]")


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class SystemHull:
    """The phases of one chemical system and its subsystems, n in all, and their hull.

    Attributes:
        elements: the k symbols of the system, by atomic number.
        table: one row per phase: id, formula, row (of the data set), formation, above_hull,
            decomposition (eV/atom), stable, elsewhere (stable by the other side only) and
            competing (text).
        rivals: rows of the phases that each phase competes with, n lists.
        levels: formation energies by the source of the hull, (n,) eV/atom.
        fractions: compositions, (n, k).
        corners: compositions of the phases on the hull, (m, k).
        depths: their formation energies, (m,) eV/atom.
    """

    elements: tuple[str, ...]
    table: pd.DataFrame
    rivals: list[list[int]]
    levels: np.ndarray
    fractions: np.ndarray
    corners: np.ndarray
    depths: np.ndarray


def elements_of(text: str) -> tuple[str, ...]:
    """Return the elements of a chemical system, by atomic number.

    Args:
        text: a list such as "Li-Fe-O", or a formula such as LiFePO4.

    Raises:
        LabError: if it is neither.
    """
    text = text.strip()
    if _SEPARATOR.search(text):
        symbols = elements_in(text)
    else:
        fractions = fractions_from_formula(text)
        symbols = tuple(SYMBOLS[z] for z in np.flatnonzero(fractions))
    return tuple(sorted(symbols, key=SYMBOLS.index))


def system_hulls(
    comparison: Comparison, elements: tuple[str, ...]
) -> tuple[SystemHull, SystemHull]:
    """Return the hull of the reference and that of the model in one chemical system.

    Where the model's energies are on the reference's hull, its side has the compounds scored, and
    the elements with the reference's energies.

    Args:
        comparison: all systems.
        elements: symbols of the system.

    Raises:
        LabError: if an element of the system has no energy.
    """
    sides = [comparison.reference, comparison.model or comparison.reference]
    for result in sides:
        _check(result, elements)
    places = [_places(result, elements) for result in sides]
    of_model = _quantities(sides[1], places[1])
    if comparison.model is None:
        of_model = _on_the_other_hull(comparison, of_model)
    quantities = [_quantities(sides[0], places[0]), of_model]
    stable = [set(table.loc[table["stable"], "id"]) for table in quantities]
    reference, model = (
        _side(result, table, stable[1 - number], elements)
        for number, (result, table) in enumerate(zip(sides, quantities, strict=True))
    )
    return reference, model


def _check(result: HullResult, elements: tuple[str, ...]) -> None:
    pure = result.phases.fractions[_is_pure(result) & np.isfinite(result.hull)]
    missing = [symbol for symbol in elements if not (pure[:, INDEX[symbol]] > 0).any()]
    if missing:
        raise LabError(
            f"{'-'.join(elements)}: no energy of pure {', '.join(missing)} is known, so there is "
            "no hull; choose another system, or references that have the element."
        )


def _is_pure(result: HullResult) -> np.ndarray:
    return np.asarray((result.phases.fractions > 0).sum(axis=1) == 1)


def _places(result: HullResult, elements: tuple[str, ...]) -> np.ndarray:
    """Return the places of the phases that are in hulls and have no other element."""
    within = [INDEX[symbol] for symbol in elements]
    share = result.phases.fractions[:, within].sum(axis=1)
    return np.flatnonzero((share > 1 - 1e-9) & np.isfinite(result.hull))


def _quantities(result: HullResult, places: np.ndarray) -> pd.DataFrame:
    phases = result.phases
    return pd.DataFrame(
        {
            "place": places,
            "id": phases.ids[places],
            "formula": phases.formulas[places],
            "row": phases.rows[places],
            "formation": result.formation_energy[places],
            "above_hull": result.above_hull[places],
            "decomposition": result.decomposition_energy[places],
            "stable": result.is_stable[places],
        }
    )


def _on_the_other_hull(comparison: Comparison, table: pd.DataFrame) -> pd.DataFrame:
    """Replace the reference's energies of compounds by the model's; drop those without."""
    pure = _is_pure(comparison.reference)[table["place"]] & table["stable"]
    table = table[pure | table["id"].isin(comparison.table["id"])].reset_index(drop=True)
    scored = comparison.table.set_index("id")
    known = table["id"].isin(scored.index).to_numpy()
    rows = scored.loc[table.loc[known, "id"]]
    for name, column in (
        ("formation", "formation_model"),
        ("above_hull", "distance_model"),
        ("decomposition", "decomposition_model"),
        ("stable", "stable_model"),
    ):
        table.loc[known, name] = rows[column].to_numpy()
    return table


def _side(
    result: HullResult, table: pd.DataFrame, stable: set[str], elements: tuple[str, ...]
) -> SystemHull:
    places = table["place"].to_numpy()
    rows = {place: row for row, place in enumerate(places.tolist())}
    competing = [result.competing(place) for place in places]
    texts = [
        "" if [other for other, _ in pairs] == [place] else result.competing_text(place)
        for place, pairs in zip(places.tolist(), competing, strict=True)
    ]
    within = np.array([INDEX[symbol] for symbol in elements])
    corners = _places(result, elements)
    corners = corners[result.is_stable[corners]]
    elsewhere = table["id"].isin(stable) & ~table["stable"]
    return SystemHull(
        elements=elements,
        table=table.drop(columns="place").assign(elsewhere=elsewhere, competing=texts),
        rivals=[
            [rows[other] for other, _ in pairs if other in rows and other != place]
            for place, pairs in zip(places.tolist(), competing, strict=True)
        ],
        levels=result.formation_energy[places],
        fractions=result.phases.fractions[np.ix_(places, within)],
        corners=result.phases.fractions[np.ix_(corners, within)],
        depths=result.formation_energy[corners],
    )
