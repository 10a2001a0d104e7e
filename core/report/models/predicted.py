"""The section of a report about predictions for structures, and what the page says of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.figures.base.text import signed
from core.report.document import Figure, Section, Table
from core.report.origins import facts_of, model_facts, model_sources
from core.studies.models.given import GivenStructures
from core.studies.models.placement import Placed
from core.studies.models.prediction import Predictions
from core.studies.models.trust import Trust

UNKNOWN = "–"
FAR = 2.0
"""Times the domain's own distance from which a structure is far away."""

STRUCTURES = {"structure": "Structure", "formula": "Formula", "atoms": "Atoms"}
"""Heads of `structure_rows`, but for the models."""

_ATOMS = 200
"""Atoms of a structure whose forces are listed."""

ZEROS = "Energies of models of different functionals have different zeros."


def predictions_section(
    structures: GivenStructures,
    places: Sequence[int],
    found: Mapping[str, Predictions],
    placed: Mapping[str, Placed],
    known: Mapping[str, Trust],
) -> Section:
    """Return the section about what models predict.

    Args:
        structures: the structures.
        places: which of them.
        found: predictions by model.
        placed: places among the known phases, by model; empty where they were not asked for.
        known: distances and disagreement, by model; empty likewise.
    """
    rows = [
        {"Structure": name, **row}
        for place, name in named(structures, places)
        for row in [
            *quantities(place, found),
            *(placement_rows(place, found, placed) if placed else []),
        ]
    ]
    trust = [
        {"Structure": name, **row}
        for place, name in named(structures, places)
        for row in trust_rows(place, found, known)
    ]
    told = [
        f"{name}: {text}"
        for place, name in named(structures, places)
        for text in [*unplaced(place, placed), *warnings_of(place, found, known)]
    ]
    tables = [
        Table(
            title="Predictions",
            table=pd.DataFrame(rows).rename(columns={"quantity": "Quantity"}),
            note=f"{ZEROS if len(found) > 1 else ''} {hull_text(places, placed)}".strip(),
        ),
        Table(
            title="How far to trust it",
            table=pd.DataFrame(trust).rename(columns={"quantity": "Quantity"}),
            note=domains_text(known),
        ),
    ]
    if len(structures) > 1:
        listed = pd.DataFrame(structure_rows(structures, found)).iloc[list(places)]
        overview = Table(
            title="Structures, energies in eV/atom", table=listed.rename(columns=STRUCTURES)
        )
        tables.insert(0, overview)
    if len(places) == 1 and structures.n_atoms[places[0]] <= _ATOMS:
        tables.append(_atoms(structures, places[0], found))
    return structures_section(
        "Predict", structures, places, list(found), paragraphs=told, tables=tables
    )


def structure_rows(
    structures: GivenStructures, found: Mapping[str, Predictions]
) -> list[dict[str, Any]]:
    """Return one row per structure with its energy by each model, eV/atom."""
    return [
        {
            "structure": str(structures.names[place]),
            "formula": formula,
            "atoms": int(structures.n_atoms[place]),
            **{model: float(one.energies[place]) for model, one in found.items()},
        }
        for place, formula in enumerate(structures.formulas)
    ]


def quantities(place: int, found: Mapping[str, Predictions]) -> list[dict[str, Any]]:
    """Return one row per quantity with a column per model."""
    summaries = {model: one.summary(place) for model, one in found.items()}
    labels = {
        "energy_per_atom": ("Energy, eV/atom", 4),
        "max_force": ("Largest force, eV/Å", 4),
        "pressure": ("Pressure, GPa", 3),
        "magmom": ("Sum of |moments|, μB per cell", 3),
    }
    return [
        {
            "quantity": label,
            **{model: signed(values[key], digits=digits) for model, values in summaries.items()},
        }
        for key, (label, digits) in labels.items()
    ]


def placement_rows(
    place: int, found: Mapping[str, Predictions], placed: Mapping[str, Placed]
) -> list[dict[str, Any]]:
    """Return the rows on formation energy and hull."""

    def row(label: str, text: Callable[[Placed], str]) -> dict[str, Any]:
        texts = {model: text(placed[model]) if model in placed else UNKNOWN for model in found}
        return {"quantity": label, **texts}

    return [
        row("Formation energy, eV/atom", lambda one: signed(float(one.formation[place]), digits=3)),
        row(
            "Above the hull, meV/atom",
            # Without the sign of what is zero.
            lambda one: signed(round(1000 * float(one.above_hull[place]), 1) + 0.0, digits=1),
        ),
        row("Phases of the hull there", lambda one: str(one.competing[place]) or UNKNOWN),
    ]


def hull_text(places: Sequence[int], placed: Mapping[str, Placed]) -> str:
    """Return whose energies the hulls of some structures are of; empty where there are none."""
    if not placed:
        return ""
    counts = {int(one.n_phases[place]) for one in placed.values() for place in places}
    known = f"{counts.pop():,} known" if len(counts) == 1 else "known"
    elements = "; ".join(dict.fromkeys(one.elements for one in placed.values()))
    return (
        f"Hulls are of the model's own energies of the {known} structures in the chemical system "
        f"(mp-structures, as given). Elements: {elements}."
    )


def unplaced(place: int, placed: Mapping[str, Placed]) -> list[str]:
    """Return why models do not place a structure among the known phases."""
    return [
        f"{model}: not among the known phases, {one.why[place]}."
        for model, one in placed.items()
        if one.why[place]
    ]


def trust_rows(
    place: int, found: Mapping[str, Predictions], known: Mapping[str, Trust]
) -> list[dict[str, Any]]:
    """Return a table with a column per model.

    Args:
        place: the structure.
        found: predictions by model.
        known: distances and disagreement, by model, as far as they are known.
    """
    return [
        {
            "quantity": "Elements unseen in training",
            **{model: str(one.unseen[place]) or "none" for model, one in found.items()},
        },
        {
            "quantity": "Distance from training frames",
            **{
                model: f"{known[model].distances[place]:.2f}" if model in known else UNKNOWN
                for model in found
            },
        },
        {
            "quantity": "Disagreement of seeds, meV/atom",
            **{model: _seeds(known.get(model), place) for model in found},
        },
        {
            "quantity": "Deviation by the closed form, meV/atom",
            **{
                model: f"{1000 * one.deviations[place]:.0f}" if one.knows_deviations else UNKNOWN
                for model, one in found.items()
            },
        },
    ]


def _seeds(trust: Trust | None, place: int) -> str:
    if trust is None or not trust.n_seeds:
        return UNKNOWN
    if trust.n_seeds == 1:
        return "one seed"
    return f"{1000 * trust.seeds[place]:.0f} ({trust.n_seeds} seeds)"


def warnings_of(
    place: int, found: Mapping[str, Predictions], known: Mapping[str, Trust]
) -> list[str]:
    """Return sentences on what is alarming; arguments as of `trust_rows`."""
    unseen = [
        f"{model} has seen no {one.unseen[place]} in training: its energies and forces there are "
        "those of the model it started from, or unknown."
        for model, one in found.items()
        if one.unseen[place]
    ]
    far = [
        f"{model}: this structure is {one.distances[place]:.1f} times as far from what the model "
        "was trained on as 99 % of the training frames are from each other."
        for model, one in known.items()
        if one.distances[place] > FAR
    ]
    without = [f"{model}: {one.why[place]}" for model, one in found.items() if one.why[place]]
    return [*unseen, *far, *without]


def domains_text(known: Mapping[str, Trust]) -> str:
    """Return what distances are measured from, and in which unit; empty without any."""
    if not known:
        return ""
    words = "; ".join(f"{model}: {one.domain}" for model, one in known.items())
    return (
        f"Distances are those of CHGNet's crystal features from frames. {words}. One is the "
        "distance that 99 % of these have from their nearest; beyond two, a prediction is a guess."
    )


def named(structures: GivenStructures, places: Sequence[int]) -> list[tuple[int, str]]:
    """Return places of structures with their names."""
    return [(place, str(structures.names[place])) for place in places]


def _atoms(structures: GivenStructures, place: int, found: Mapping[str, Predictions]) -> Table:
    """Return a structure with the size of each model's forces."""
    frame = structures.frame(place)
    atoms = structures.atoms(place)
    a, b, c = frame.frac_coords.T
    forces = {
        f"Force by {model}, eV/Å": np.linalg.norm(one.forces[atoms], axis=1)
        for model, one in found.items()
    }
    symbols = [SYMBOLS[number - 1] for number in frame.atomic_numbers]
    lattice = "; ".join(" ".join(f"{x:.5f}" for x in row) for row in frame.lattice.tolist())
    return Table(
        title="Atoms",
        table=pd.DataFrame({"Element": symbols, "a": a, "b": b, "c": c, **forces}),
        note=f"Fractional coordinates; lattice vectors, Å: {lattice}. The page draws them.",
    )


def structures_section(
    what: str,
    structures: GivenStructures,
    places: Sequence[int],
    models: Sequence[str],
    *,
    paragraphs: Sequence[str],
    tables: Sequence[Table],
    figures: Sequence[Figure] = (),
) -> Section:
    """Return a section about models on structures.

    Args:
        what: what they were asked.
        structures: the structures.
        places: which of them.
        models: the models, as commands take them.
        paragraphs: plain sentences.
        tables: tables.
        figures: figures.
    """
    formulas = list(dict.fromkeys(structures.formulas[place] for place in places))
    more = f" and {len(formulas) - 3} more" if len(formulas) > 3 else ""
    left_out = [f"{one['file']}, {one['frame']}: {one['why']}" for one in structures.left_out]
    sources = model_sources(models)
    energies = [(one.functional, one.labels, one.corrections) for one in sources.values()]
    return Section(
        title=f"{what}: {', '.join(formulas[:3])}{more} by {', '.join(models)}",
        paragraphs=[*paragraphs, *(f"Left out: {text}" for text in left_out)],
        tables=tables,
        figures=figures,
        facts={"Data": facts_of([], *energies, **model_facts(sources))},
    )
