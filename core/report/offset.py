"""The section of a report about a model's offset, and the figures that pages draw of it."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from core.figures.base.periodic import periodic_table
from core.figures.base.theme import METHOD_COLORS, OTHER_COLOR
from core.figures.shifts.waterfall import Step, by_group, waterfall
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.schema import Corrections
from core.potential.released import MODELS
from core.reference.fits.atomref import RARE
from core.reference.shifts.model_offset import STEPS, step_table
from core.report.document import Figure, Section, Table
from core.report.origins import facts_of
from core.studies.model_offset import ModelOffset, OffsetStudy

COLORS = {
    "as_is": METHOD_COLORS["frozen"],
    "constant": OTHER_COLOR,
    "atomref": METHOD_COLORS["refit"],
    "residual": METHOD_COLORS["residual"],
}
"""Colours of the methods that start from these references; none starts from a constant."""


def step_name(key: str) -> str:
    """Return the name of a set of references with a capital, as in a label."""
    return STEPS[key][0].upper() + STEPS[key][1:]


def waterfall_of(errors: Mapping[str, float], *, unit: str, dark: bool) -> go.Figure:
    """Draw the waterfall of energy errors.

    Args:
        errors: energy MAE by key of STEPS.
        unit: its unit.
        dark: whether the background is dark.
    """
    steps = [Step(name=step_name(key), value=errors[key], color=COLORS[key]) for key in STEPS]
    return waterfall(steps, title="Energy MAE", unit=unit, dark=dark)


def offset_section(study: OffsetStudy, corrections: Corrections, result: ModelOffset) -> Section:
    """Return the section about how much of a model's error is only an offset.

    Args:
        study: the settings.
        corrections: whether MP2020 corrections are in the energies.
        result: what was found.
    """
    errors, source = result.found, source_of(study, corrections, result)
    elements, chemistries = errors.element_table(), errors.chemistry_table()
    heads = {key: f"Energy MAE {name}, eV/atom" for key, name in STEPS.items()}
    tables = {
        "Energy MAE": pd.DataFrame([{heads[key]: value for key, value in errors.mae.items()}]),
        "By chemistry": chemistries.rename(
            columns=heads | {"chemistry": "Chemistry", "count": "Rows"}
        ),
        "By element": elements.rename(columns=heads | {"symbol": "Element", "count": "Rows"}),
    }
    drawn = {
        "offset-waterfall": (
            waterfall_of(errors.mae, unit="eV/atom", dark=False),
            "Solid: the error that remains. Hatched: what the step removes.",
            step_table(errors.mae, unit="eV/atom"),
        ),
        **{
            f"offset-by-element-{step}": (
                errors_by_element(elements, step, dark=False),
                (
                    f"Mean error {name} of the materials that contain the element, on a "
                    "logarithmic colour scale."
                ),
                elements,
            )
            for step, name in STEPS.items()
        },
        "offset-by-chemistry": (
            errors_by_chemistry(chemistries, dark=False),
            "From right to left: the model's error, and the error after each set of references.",
            chemistries,
        ),
    }
    return Section(
        title=f"Model offset: {study.model} on {study.dataset}",
        paragraphs=[
            (
                f"Of {errors.mae['as_is']:.2f} eV/atom, {errors.share:.1%} is only an offset: new "
                f"references alone reduce the error to {min(errors.mae.values()):.3f} eV/atom."
            ),
            source.text,
            *notes(result),
            *(finding["message"] for finding in result.findings),
        ],
        tables=[Table(title=title, table=table) for title, table in tables.items()],
        figures=[
            Figure(name=name, figure=figure, caption=caption, source=source, table=table)
            for name, (figure, caption, table) in drawn.items()
        ],
        facts={
            "Data": facts_of(
                study.datasets, (result.functional, result.labels, corrections), Model=study.model
            )
        },
    )


def source_of(study: OffsetStudy, corrections: Corrections, result: ModelOffset) -> Provenance:
    """Return what the numbers rest on; arguments as of `offset_section`."""
    errors = result.found
    return Provenance(
        data=study.dataset,
        labels={result.labels},
        details=f"{study.model} ({result.model_functional}) on {len(errors.rows):,} rows of "
        f"{errors.n_materials:,} materials: {result.functional}, {CORRECTIONS[corrections]}. "
        "References are fitted to four fifths of the materials and evaluated on the rest, five "
        "times."
        + (
            "" if study.model in MODELS else " The run may have been trained on some of these rows."
        ),
    )


def errors_by_element(table: pd.DataFrame, step: str, *, dark: bool) -> go.Figure:
    """Draw the error with a set of references on the periodic table.

    Args:
        table: `Offset.element_table`.
        step: a key of STEPS.
        dark: whether the background is dark.
    """
    return periodic_table(
        dict(zip(table["symbol"], table[step], strict=True)),
        title=f"Energy MAE, {STEPS[step]}",
        unit="eV/atom",
        diverging=False,
        log=True,
        hover={
            symbol: f"{count:,} rows contain it"
            + (f"; fewer than {RARE}, so the mean is uncertain" if count < RARE else "")
            for symbol, count in zip(table["symbol"], table["count"], strict=True)
        },
        dark=dark,
    )


def errors_by_chemistry(table: pd.DataFrame, *, dark: bool) -> go.Figure:
    """Draw the error with each set of references by chemistry; `Offset.chemistry_table`."""
    return by_group(
        table.rename(columns={"chemistry": "group"}),
        [(key, step_name(key), COLORS[key]) for key in STEPS],
        title="Energy MAE",
        dark=dark,
    )


def notes(result: ModelOffset) -> list[str]:
    """Return the prior, why not all rows are used, and which elements are too rare."""
    errors = result.found
    messages = [f"Prior of the residual AtomRef: {result.prior_used}."]
    if len(errors.rows) < result.n_available:
        messages.append(
            f"{len(errors.rows):,} of {result.n_available:,} rows with an energy are used: "
            + ("; ".join(_why_fewer(result)))
            + "."
        )
    if errors.unseen:
        messages.append(
            f"Too few materials contain {', '.join(errors.unseen)}: for them, refitted references "
            "lack the element, and residual ones keep the prior."
        )
    return messages


def _why_fewer(result: ModelOffset) -> list[str]:
    """Return why rows with an energy are not used."""
    used, left_out = len(result.found.rows), result.n_left_out
    n_with_structure = result.n_available - result.n_without_structure
    reasons = []
    if result.n_without_structure:
        reasons.append(
            f"{result.n_without_structure:,} have no structure, which a model's prediction needs"
        )
    if used + left_out < n_with_structure:
        reasons.append(
            f"of the {n_with_structure:,} with a structure, a sample was drawn (Rows at most)"
        )
    if left_out:
        reasons.append(f"CHGNet cannot represent {left_out:,} of the structures")
    return reasons
