"""The chosen structure relaxed by each model, followed while it goes on."""

from typing import Any

import streamlit as st

from core.potential.relaxation.cells import cell_table
from core.potential.relaxation.relaxed import Trajectory, all_steps
from core.potential.relaxation.settings import RelaxSettings
from core.report.models.relaxed import (
    ENDS,
    RELAXATION_TEXT,
    end_rows,
    relaxation_figure,
    relaxation_source,
)
from core.studies.job.directory import Job
from core.studies.models.relaxed_structure import RelaxedStructure, RelaxedStructureStudy
from pages.parts.predict.asked import Asked
from pages.parts.shared.figure import show
from pages.parts.shared.job import REFRESH, computed
from pages.parts.shared.page import is_dark, plain
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import number, one_of

CELLS: dict[str, Any] = {
    "quantity": "Cell",
    "given": st.column_config.NumberColumn("As given", format="%.4f"),
    "relaxed": st.column_config.NumberColumn("At this step", format="%.4f"),
    "change": st.column_config.NumberColumn("Change", format="percent"),
}


def choose_settings() -> RelaxSettings:
    """Show when relaxations end."""
    left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
    usual = RelaxSettings()
    fmax = number(
        left,
        "Largest force, eV/Å",
        "fmax",
        min_value=0.001,
        max_value=10.0,
        value=usual.fmax,
        step=0.01,
        format="%.3f",
        help="The relaxation ends when no atom, and no row of the cell, has a larger one.",
    )
    steps = number(
        middle,
        "Steps at most",
        "steps",
        min_value=1,
        max_value=5000,
        value=usual.steps,
        step=100,
        help="A relaxation that has not converged by then says so.",
    )
    keeps_cell = right.toggle(
        "Keep the cell", key="keep-cell", bind="query-params", help="Relax the atoms only."
    )
    return RelaxSettings(fmax=fmax, steps=steps, relax_cell=not keeps_cell)


def show_relaxation(asked: Asked) -> list[str]:
    """Show the view: energies and forces by step, the geometries, and what came of it.

    Returns:
        Words of the command that does the same.
    """
    settings = choose_settings()
    done: dict[str, RelaxedStructure] = {}
    under_way: dict[str, RelaxedStructureStudy] = {}
    for model in asked.models:
        study = RelaxedStructureStudy(
            model=model, structures=asked.name, place=asked.place, settings=settings
        )
        one: RelaxedStructure | None = computed(study, what=f"The relaxation by {model}")
        if one is not None:
            done[model] = one
        elif Job.of(study).status().state == "running":
            under_way[model] = study
    if under_way:
        st.fragment(_follow, run_every=REFRESH)(asked, under_way, done, settings)
    elif done:
        _show_curves(asked, {model: one.trajectory for model, one in done.items()}, settings)
    if done:
        _show_ends(done)
        _show_geometry(asked, done)
    words = ["--fmax", str(settings.fmax), "--steps", str(settings.steps)]
    return [*asked.chosen, *words, *([] if settings.relax_cell else ["--keep-cell"])]


def _follow(
    asked: Asked,
    under_way: dict[str, RelaxedStructureStudy],
    done: dict[str, RelaxedStructure],
    settings: RelaxSettings,
) -> None:
    """Show how far the relaxations are, drawn anew every second."""
    ways = {model: one.trajectory for model, one in done.items()}
    for model, study in under_way.items():
        way = study.so_far()
        if way is not None:
            ways[model] = way
    _show_curves(asked, ways, settings)
    for model in under_way:
        if model in ways:
            way, given = ways[model], asked.structures.frame(asked.place)
            show_structure(
                way.frame(given, len(way) - 1),
                f"{asked.structures.formulas[asked.place]} by {model}, step {len(way) - 1:,}",
                key=f"live-{model}",
            )
            break


def _show_curves(asked: Asked, ways: dict[str, Trajectory], settings: RelaxSettings) -> None:
    show(
        relaxation_figure(asked.models, ways, settings, dark=is_dark()),
        name="relaxation",
        caption=RELAXATION_TEXT,
        source=relaxation_source(asked.title, asked.models, settings),
        table=lambda: all_steps(ways),
    )


def _show_ends(done: dict[str, RelaxedStructure]) -> None:
    st.dataframe(
        end_rows(done),
        key="relaxation-ends",
        hide_index=True,
        column_config=ENDS | {"reason": st.column_config.TextColumn(ENDS["reason"], width="large")},
    )


def _show_geometry(asked: Asked, done: dict[str, RelaxedStructure]) -> None:
    """Show one geometry of one model's relaxation."""
    model = max(done, key=lambda name: len(done[name].trajectory))
    if len(done) > 1:
        model = one_of(
            st,
            "Geometries of",
            list(done),
            default=model,
            key="geometries-of",
            wrap=True,
            help="The structure whose way is shown.",
        )
    way, given = done[model].trajectory, asked.structures.frame(asked.place)
    last = len(way) - 1
    step = last
    if last:
        step = st.slider(
            "Step",
            0,
            last,
            last,
            key=f"step-{model}-{asked.place}-{last}",
            help="The geometry after so many steps.",
        )
    frame = way.frame(given, step)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_structure(
            frame,
            f"{asked.structures.formulas[asked.place]} by {model}, step {step:,} of {last:,}",
            key=f"geometry-{model}-{step}",
        )
    with right:
        st.dataframe(
            cell_table(given, frame), key="geometry-cell", hide_index=True, column_config=CELLS
        )
        if done[model].reason:
            st.caption(plain(done[model].reason))
