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


def scaling_section(analysis: ScalingAnalysis) -> Section:
    """Return the section about the laws of one error of a sweep, or of a table of points."""
    tables = [_laws(analysis)] if analysis.laws else []
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
        tables.append(_saved(analysis))
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


def _saved(analysis: ScalingAnalysis) -> Table:
    rows = []
    for pair in analysis.pairs:
        laws = (analysis.laws[pair[0]], analysis.laws[pair[1]])
        for row in analysis.saved_at_doublings(pair).to_dict("records"):
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
    rows = [
        {
            "Method": name_of(method),
            "Law": FORM_TEXT[law.form],
            "Exponent b [95 %]": exponent_text(law),
            "Twice the frames, %": 100 * law.doubling if law.form == "power" else None,
            f"Floor c [95 %], {analysis.unit}": floor_text(law) if law.form == "offset" else None,
            "R²": law.r2,
            "Points": f"{law.n} at {law.n_sizes} sizes",
            "Frames": f"{law.smallest:,.0f} to {law.largest:,.0f}",
            "Starts from": start_text(method),
        }
        for method, law in analysis.laws.items()
    ]
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    refused = " ".join(f"{name_of(key)}: {why}" for key, why in analysis.refused.items())
    return Table(title=f"Laws: {analysis.title}", table=table, note=refused)
