"""The section of a report about models on labelled frames, and what the page draws of them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.periodic import periodic_table
from core.figures.shifts.waterfall import by_group as by_group_figure
from core.figures.training.run_parity import HEIGHT, run_parity
from core.reference.fits.atomref import RARE
from core.report.document import Figure, Section, Table
from core.report.looks import looks_of
from core.report.origins import facts_of, model_facts, model_sources
from core.studies.models.compared import Compared
from core.studies.models.error_groups import Grouping, by_group, worst
from core.studies.models.labelled import FrameDistances, ModelErrors
from core.training.scoring.frame_errors import KINDS, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS

NUMBERS = {
    "model": "Mean absolute errors of",
    "rmse": "Energy RMSE, meV/atom",
    **{kind: METRICS[metric].short for kind, metric in LABEL_METRICS.items()},
}
"""Heads of `numbers_of`."""

WORST = {"frame_id": "Frame", "formula": "Formula", "n_atoms": "Atoms"}
"""Heads of `core.studies.models.error_groups.worst`, but for the error."""


def compared_section(
    found: Compared,
    told: Mapping[str, ModelErrors],
    *,
    kind: str,
    by: Grouping | None = None,
    distances: FrameDistances | None = None,
    n_worst: int = 0,
    notes: str = "",
) -> Section:
    """Return the section about models on the same labelled frames.

    Args:
        found: their errors.
        told: what else is known of each model, by its name.
        kind: whose errors figures and worst frames show.
        by: what makes a group of frames; None for no groups.
        distances: of the frames, where they are grouped by these.
        n_worst: how many frames of largest error.
        notes: a further paragraph.
    """
    card, models = found.question.card, list(found.errors)
    figures = [_parity(found, model, kind, place) for place, model in enumerate(models)]
    if by is not None:
        groups = by_group(
            found.errors,
            by,
            kind,
            distances=None if distances is None else distances.of(found.first),
        )
        figures += _groups(found, groups, by, kind, distances)
    return Section(
        title=f"Compare models: {', '.join(models)} on {card.name}",
        paragraphs=[found.source.text, *remarks(told), notes],
        tables=[
            Table(title="Errors", table=pd.DataFrame(numbers_of(found)).rename(columns=NUMBERS)),
            *(_worst(found, model, kind, n_worst) for model in models if n_worst),
        ],
        figures=figures,
        facts={
            "Data": facts_of(
                [card.name],
                (card.functional or "unknown", card.labels, card.corrections),
                **model_facts(model_sources(models, card.functional)),
            )
        },
    )


def remarks(told: Mapping[str, ModelErrors]) -> list[str]:
    """Return in sentences why numbers may mislead: other energies, unseen elements."""
    return [
        text
        for model, one in told.items()
        for text in (mismatch_text(model, one), unseen_text(model, one))
        if text
    ]


def numbers_of(found: Compared) -> list[dict[str, Any]]:
    """Return every model's mean absolute errors, in the columns of NUMBERS."""
    rows = []
    for model, errors in found.errors.items():
        row: dict[str, Any] = {"model": model}
        for kind in errors.kinds:
            of_kind = summary(errors.compared(kind), kind)
            row[kind] = of_kind["mae"]
            if kind == "energy":
                row["rmse"] = of_kind["rmse"]
        rows.append(row)
    return rows


def parity_of(
    found: Compared, model: str, kind: str, *, height: int = HEIGHT, dark: bool
) -> go.Figure:
    """Draw a model's predictions of a kind of label against the labels."""
    errors = found.errors[model]
    names = [
        f"{name}, {formula}"
        for name, formula in zip(errors.frame_ids, errors.formulas, strict=True)
    ]
    title, unit = KINDS[kind]
    return run_parity(
        _values(found, model, kind),
        names,
        title="Energy minus AtomRef" if kind == "energy" else title,
        unit=unit,
        height=height,
        dark=dark,
    )


def parity_text(kind: str) -> str:
    """Return what to see in a figure of `parity_of`."""
    return (
        "On the dashed line the prediction equals the label; a cloud beside it is an offset, a "
        "tilted one a wrong scale."
        + (
            " Without the model's AtomRef, whose tens of eV/atom would hide the errors."
            if kind == "energy"
            else ""
        )
    )


def parity_table(found: Compared, model: str, kind: str) -> pd.DataFrame:
    """Return what `parity_of` draws, with the names of the frames instead of their numbers."""
    table = _values(found, model, kind)
    return table.assign(frame=found.errors[model].frame_ids[table["frame"]])


def _values(found: Compared, model: str, kind: str) -> pd.DataFrame:
    errors = found.errors[model]
    return errors.without_atomref() if kind == "energy" else errors.compared(kind)


def elements_of(
    found: Compared, table: pd.DataFrame, model: str, kind: str, *, dark: bool
) -> go.Figure:
    """Draw a model's errors by element.

    Args:
        found: the errors.
        table: the same by element, as of `by_group`.
        model: whose errors.
        kind: key of KINDS.
        dark: whether the background is dark.
    """
    title, unit = METRICS[LABEL_METRICS[kind]]
    return periodic_table(
        dict(zip(table["group"], table[model], strict=True)),
        title=title,
        unit=unit,
        diverging=False,
        log=True,
        selected=found.question.elements,
        hover={
            symbol: f"{count:,} values"
            for symbol, count in zip(table["group"], table["count"], strict=True)
        },
        dark=dark,
    )


def elements_text(table: pd.DataFrame, model: str) -> str:
    """Return what to see in a figure of `elements_of`."""
    rare = table["group"][table["count"] < RARE]
    return (
        f"The mean error of the frames, or the atoms, of each element by {model}; logarithmic "
        f"colours. Uncertain, fewer than {RARE}: {', '.join(rare) or 'none'}."
    )


def groups_of(table: pd.DataFrame, models: list[str], kind: str, *, dark: bool) -> go.Figure:
    """Draw the errors of models by group of frames; arguments as of `elements_of`."""
    title, unit = METRICS[LABEL_METRICS[kind]]
    looks = looks_of(models, dark=dark)
    steps = [(model, looks[model][0], looks[model][1]) for model in models]
    return by_group_figure(table, steps, title=title, unit=unit, dark=dark)


GROUPS_TEXT = "The mean error of each group of frames; in brackets how many there are."
"""What to see in a figure of `groups_of`."""


def distances_text(known: FrameDistances) -> str:
    """Return what distances are measured from, and in which unit."""
    return (
        f"In CHGNet's crystal features from {known.domain}; one is the distance that 99 % of these "
        "have from their nearest."
    )


def mismatch_text(model: str, told: ModelErrors) -> str:
    """Return why labels and predictions are not alike; empty where they are."""
    return f"{model}: {told.mismatch}" if told.mismatch else ""


def unseen_text(model: str, told: ModelErrors) -> str:
    """Return which elements a model has never seen; empty where it has seen all."""
    return f"{model} has seen no {', '.join(told.unseen)} in training." if told.unseen else ""


def _parity(found: Compared, model: str, kind: str, place: int) -> Figure:
    return Figure(
        name=f"parity-{kind}-{place}",
        figure=parity_of(found, model, kind, dark=False),
        caption=f"{model}. {parity_text(kind)}",
        source=found.source,
        table=parity_table(found, model, kind),
    )


def _groups(
    found: Compared,
    table: pd.DataFrame,
    by: Grouping,
    kind: str,
    distances: FrameDistances | None,
) -> list[Figure]:
    models = list(found.errors)
    if by == "element":
        # One periodic table holds one model's errors.
        drawn = [
            (elements_of(found, table, model, kind, dark=False), elements_text(table, model))
            for model in models
        ]
    else:
        known = "" if distances is None else f" {distances_text(distances)}"
        drawn = [(groups_of(table, models, kind, dark=False), f"{GROUPS_TEXT}{known}")]
    return [
        Figure(
            name=f"errors-by-{by}-{kind}-{place}",
            figure=figure,
            caption=caption,
            source=found.source,
            table=table,
        )
        for place, (figure, caption) in enumerate(drawn)
    ]


def _worst(found: Compared, model: str, kind: str, n: int) -> Table:
    unit = METRICS[LABEL_METRICS[kind]].unit
    return Table(
        title=f"Worst frames of {model}: {KINDS[kind][0].lower()}",
        table=worst(found.errors[model], kind, n)
        .drop(columns="row")
        .rename(columns=WORST | {"error": f"Mean error, {unit}"}),
        note="The page shows their structures.",
    )
