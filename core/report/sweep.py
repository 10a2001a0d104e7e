"""The section of a report about a sweep: errors by size, and the laws fitted to them."""

from dataclasses import replace

import pandas as pd

from core.figures.base.theme import OTHER_COLOR, method_color
from core.figures.scaling.error_curves import Series, scaling_curves
from core.figures.scaling.savings import Saving, savings
from core.report.document import Figure, Section, Table
from core.report.run import flat
from core.runs.export.card import data_facts
from core.runs.groups.sweep import Sweep
from core.scaling.analysis import ScalingAnalysis, analyse_sweep
from core.scaling.law_text import exponent_text, floor_text
from core.scaling.savings_text import answer_text
from core.scaling.sweep_results import results_of
from core.scaling.words import FORM_TEXT, name_of, provenance_of, start_text


def sweep_section(sweep: Sweep) -> Section:
    """Return the section about a sweep: errors by size, and the laws fitted to them.

    Args:
        sweep: the sweep; runs that have not finished are left out.

    Raises:
        LabError: if its data set is gone.
    """
    results, runs = results_of(sweep), sweep.existing_runs()
    analyses = [
        analyse_sweep(sweep.id, results, metric=metric, split="validation", form="power")
        for metric in results.metrics
    ]
    notes = [note for each in analyses[:1] for note in each.start_notes]
    return Section(
        id=sweep.id,
        title=sweep.name or sweep.id,
        paragraphs=[
            f"{len(runs)} runs on {sweep.base.dataset}.",
            *notes,
            *results.left_out.values(),
        ],
        tables=[_laws(each) for each in analyses if each.laws],
        figures=[
            replace(_scaling(each), name=f"{sweep.id}-scaling-{each.metric}") for each in analyses
        ],
        facts={
            "Data": data_facts(runs[0]) if runs else {},
            "Settings of all runs": flat(sweep.base.model_dump(mode="json")),
        },
        commands=[sweep.command, f"atomref scaling {sweep.id}"],
    )


def scaling_section(analysis: ScalingAnalysis, at: float | None = None) -> Section:
    """Return the section about the laws of one error of a sweep, or of a table of points.

    Args:
        analysis: the laws.
        at: an error at which frames are saved, besides the usual ones.
    """
    tables = [_laws(analysis), *_tested(analysis)] if analysis.laws else []
    lines = savings_of(analysis)
    figures = [_scaling(analysis)]
    if lines:
        figures.append(
            Figure(
                name="frames-saved",
                figure=savings(lines, title=analysis.title, unit=analysis.unit, dark=False),
                caption="At each error, the frames that the other method needs over those that "
                "this one needs. Dashed: a law is extrapolated; dotted: a lower bound.",
                source=provenance_of(analysis),
                table=analysis.savings_table(),
            )
        )
        tables.append(_saved(analysis, at))
    summary = analysis.extrapolation_summary
    return Section(
        title=f"Scaling: {analysis.name}",
        paragraphs=[
            provenance_of(analysis).text,
            *analysis.start_notes,
            ""
            if summary is None
            else "Extrapolated to at least four times the frames they were fitted to, the laws "
            f"were off by {100 * summary.median:.0f} % in the median and "
            f"{100 * summary.largest:.0f} % at most; {summary.n_held} of {summary.n} bands contain "
            "the actual error.",
        ],
        tables=tables,
        figures=figures,
    )


def savings_of(analysis: ScalingAnalysis) -> list[Saving]:
    """Return what `savings` draws of each pair of methods."""
    return [
        Saving(
            name=f"{better} instead of {worse}",
            color=OTHER_COLOR if (better, worse) == ("residual", "refit") else method_color(better),
            table=table,
        )
        for (better, worse), table in analysis.savings.items()
    ]


def _saved(analysis: ScalingAnalysis, at: float | None) -> Table:
    rows = []
    for pair in analysis.pairs:
        laws = (analysis.laws[pair[0]], analysis.laws[pair[1]])
        asked = [] if at is None else analysis.saved(pair, [at]).to_dict("records")
        for row in [*asked, *analysis.saved_at_doublings(pair).to_dict("records")]:
            number, sentence = answer_text(*laws, pair, row)
            rows.append(
                {
                    "Method": pair[0],
                    "Instead of": pair[1],
                    f"At, {analysis.unit}": row["error"],
                    "Frames": number,
                    "Details": sentence,
                }
            )
    return Table(title="Frames saved", table=pd.DataFrame(rows))


def curves_of(analysis: ScalingAnalysis) -> list[Series]:
    """Return what `scaling_curves` draws of each method: points, law, untrained model."""
    curves = []
    for method in analysis.points:
        law = analysis.laws.get(method)
        curves.append(
            Series(
                key=method,
                name=name_of(method),
                points=analysis.trained(method),
                zero=analysis.zero(method),
                curve=analysis.curve(method),
                start=start_text(method),
                fitted=(0.0, 0.0) if law is None else (law.smallest, law.largest),
            )
        )
    return curves


def _scaling(analysis: ScalingAnalysis) -> Figure:
    return Figure(
        name="scaling",
        figure=scaling_curves(
            curves_of(analysis), title=analysis.title, unit=analysis.unit, dark=False
        ),
        caption="Filled markers are geometric means over seeds, dashes single seeds, open markers "
        "the untrained model. Bands are 95 % intervals of the law; dashed parts extrapolate.",
        source=provenance_of(analysis),
        table=analysis.points_table(),
    )


def _laws(analysis: ScalingAnalysis) -> Table:
    heads = {
        "method": "Method",
        "law": "Law",
        "exponent": "Exponent b [95 %]",
        "twice": "Twice the frames, %",
        "floor": f"Floor c [95 %], {analysis.unit}",
        "r2": "R²",
        "points": "Points",
        "range": "Frames",
        "start": "Starts from",
    }
    table = law_table(analysis).dropna(axis="columns", how="all")
    refused = " ".join(f"{name_of(key)}: {why}" for key, why in analysis.refused.items())
    return Table(title=f"Laws: {analysis.title}", table=table.rename(columns=heads), note=refused)


def law_table(analysis: ScalingAnalysis) -> pd.DataFrame:
    """Return the law of each method, for reading; a column is empty where no law has such a part.

    Returns:
        Columns method, law, exponent, twice (change of the error in % when the frames double),
        floor, r2, points, range and start.
    """
    return pd.DataFrame(
        [
            {
                "method": name_of(method),
                "law": FORM_TEXT[law.form],
                "exponent": exponent_text(law),
                "twice": 100 * law.doubling if law.form == "power" else None,
                "floor": floor_text(law) if law.form == "offset" else None,
                "r2": law.r2,
                "points": f"{law.n} at {law.n_sizes} sizes",
                "range": f"{law.smallest:,.0f} to {law.largest:,.0f}",
                "start": start_text(method),
            }
            for method, law in analysis.laws.items()
        ]
    )


def form_table(analysis: ScalingAnalysis) -> pd.DataFrame:
    """Return which form predicts held-out sizes better.

    Returns:
        Columns method, power and offset (root mean square of the log error, %), better and
        held_out.
    """
    return pd.DataFrame(
        [
            {
                "method": method,
                **{str(form): 100 * error for form, error in choice.errors.items()},
                "better": FORM_TEXT[choice.better] if choice.better else None,
                "held_out": ", ".join(f"{size:,.0f}" for size in choice.held_out),
            }
            for method, choice in analysis.forms.items()
        ]
    )


def forms_refused(analysis: ScalingAnalysis) -> list[str]:
    """Return for which methods a form was not tried, and why."""
    refused: dict[str, list[str]] = {}
    for method, choice in analysis.forms.items():
        for form, reason in choice.refused.items():
            refused.setdefault(f"{FORM_TEXT[form]}. {reason}", []).append(method)
    return [f"Not tried for {', '.join(names)}: {why}" for why, names in refused.items()]


def prediction_table(analysis: ScalingAnalysis) -> pd.DataFrame:
    """Return how well laws of small sizes predict the errors at larger ones, for reading.

    Returns:
        Columns method, n_frames, fitted (sizes), seen, predicted and off (%).
    """
    return pd.DataFrame(
        [
            {
                "method": method,
                "n_frames": row["n_frames"],
                "fitted": row["n_fitted_sizes"],
                "seen": row["seen"],
                "predicted": f"{_three_digits(row['predicted'])}  [{_three_digits(row['low'])}, "
                f"{_three_digits(row['high'])}]",
                "off": 100 * row["relative_error"],
            }
            for method, table in analysis.extrapolations.items()
            for row in table.to_dict("records")
        ]
    )


def _three_digits(value: float) -> str:
    """Write three digits, without an exponent up to a million: the column is narrow."""
    return f"{float(format(value, '.3g')):,g}"


def _tested(analysis: ScalingAnalysis) -> list[Table]:
    """Return how well the forms of the law, and the laws, predict larger sizes."""
    forms = {str(form): f"{text}, off by %" for form, text in FORM_TEXT.items()}
    tables = [
        Table(
            title="Power law with or without a floor",
            table=form_table(analysis).rename(
                columns=forms
                | {"method": "Method", "better": "Better", "held_out": "Held-out sizes"}
            ),
            note=" ".join(
                [
                    "Fitted to the smaller sizes, both predict the larger ones.",
                    *forms_refused(analysis),
                ]
            ),
        )
    ]
    if analysis.extrapolation_summary is not None:
        heads = {
            "method": "Method",
            "n_frames": "Frames",
            "fitted": "Sizes fitted",
            "seen": f"Actual, {analysis.unit}",
            "predicted": f"Predicted [95 %], {analysis.unit}",
            "off": "Off by, %",
        }
        tables.append(
            Table(
                title="Extrapolation test", table=prediction_table(analysis).rename(columns=heads)
            )
        )
    return tables
