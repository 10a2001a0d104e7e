"""`scaling`: how the error falls with the number of training frames."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, rounded
from core.cli.options import (
    FormOption,
    JsonFlag,
    MetricOption,
    MinFrames,
    PointsOption,
    PointsUnit,
    SplitOption,
    SweepArgument,
)
from core.errors import LabError
from core.scaling.analysis import TABLE, Pair, ScalingAnalysis, analyse_sweep, analyse_table
from core.scaling.extrapolation import ERRORS
from core.scaling.law_text import exponent_text, floor_text
from core.scaling.savings_text import answer_text, crossing_sentences
from core.training.settings.metrics import LABEL_METRICS, METRICS

if TYPE_CHECKING:
    from core.report.document import Section
    from core.scaling.sweep_results import SweepResults

app = typer.Typer()


@app.command("scaling", cls=LabCommand)
def scaling(
    sweep: SweepArgument = None,
    *,
    points: PointsOption = None,
    unit: PointsUnit = "",
    metric: MetricOption = "energy",
    split: SplitOption = "validation",
    method: Annotated[str | None, typer.Option(help="Only this method of a sweep.")] = None,
    form: FormOption = "power",
    min_frames: MinFrames = None,
    at: Annotated[
        float | None,
        typer.Option(min=1e-9, help="Frames saved at this error too, in the metric's unit."),
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Fit scaling laws, with 95 % intervals, to a sweep or to any table of points."""
    if points is not None:
        if sweep is not None:
            raise LabError(f"Give either the sweep {sweep} or --points {points}, not both.")
        return _table_answer(analyse_table(points, unit=unit, form=form, min_frames=min_frames))
    # A table of points does not wait for what reads runs.
    from core.scaling.sweep_files import open_sweep  # noqa: PLC0415

    name, results = open_sweep(sweep)
    if method is not None and method not in results.methods:
        raise LabError(
            f"{name}: has no finished run of {method!r}; choose from {', '.join(results.methods)}."
        )
    analysis = analyse_sweep(
        name,
        results,
        metric=LABEL_METRICS[metric],
        split=split,
        form=form,
        min_frames=min_frames,
        methods=None if method is None else [method],
    )
    return _sweep_answer(analysis, results, at)


def _table_answer(analysis: ScalingAnalysis) -> Answer:
    if analysis.refused:
        raise LabError(analysis.refused[TABLE])
    law = analysis.laws[TABLE]
    head = facts(
        {
            "form": "a·N^−b" if law.form == "power" else "a·N^−b + c",
            "exponent b [95 %]": exponent_text(law),
            "amplitude a": rounded(law.amplitude),
            "floor c [95 %]": floor_text(law) if law.form == "offset" else None,
            "R²": law.r2,
            "points": f"{law.n} at {law.n_sizes} sizes, {law.smallest:,g} to {law.largest:,g}",
        }
    )
    data = {
        **_law_data(analysis, TABLE),
        "zero": [{"error": error} for error in analysis.zero(TABLE)["error"].tolist()],
    }
    text = "\n\n".join([head, *_extrapolation_texts(analysis)])
    return Answer(data=data, text=text, section=partial(_section, analysis))


def _section(analysis: ScalingAnalysis, at: float | None = None) -> "Section":
    # Figures take a library that the numbers need not wait for.
    from core.report.sweep import scaling_section  # noqa: PLC0415

    return scaling_section(analysis, at)


def _sweep_answer(analysis: ScalingAnalysis, results: "SweepResults", at: float | None) -> Answer:
    metric = analysis.metric
    methods: dict[str, dict[str, Any]] = {}
    for method in (*analysis.laws, *analysis.refused):
        methods[method] = {
            **(
                _law_data(analysis, method)
                if method in analysis.laws
                else {"refused": analysis.refused[method]}
            ),
            "zero": results.zero_point(method, metric).to_dict("records"),
            "settled_from": results.settled_from(method, metric),
        }
    saved = [_saved_data(analysis, pair, at) for pair in analysis.pairs]
    info, about = METRICS[metric], results.about
    data = {
        "sweep": analysis.name,
        "labels": about.data.labels,
        "dataset": about.data.name,
        "command": about.sweep.command,
        "metric": metric,
        "unit": info.unit,
        "split": analysis.split,
        "methods": methods,
        "left_out": dict(results.left_out),
        "frames_saved": saved,
    }
    head = facts(
        {
            "sweep": analysis.name,
            "frames": f"{about.data.name}, labels: {about.data.labels}",
            "error": f"{info.label}, {info.unit}, {analysis.split}",
        }
    )
    texts = [
        head,
        _laws_text(analysis),
        *(f"{method}: {reason}" for method, reason in analysis.refused.items()),
        *analysis.start_notes,
        *(_saved_text(analysis, pair, at) for pair in analysis.pairs),
        *_extrapolation_texts(analysis),
        *(f"left out: {reason}" for reason in results.left_out.values()),
    ]
    return Answer(
        data=data,
        text="\n\n".join(text for text in texts if text),
        section=partial(_section, analysis, at),
    )


def _law_data(analysis: ScalingAnalysis, method: str) -> dict[str, Any]:
    """Return a law and its tests as `--json` prints them."""
    law, choice = analysis.laws[method], analysis.forms[method]
    return {
        "exponent": law.exponent,
        "exponent_interval": list(law.exponent_interval()),
        "r2": law.r2,
        "n": law.n,
        "amplitude": law.amplitude,
        "floor": law.floor,
        "floor_interval": list(law.floor_interval()),
        "form": law.form,
        "falls": law.falls,
        "n_sizes": law.n_sizes,
        "min_frames": law.min_frames,
        "smallest": law.smallest,
        "largest": law.largest,
        "held_out": {
            "best": choice.better,
            "sizes": list(choice.held_out),
            "errors": choice.errors,
            "refused": choice.refused,
        },
        "extrapolation": analysis.extrapolations[method].to_dict("records"),
    }


def _saved_at(analysis: ScalingAnalysis, pair: Pair, at: float | None) -> list[Any]:
    asked = [] if at is None else analysis.saved(pair, [at]).to_dict("records")
    return [*asked, *analysis.saved_at_doublings(pair).to_dict("records")]


def _saved_data(analysis: ScalingAnalysis, pair: Pair, at: float | None) -> dict[str, Any]:
    better, worse = pair
    return {
        "better": better,
        "worse": worse,
        "errors": _saved_at(analysis, pair, at),
        "crossings": analysis.crossings[pair].to_dict("records"),
    }


def _laws_text(analysis: ScalingAnalysis) -> str:
    head = ("method", "form", "exponent [95 %]", "floor [95 %]", "R²", "points", "frames")
    rows = [
        [
            method,
            law.form,
            exponent_text(law),
            floor_text(law) if law.form == "offset" else None,
            rounded(law.r2),
            f"{law.n} at {law.n_sizes} sizes",
            f"{law.smallest:,g} to {law.largest:,g}",
        ]
        for method, law in analysis.laws.items()
    ]
    return columns(head, rows) if rows else ""


def _saved_text(analysis: ScalingAnalysis, pair: Pair, at: float | None) -> str:
    better, worse = pair
    head = [f"error, {analysis.unit}", "frames", "details"]
    rows = []
    for row in _saved_at(analysis, pair, at):
        number, sentence = answer_text(analysis.laws[better], analysis.laws[worse], pair, row)
        rows.append([f"{row['error']:.3g}", number, sentence])
    crossings = crossing_sentences(analysis.crossings[pair], pair, analysis.unit)
    return "\n".join(
        [
            f"Frames for the same error, {better} instead of {worse}",
            columns(head, rows),
            *(f"{better} and {worse}: {sentence}" for sentence in crossings),
        ]
    )


def _extrapolation_texts(analysis: ScalingAnalysis) -> list[str]:
    head = ("frames", "sizes fitted", "actual", "predicted", "low", "high", "relative error")
    texts = []
    for method, table in analysis.extrapolations.items():
        rows = [[rounded(value) for value in row] for row in table[ERRORS].to_numpy().tolist()]
        if rows:
            name = "" if method == TABLE else f"{method}: "
            texts.append(f"{name}predicted from sizes up to a quarter\n{columns(head, rows)}")
    return texts
