"""The section of a report about a model's stability, and what the page draws and says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Self

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.shifts.parity import parity
from core.figures.stability.classification import Line, confusion, roc, score_curves
from core.figures.stability.systems import worst_systems
from core.frames.provenance import Provenance
from core.report.document import Figure, Section, Table
from core.report.hulls import SIDES, hull_figures, hull_tables, hull_text
from core.report.looks import looks_of
from core.report.origins import facts_of
from core.stability.comparison import Comparison
from core.stability.curves import roc_table, score_table
from core.stability.model_stability import ModelStability
from core.stability.system_hull import SystemHull
from core.studies.stability import StabilityStudy

MEV = 1000.0
THRESHOLDS = tuple(range(0, 205, 5))
"""Thresholds of the score curves, meV/atom above the hull."""

QUANTITIES = {"decomposition": "Decomposition energy", "formation": "Formation energy"}
TOP = 15
"""Chemical systems drawn, those with the largest errors."""

_HEADS = {
    "model": "Model",
    "decomposition": "Decomposition MAE, meV/atom",
    "formation": "Formation MAE, meV/atom",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "auc": "ROC AUC",
    "n": "Phases",
    "left_out": "Left out",
}
_SYSTEMS = {
    "system": "Chemical system",
    "n_elements": "Elements",
    "n": "Phases",
    "decomposition_mae": "Decomposition MAE, meV/atom",
    "formation_mae": "Formation MAE, meV/atom",
    "wrong": "Wrong",
}


@dataclass(kw_only=True, frozen=True)
class Judged:
    """A model that has been compared.

    Attributes:
        name: the model as commands take it.
        label: what figures call it.
        color: #RRGGBB, that of its method.
        dash: plotly's name of a dash, which tells models of one colour apart.
        study: the settings.
        found: the energies.
        comparison: its stability beside the reference's.
        source: data and origin of the labels.
        key: identifies the study and its data in the caches of pages.
    """

    name: str
    label: str
    color: str
    dash: str
    study: StabilityStudy
    found: ModelStability
    comparison: Comparison
    source: Provenance
    key: str = ""

    @classmethod
    def of(cls, study: StabilityStudy, found: ModelStability, comparison: Comparison) -> Self:
        """Return a model that is shown alone."""
        ((name, (label, color, dash)),) = looks_of([study.model], dark=False).items()
        return cls(
            name=name,
            label=label,
            color=color,
            dash=dash,
            study=study,
            found=found,
            comparison=comparison,
            source=source_of(study, found),
        )

    def line(self, table: Any) -> Line:
        """Return a table of this model for a figure of several."""
        return Line(name=self.label, color=self.color, dash=self.dash, table=table)


def stability_section(
    judged: Judged,
    threshold: float,
    *,
    fewest: int = 1,
    hulls: Sequence[SystemHull] = (),
    phase: str | None = None,
) -> Section:
    """Return the section about which phases a model calls stable.

    Args:
        judged: the model.
        threshold: meV/atom above the hull up to which a phase counts as stable.
        fewest: chemical systems with fewer phases are left out.
        hulls: of one chemical system, by reference and model; empty leaves them out.
        phase: id of a phase in them that is compared.
    """
    comparison, found = judged.comparison, judged.found
    reference = found.reference.source
    scores, curve = score_table(comparison, THRESHOLDS), comparison.roc(threshold / MEV)
    systems = comparison.systems
    systems = systems[systems["n"] >= fewest]
    drawn: dict[str, tuple[go.Figure, str, pd.DataFrame]] = {
        **{
            quantity: (
                stability_parity(judged, quantity, dark=False),
                (
                    f"{comparison.n:,} phases, MAE {getattr(comparison, f'{quantity}_mae'):,.1f} "
                    "meV/atom."
                ),
                comparison.table[_columns(quantity)],
            )
            for quantity in QUANTITIES
        },
        "confusion": (
            confused(judged, threshold, dark=False),
            f"Phases within {threshold:g} meV/atom of the hull count as stable.",
            scores,
        ),
        "roc": (
            roc([judged.line(roc_table(curve))], dark=False),
            (
                f"Phases within {threshold:g} meV/atom by the reference count as stable; the "
                "model's threshold runs along the curve. Area under it (0.5 by chance): "
                f"{number(curve.auc, 3)}."
            ),
            roc_table(curve),
        ),
        "scores": (
            score_curves([judged.line(scores)], threshold=threshold, dark=False),
            "F1, precision and recall against the threshold; the line marks the chosen one.",
            scores,
        ),
    }
    if len(systems):
        errors = systems.rename(columns={"decomposition_mae": "mae"})
        drawn["worst-systems"] = (
            worst_systems([judged.line(errors)], systems["system"].head(TOP).tolist(), dark=False),
            (
                "Mean absolute error of the decomposition energies in each chemical system, the "
                "largest first."
            ),
            systems,
        )
    names = hull_names(judged)
    for side, hull, figure in zip(
        SIDES,
        hulls,
        hull_figures(hulls, names, judged.color, selected=phase, dark=False),
        strict=False,
    ):
        if figure is not None:
            drawn[f"hull-{side}"] = (figure, hull_text(hull), hull.table)
    left_out = comparison.left_out
    return Section(
        title=f"Stability: {judged.label} on {judged.study.dataset}",
        paragraphs=[judged.source.text, unseen_text(judged)],
        tables=[
            Table(
                title="Errors and scores",
                table=pd.DataFrame([numbers_of(judged, threshold)]).rename(columns=_HEADS),
                note=f"Stable: up to {threshold:g} meV/atom above the hull, for reference and "
                "model alike.",
            ),
            Table(
                title="Chemical systems",
                table=systems.rename(columns=_SYSTEMS),
                note="Wrong: phases that only one of reference and model calls stable.",
            ),
            *hull_tables(hulls, names, phase),
            *([Table(title="Left out", table=left_out)] if len(left_out) else []),
        ],
        figures=[
            Figure(
                name=f"stability-{name}",
                figure=figure,
                caption=caption,
                source=judged.source,
                table=table,
            )
            for name, (figure, caption, table) in drawn.items()
        ],
        facts={
            "Data": facts_of(
                judged.study.datasets,
                (reference.functional, reference.labels, reference.corrections),
                Model=judged.study.model,
                **{"SHA-256 of the model": found.model.source.model},
            )
        },
    )


def hull_names(judged: Judged) -> tuple[str, str]:
    """Return what stands over the hulls of reference and model."""
    functional = judged.comparison.reference.phases.source.functional
    return f"Reference ({functional})", judged.label


def source_of(study: StabilityStudy, found: ModelStability) -> Provenance:
    """Return what a model's numbers rest on."""
    reference, has_energy = found.reference.source, np.isfinite(found.reference.energies)
    scored = found.scored & has_energy & np.isfinite(found.model.energies)
    return Provenance(
        data=study.dataset,
        labels={reference.labels},
        details=f"Reference: {reference.text}. {scored.sum():,} of {found.n_available:,} compounds "
        f"with structure and energy are scored; hulls hold the {has_energy.sum():,} phases of "
        f"their chemical systems. Structures: {found.model.source.relaxation}. Pure elements: "
        f"{found.elements.origin}.",
    )


def stability_parity(judged: Judged, quantity: str, *, dark: bool) -> go.Figure:
    """Draw a key of QUANTITIES by reference and by model."""
    table, title = judged.comparison.table, QUANTITIES[quantity]
    mae = MEV * (table[f"{quantity}_model"] - table[f"{quantity}_reference"]).abs().mean()
    return parity(
        table[f"{quantity}_reference"].to_numpy(),
        table[f"{quantity}_model"].to_numpy(),
        x_title=f"Reference {title.lower()}",
        y_title=f"{judged.label} {title.lower()}",
        # The axes name the quantity, and a longer title does not fit a narrow screen.
        title=f"MAE {mae:,.1f} meV/atom",
        hover=(table["formula"] + "\n" + table["id"]).tolist(),
        dark=dark,
    )


def confused(judged: Judged, threshold: float, *, dark: bool) -> go.Figure:
    """Draw how many phases both, one or none of reference and model call stable.

    Args:
        judged: the model.
        threshold: meV/atom above the hull.
        dark: whether the background is dark.
    """
    scores = judged.comparison.classification(threshold / MEV)
    counts = [
        [scores.true_positive, scores.false_negative],
        [scores.false_positive, scores.true_negative],
    ]
    return confusion(counts, title=judged.label, dark=dark)


def numbers_of(judged: Judged, threshold: float) -> dict[str, Any]:
    """Return the numbers of one model at a threshold in meV/atom."""
    comparison = judged.comparison
    scores = comparison.classification(threshold / MEV)
    return {
        "model": judged.label,
        "decomposition": comparison.decomposition_mae,
        "formation": comparison.formation_mae,
        "f1": scores.f1,
        "precision": scores.precision,
        "recall": scores.recall,
        "auc": comparison.roc(threshold / MEV).auc,
        "n": comparison.n,
        "left_out": len(comparison.left_out),
    }


def unseen_text(judged: Judged) -> str:
    """Return the errors without elements that the model never saw; empty where it saw all."""
    if not judged.found.unseen:
        return ""
    rest = judged.comparison.only(~judged.found.has_unseen[judged.comparison.table["phase"]])
    return (
        f"The model's training held no {', '.join(judged.found.unseen)}. Without their "
        f"{judged.comparison.n - rest.n:,} compounds: decomposition MAE "
        f"{number(rest.decomposition_mae, 1)}, formation MAE {number(rest.formation_mae, 1)} "
        "meV/atom."
    )


def _columns(quantity: str) -> list[str]:
    return ["id", "formula", "system", f"{quantity}_reference", f"{quantity}_model"]


def number(value: float, digits: int) -> str:
    """Write a number, a dash where it is not defined."""
    return "–" if isnan(value) else f"{value:,.{digits}f}"
