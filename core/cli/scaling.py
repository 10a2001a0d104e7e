"""`scaling`: how the error falls with the number of training frames."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, sensible
from core.cli.options import (
    FormOption,
    JsonFlag,
    MetricOption,
    MinFrames,
    SplitOption,
    SweepArgument,
)
from core.errors import LabError
from core.scaling.extrapolation import extrapolation
from core.scaling.form_choice import AskedForm, choose_form, law_of
from core.scaling.law import Law
from core.scaling.points import ScalingPoints, read_points
from core.scaling.savings import COMPARED, crossing, frames_saved
from core.training.settings.metrics import LABEL_METRICS, METRICS

if TYPE_CHECKING:
    from core.scaling.sweep_laws import SweepLaws
    from core.scaling.sweep_results import SweepResults

app = typer.Typer()


@app.command("scaling", cls=LabCommand)
def scaling(
    sweep: SweepArgument = None,
    *,
    points: Annotated[
        Path | None,
        typer.Option(help="Instead: a table with the columns n_frames, error and, if any, seed."),
    ] = None,
    metric: MetricOption = "energy",
    split: SplitOption = "validation",
    method: Annotated[str | None, typer.Option(help="Of a sweep: only this method.")] = None,
    form: FormOption = "power",
    min_frames: MinFrames = None,
    _json: JsonFlag = False,
) -> Answer:
    """Fit scaling laws, with 95 % intervals, to a sweep or to any table of points."""
    if points is not None:
        if sweep is not None:
            raise LabError(f"Give either the sweep {sweep} or --points {points}, not both.")
        return _of_table(read_points(points), form=form, min_frames=min_frames or 0)
    # Only a sweep waits for what trains models.
    from core.scaling.sweep_laws import fit_laws, open_sweep  # noqa: PLC0415

    name, results = open_sweep(sweep)
    if method is not None and method not in results.methods:
        raise LabError(
            f"{name}: has no finished run of {method!r}; choose from {', '.join(results.methods)}."
        )
    key = LABEL_METRICS[metric]
    found = fit_laws(
        results,
        metric=key,
        split=split,
        form=form,
        min_frames=min_frames,
        methods=None if method is None else [method],
    )
    return _of_sweep(name, results, found, metric=key, split=split)


def _of_table(points: ScalingPoints, *, form: AskedForm, min_frames: int) -> Answer:
    law = law_of(points, form, min_frames=min_frames)
    told = _told(points, law)
    low, high = law.exponent_interval()
    head = facts(
        {
            "form": "a·N^−b" if law.form == "power" else "a·N^−b + c",
            "exponent b": f"{law.exponent:.4g} (95 %: {low:.4g} to {high:.4g})",
            "amplitude a": law.amplitude,
            "floor c": law.floor,
            "R²": law.r2,
            "points": f"{law.n} at {law.n_sizes} sizes, {law.smallest:,g} to {law.largest:,g}",
        }
    )
    return Answer(data=told, text="\n\n".join([head, *_tested("", told)]))


def _of_sweep(
    name: str, results: "SweepResults", found: "SweepLaws", *, metric: str, split: str
) -> Answer:
    laws, min_frames = found.laws, found.min_frames
    told: dict[str, dict[str, Any]] = {}
    for one in (*laws, *found.refused):
        if one in laws:
            told[one] = _told(found.points[one], laws[one])
        else:
            told[one] = {"refused": found.refused[one]}
        told[one]["zero"] = results.zero_point(one, metric).to_dict("records")
        told[one]["settled_from"] = results.settled_from(one, metric)
    pairs = [pair for pair in COMPARED if set(pair) <= set(laws)]
    saved = [_saved(laws, *pair) for pair in pairs]
    info, about = METRICS[metric], results.about
    data = {
        "sweep": name,
        "labels": about.data.labels,
        "dataset": about.data.name,
        "command": about.sweep.command,
        "metric": metric,
        "unit": info.unit,
        "split": split,
        "methods": told,
        "left_out": dict(results.left_out),
        "frames_saved": saved,
    }
    head = facts(
        {
            "sweep": name,
            "frames": f"{about.data.name}, labels: {about.data.labels}",
            "error": f"{info.label}, {info.unit}, {split}",
            "fitted from": f"{min_frames:,} frames on",
        }
    )
    tested = [text for one in laws for text in _tested(f"{one}: ", told[one])]
    texts = [head, _laws_text(laws), *_refusals(told), *_unsettled(told, min_frames)]
    texts += [*map(_saved_text, saved), *tested]
    texts += [f"left out: {why}" for why in results.left_out.values()]
    return Answer(data=data, text="\n\n".join(text for text in texts if text))


def _unsettled(told: dict[str, dict[str, Any]], min_frames: int) -> list[str]:
    """Say where a law is fitted to sizes at which the AtomRef itself still gains by frames."""
    return [
        f"{name}: below {one['settled_from']:,} frames the untrained model improves too, by its "
        f"AtomRef alone; --min-frames {one['settled_from']} leaves these sizes out."
        for name, one in told.items()
        if one["settled_from"] is not None and one["settled_from"] > min_frames
    ]


def _told(points: ScalingPoints, law: Law) -> dict[str, Any]:
    """Return what `--json` tells of a law."""
    choice = choose_form(points, min_frames=law.min_frames)
    test = extrapolation(points, form=law.form, min_frames=law.min_frames)
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
            "best": choice.form,
            "sizes": list(choice.held_out),
            "errors": choice.errors,
            "refused": choice.refused,
        },
        "extrapolation": test.to_dict("records"),
        "zero": [{"error": error} for error in points.zero.tolist()],
    }


def _saved(laws: dict[str, Law], better: str, worse: str) -> dict[str, Any]:
    """Set two methods against each other, at the errors the worse reaches with its sizes."""
    one, other = laws[better], laws[worse]
    sizes = _doublings(other.smallest, other.largest)
    table = frames_saved(one, other, other.predict(np.array(sizes)))
    return {
        "better": better,
        "worse": worse,
        "errors": table.to_dict("records"),
        "crossings": crossing(one, other).to_dict("records"),
    }


def _doublings(smallest: float, largest: float) -> list[float]:
    """Return sizes from the largest down, each half of the last, at most five."""
    sizes = [largest / 2**i for i in range(5)]
    return [size for size in reversed(sizes) if size >= smallest]


def _laws_text(laws: dict[str, Law]) -> str:
    head = ("method", "form", "exponent", "low", "high", "R²", "floor", "points", "sizes")
    rows = []
    for name, law in laws.items():
        low, high = law.exponent_interval()
        numbers = (law.exponent, low, high, law.r2, law.floor, law.n, law.n_sizes)
        rows.append([name, law.form, *numbers])
    return columns(head, rows) if rows else ""


def _refusals(told: dict[str, dict[str, Any]]) -> list[str]:
    return [f"{name}: {one['refused']}" for name, one in told.items() if "refused" in one]


def _saved_text(saved: dict[str, Any]) -> str:
    head = ["error", saved["better"], saved["worse"], "ratio", "low", "high", "inside"]
    rows = []
    for row in saved["errors"]:
        cells = {key: sensible(value) for key, value in row.items()}
        if cells.pop("at_least"):
            cells["n_better"] = f"up to {row['n_better']:,g}"
            cells["ratio"] = f"{row['ratio']:.3g} at least"
        rows.append(list(cells.values()))
    title = f"Frames for the same error, {saved['worse']} / {saved['better']}"
    lines = [f"{title} (inside: nothing is extrapolated)", columns(head, rows)]
    lines += [
        f"The curves cross at {one['n_frames']:,.0f} frames (95 %: {one['low']:,.0f} to "
        f"{one['high']:,.0f}){'' if one['inside'] else ', which is extrapolated'}."
        for one in saved["crossings"]
    ]
    return "\n".join(lines)


def _tested(name: str, told: dict[str, Any]) -> list[str]:
    """Tell how well sizes were foretold from those up to a quarter of them."""
    rows = [[sensible(value) for value in row.values()] for row in told["extrapolation"]]
    if not rows:
        return []
    head = ("frames", "sizes fitted", "seen", "predicted", "low", "high", "relative error")
    return [f"{name}foretold from sizes up to a quarter\n{columns(head, rows)}"]
