"""The figures of the lesson: those of the lab's pages, of the embedded data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.elements import SYMBOLS
from core.figures.atomref.vectors import atomref_difference
from core.figures.base.text import signed
from core.figures.scaling.error_curves import scaling_curves
from core.figures.training.gradients import gradient_panels
from core.frames.provenance import Provenance
from core.frames.registry import find_dataset
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import ShiftSummary, summarize
from core.report.offset import waterfall_of
from core.report.sweep import curves_of
from core.runs.groups.lesson import CONFIG, recorded
from core.scaling.analysis import ScalingAnalysis, analyse_sweep
from core.scaling.sweep_files import list_results, open_results
from core.scaling.words import provenance_of
from core.studies.model_offset import OffsetStudy
from core.studies.selection import PairSelection
from pages.parts.shared.before_after import before_after
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark

PAIRS = "mp-structures"
PROBES = ("AtomEmb", "AtomConv3_W3", "MLP_Layer0")
"""An early, a middle and the last layer; the others behave alike."""


@dataclass(kw_only=True)
class Shown:
    """A figure, as `pages.parts.shared.figure.show` takes it.

    Attributes:
        figure: the figure.
        caption: one line on what to see.
        source: data and origin of the labels.
        table: makes the table behind it.
    """

    figure: go.Figure
    caption: str
    source: Provenance
    table: Callable[[], Any]


@st.cache_resource(max_entries=1, show_spinner="Comparing two functionals …")
def compared() -> tuple[PairedEnergies, ShiftSummary]:
    """Compare the embedded pairs once for all readers."""
    pairs = PairSelection(dataset=PAIRS).open().pairs
    return pairs, summarize(pairs)


def _of_pairs() -> Provenance:
    pairs, _ = compared()
    return Provenance(
        data=PAIRS,
        labels={pairs.source_labels, pairs.target_labels},
        details=f"{len(pairs):,} materials in {pairs.source_functional} and "
        f"{pairs.target_functional}.",
    )


def disagreement() -> Shown:
    """Return total energies of the same materials in two functionals."""
    pairs, summary = compared()
    figures = before_after(
        ("lesson",), pairs, (summary.scaled_source, summary.scaled_target), dark=is_dark()
    )
    return Shown(
        figure=figures[0],
        caption=f"Each material once. On one energy scale all would lie on the dashed line; they "
        f"are {summary.mae:.1f} eV/atom off on average, and r is {signed(summary.pearson_raw)}.",
        source=_of_pairs(),
        table=pairs.table,
    )


def correlation() -> Shown:
    """Return scaled energies of the same materials."""
    pairs, summary = compared()
    figures = before_after(
        ("lesson",), pairs, (summary.scaled_source, summary.scaled_target), dark=is_dark()
    )
    return Shown(
        figure=figures[1],
        caption="The same materials, minus each functional's own AtomRef: r rises from "
        f"{signed(summary.pearson_raw)} to {signed(summary.pearson_scaled, digits=3)}.",
        source=_of_pairs(),
        table=lambda: pairs.table().assign(
            scaled_source=summary.scaled_source, scaled_target=summary.scaled_target
        ),
    )


def offset() -> Shown | None:
    """Return a model's error with better and better references; None while it is computed."""
    study = OffsetStudy(dataset=CONFIG.dataset, model=CONFIG.source_model)
    result = computed(study)
    if result is None:
        return None
    errors = result.found
    return Shown(
        figure=waterfall_of(errors.mae, unit="eV/atom", dark=is_dark()),
        caption="Solid: the error that remains. Hatched: what the step removes. "
        f"{errors.share:.1%} of the error is only an offset.",
        source=Provenance(
            data=study.dataset,
            labels={result.labels},
            details=f"{study.model} on {len(errors.rows):,} frames of {errors.n_materials:,} "
            "materials; references are fitted to other materials than those judged.",
        ),
        table=errors.element_table,
    )


def references() -> Shown:
    """Return the difference of both functionals' AtomRef by element."""
    pairs, summary = compared()
    vectors = [
        {
            symbol: float(fit.energies[place])
            for place, symbol in enumerate(SYMBOLS)
            if fit.counts[place]
        }
        for fit in (summary.source_atomref, summary.target_atomref)
    ]
    return Shown(
        figure=atomref_difference(
            vectors[0],
            vectors[1],
            source_name=pairs.source_functional,
            target_name=pairs.target_functional,
            dark=is_dark(),
        ),
        caption="What the new functional adds to each element's reference energy: the heavier the "
        "element, the more.",
        source=_of_pairs(),
        table=lambda: summary.target_atomref.table().assign(
            source=summary.source_atomref.energies[: len(SYMBOLS)]
        ),
    )


def of_runs() -> Provenance:
    """Return where the recorded runs come from."""
    card = find_dataset(CONFIG.dataset).card
    return Provenance(
        data=card.name,
        labels={card.labels},
        details=f"{CONFIG.frames} training frames, {CONFIG.epochs} epochs, seed {CONFIG.seed}.",
    )


def gradients() -> Shown:
    """Return the gradients of three recorded runs."""
    table = recorded("gradients")
    return Shown(
        figure=gradient_panels(
            table,
            probes=PROBES,
            methods=list(table["method"].drop_duplicates()),
            dark=is_dark(),
        ),
        caption="Norms of the gradient in an early, a middle and the last layer. Compare the lines "
        "in the first epoch.",
        source=of_runs(),
        table=lambda: table,
    )


@st.cache_resource(max_entries=1, show_spinner="Fitting …")
def _laws() -> ScalingAnalysis:
    name = next(entry.name for entry in list_results() if entry.embedded)
    return analyse_sweep(
        name, open_results(name), metric="energy_mae_mev_per_atom", split="validation"
    )


def scaling() -> Shown:
    """Return the error against the number of training frames."""
    analysis = _laws()
    return Shown(
        figure=scaling_curves(
            curves_of(analysis), title=analysis.title, unit=analysis.unit, dark=is_dark()
        ),
        caption="Markers are means over three trainings. The open markers left of the break are "
        "models with new references that were not trained at all.",
        source=provenance_of(analysis),
        table=analysis.points_table,
    )


FIGURES: dict[str, Callable[[], Shown | None]] = {
    "disagree": disagreement,
    "offset": offset,
    "atomref": references,
    "correlation": correlation,
    "gradients": gradients,
    "scaling": scaling,
}
"""By step; the live run draws its own."""
