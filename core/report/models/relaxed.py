"""Sections about relaxations and equations of state, and what the page draws of these."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.text import signed
from core.figures.models.equation_of_state import EnergyCurve, energy_by_volume
from core.figures.models.relaxation import relaxation_curves
from core.figures.stability.classification import Line
from core.frames.provenance import Provenance
from core.potential.relaxation.cells import cell_table
from core.potential.relaxation.equation_of_state import EquationOfState, all_tables
from core.potential.relaxation.relaxed import Trajectory, all_steps
from core.potential.relaxation.settings import RelaxSettings
from core.report.document import Figure, Section, Table
from core.report.looks import looks_of
from core.report.models.predicted import named, structures_section
from core.studies.models.given import GivenStructures
from core.studies.models.relaxed_structure import RelaxedStructure

ENDS = {
    "model": "Model",
    "state": "State",
    "steps": "Steps",
    "energy": "Energy, eV/atom",
    "gain": "Change, meV/atom",
    "force": "Largest force, eV/Å",
    "volume": "Volume",
    "reason": "Why",
}
"""Heads of `end_rows`."""

RELAXATION_TEXT = "The energy falls until the largest force is below the dashed line."

VOLUMES = {
    "model": "Model",
    "modulus": "Bulk modulus, GPa",
    "derivative": "Its derivative",
    "volume": "Volume, Å³ per atom",
    "change": "From the given volume",
    "energy": "Lowest energy, eV/atom",
    "rms": "Misfit, meV/atom",
}
"""Heads of `volume_rows`."""

VOLUME_TEXT = (
    "The lowest point is the volume that the model prefers; the steeper the curve, the stiffer the "
    "material."
)
_CELLS = {
    "quantity": "Cell",
    "given": "As given",
    "relaxed": "Relaxed",
    "change": "Change, relative",
}


def relaxation_section(
    structures: GivenStructures,
    places: Sequence[int],
    found: Mapping[str, Mapping[int, RelaxedStructure]],
    without: Mapping[str, Mapping[int, str]],
    settings: RelaxSettings,
) -> Section:
    """Return the section about relaxations.

    Args:
        structures: the structures.
        places: which of them.
        found: what came of each, by model and place.
        without: why there is nothing, likewise.
        settings: when relaxations end.
    """
    tables, figures = [], []
    for place, name in named(structures, places):
        done = {model: of_model[place] for model, of_model in found.items() if place in of_model}
        if not done:
            continue
        ways = {model: one.trajectory for model, one in done.items()}
        figures.append(
            Figure(
                name=f"relaxation-{place}",
                figure=relaxation_figure(list(found), ways, settings, dark=False),
                caption=f"{name}. {RELAXATION_TEXT}",
                source=relaxation_source(name, list(found), settings),
                table=all_steps(ways),
            )
        )
        tables.append(
            Table(
                title=f"Relaxation of {name}",
                table=pd.DataFrame(end_rows(done)).rename(columns=ENDS),
            )
        )
        given = structures.frame(place)
        for model, way in ways.items():
            cell = cell_table(given, way.frame(given, len(way) - 1))
            tables.append(
                Table(title=f"Cell of {name} by {model}", table=cell.rename(columns=_CELLS))
            )
    return structures_section(
        "Relaxation",
        structures,
        places,
        list(found),
        paragraphs=[f"{settings.text()}.", *_reasons(structures, without)],
        tables=tables,
        figures=figures,
    )


def equation_of_state_section(
    structures: GivenStructures,
    places: Sequence[int],
    found: Mapping[str, Mapping[int, EquationOfState]],
    without: Mapping[str, Mapping[int, str]],
) -> Section:
    """Return the section about energies by volume; arguments as of `relaxation_section`."""
    tables, figures = [], []
    for place, name in named(structures, places):
        done = {model: of_model[place] for model, of_model in found.items() if place in of_model}
        if not done:
            continue
        figures.append(
            Figure(
                name=f"equation-of-state-{place}",
                figure=volume_figure(list(found), done, dark=False),
                caption=f"{name}. {VOLUME_TEXT}",
                source=volume_source(name, done),
                table=all_tables(done),
            )
        )
        tables.append(
            Table(
                title=f"Equation of state of {name}",
                table=pd.DataFrame(volume_rows(done)).rename(columns=VOLUMES),
            )
        )
    return structures_section(
        "Equation of state",
        structures,
        places,
        list(found),
        paragraphs=_reasons(structures, without),
        tables=tables,
        figures=figures,
    )


def relaxation_figure(
    models: Sequence[str], ways: Mapping[str, Trajectory], settings: RelaxSettings, *, dark: bool
) -> go.Figure:
    """Draw relaxations of one structure step by step.

    Args:
        models: all models that were asked, which gives each its look.
        ways: the geometries so far, by model.
        settings: when the relaxations end.
        dark: whether the background is dark.
    """
    looks = looks_of(models, dark=dark)
    lines = []
    for model, way in ways.items():
        label, color, dash = looks[model]
        lines.append(Line(name=label, color=color, dash=dash, table=way.table()))
    return relaxation_curves(lines, fmax=settings.fmax, dark=dark)


def relaxation_source(name: str, models: Sequence[str], settings: RelaxSettings) -> Provenance:
    """Return where the numbers on a structure's relaxations come from."""
    return Provenance(data=name, labels=set(models), details=f"{settings.text()}.")


def end_rows(done: Mapping[str, RelaxedStructure]) -> list[dict[str, Any]]:
    """Return how each model's relaxation of a structure ended, in the columns of ENDS."""
    return [
        {
            "model": model,
            "state": one.state,
            "steps": one.steps,
            "energy": signed(one.energy, digits=4),
            "gain": signed(1000 * float(one.energy - one.trajectory.energies[0]), digits=1),
            "force": f"{one.max_force:.4f}",
            "volume": f"{one.volume_change:+.2%}".replace("-", "−"),
            "reason": one.reason,
        }
        for model, one in done.items()
    ]


def volume_figure(
    models: Sequence[str], found: Mapping[str, EquationOfState], *, dark: bool
) -> go.Figure:
    """Draw energies of one structure by volume; arguments as of `relaxation_figure`."""
    looks = looks_of(models, dark=dark)
    curves = []
    for model, one in found.items():
        label, color, dash = looks[model]
        curves.append(
            EnergyCurve(
                line=Line(name=label, color=color, dash=dash, table=one.fine()),
                points=one.points(),
                volume=one.volume,
            )
        )
    given = next(iter(found.values())).given_volume
    return energy_by_volume(curves, given_volume=given, dark=dark)


def volume_source(name: str, found: Mapping[str, EquationOfState]) -> Provenance:
    """Return where the numbers on a structure's energies by volume come from."""
    return Provenance(
        data=name,
        labels=set(found),
        details="Birch–Murnaghan curves of third order, fitted by pymatgen.",
    )


def volume_rows(found: Mapping[str, EquationOfState]) -> list[dict[str, Any]]:
    """Return each model's bulk modulus and what goes with it, in the columns of VOLUMES."""
    return [
        {
            "model": model,
            "modulus": f"{one.bulk_modulus:.1f}",
            "derivative": signed(one.derivative),
            "volume": f"{one.volume:.3f}",
            "change": f"{one.volume / one.given_volume - 1:+.2%}".replace("-", "−"),
            "energy": signed(one.energy, digits=4),
            "rms": f"{1000 * one.rms:.2f}",
        }
        for model, one in found.items()
    ]


def _reasons(structures: GivenStructures, without: Mapping[str, Mapping[int, str]]) -> list[str]:
    return [
        f"{structures.names[place]} by {model}: {why}"
        for model, of_model in without.items()
        for place, why in of_model.items()
    ]
