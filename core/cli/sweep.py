"""`sweep run|list|show|grow|cancel|resume|delete|export`: sizes, methods and seeds."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, facts
from core.cli.options import Detach, JsonFlag, Methods, Seeds, Sizes, SweepName
from core.cli.training_options import numbers, training_options
from core.runs.groups import sweep as sweeps
from core.runs.groups.sweep import Sweep
from core.runs.process.restart import revive_lost
from core.runs.record.progress import duration_text
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS

app = typer.Typer()
sweep = typer.Typer(help="Sweeps: training set sizes × methods × seeds, for scaling laws.")
app.add_typer(sweep, name="sweep")

_POLL_SECONDS = 2.0
_TELL_SECONDS = 60.0
_OWN = {"method", "seed", "frames"}


@sweep.command(
    "run",
    cls=LabCommand,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run(
    context: typer.Context,
    *,
    sizes: Sizes,
    methods: Methods = "scratch,refit,residual",
    seeds: Seeds = "0,1,2",
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps of each run, instead of --epochs.")
    ] = None,
    detach: Detach = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train all sizes, methods and seeds, the cheapest first, with the options of `train`.

    Every run has the same epochs; or the same --steps; or, with --patience, trains until
    validation stalls.
    """
    asked = {"sizes": numbers(sizes, "--sizes"), "seeds": numbers(seeds, "--seeds")}
    base = RunConfig.from_options(training_options(context.args, but=_OWN), where="sweep run")
    made = sweeps.make_sweep(base, methods=_methods(methods), steps=steps, **asked)
    return _trained(made, detach=detach)


@sweep.command("grow", cls=LabCommand)
def grow(
    name: SweepName,
    *,
    sizes: Sizes = "",
    methods: Methods = "",
    seeds: Seeds = "",
    detach: Detach = False,
    _json: JsonFlag = False,
) -> Answer:
    """Add sizes, methods or seeds; what is there is not done again, what is missing is made."""
    grown = sweeps.grow(
        sweeps.find_sweep(name),
        sizes=numbers(sizes, "--sizes"),
        methods=_methods(methods),
        seeds=numbers(seeds, "--seeds"),
    )
    return _trained(grown, detach=detach)


@sweep.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the sweeps, newest first."""
    rows = []
    for one in sweeps.list_sweeps():
        far = sweeps.progress(one)
        rows.append(
            {
                "sweep": one.id,
                "name": one.name,
                "dataset": one.base.dataset,
                "sizes": len(one.sizes),
                "methods": len(one.methods),
                "seeds": len(one.seeds),
                "finished": far.finished,
                "of": far.of,
            }
        )
    if not rows:
        return Answer(data={"sweeps": []}, text="No sweep yet.")
    head = tuple(rows[0])
    return Answer(data={"sweeps": rows}, text=columns(head, [list(row.values()) for row in rows]))


@sweep.command("show", cls=LabCommand)
def show(name: SweepName, *, _json: JsonFlag = False) -> Answer:
    """Show how far a sweep is, and the validation errors so far by method and size."""
    return _answer(sweeps.find_sweep(name))


@sweep.command("cancel", cls=LabCommand)
def cancel(name: SweepName, *, _json: JsonFlag = False) -> Answer:
    """Stop all its runs; those that train write a checkpoint first."""
    one = sweeps.find_sweep(name)
    sweeps.cancel(one)
    return _answer(one)


@sweep.command("resume", cls=LabCommand)
def resume(name: SweepName, *, detach: Detach = False, _json: JsonFlag = False) -> Answer:
    """Let all its runs go on that were stopped or failed; finished ones stay as they are."""
    one = sweeps.find_sweep(name)
    sweeps.resume(one)
    return _trained(one, detach=detach)


@sweep.command("delete", cls=LabCommand)
def delete(name: SweepName, *, _json: JsonFlag = False) -> Answer:
    """Delete a sweep with its runs."""
    sweeps.delete(sweeps.find_sweep(name))
    return Answer(data={"deleted": name}, text=f"Deleted {name}.")


@sweep.command("export", cls=LabCommand)
def export(
    name: SweepName,
    *,
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    title: Annotated[str, typer.Option(help="What readers are told it is.")] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Write a finished sweep's points and errors of frames, without its models, as a folder."""
    from core.scaling.sweep_results import results_of, save_results  # noqa: PLC0415

    results = results_of(sweeps.find_sweep(name))
    save_results(results, out, title=title)
    told = {"folder": str(out), "runs": int(results.points["run"].nunique())}
    return Answer(data=told, text=facts(told))


def _methods(text: str) -> list[str]:
    return list(METHODS) if text == "all" else [one for one in text.split(",") if one]


def _trained(one: Sweep, *, detach: bool) -> Answer:
    sweeps.launch(one)
    if not detach:
        _wait(one)
    return _answer(one)


def _wait(one: Sweep) -> None:
    """Wait until no run of it waits or trains; Ctrl-C leaves the runs to themselves."""
    told, at = -1, 0.0
    while True:
        far = sweeps.progress(one)
        if far.finished != told or time.monotonic() - at > _TELL_SECONDS:
            told, at = far.finished, time.monotonic()
            left = "" if far.eta_s is None else f", {duration_text(far.eta_s)} left"
            typer.echo(
                f"{one.id}: {far.finished} of {far.of} runs finished, {far.share:.0%}{left}",
                err=True,
            )
        if not far.active:
            return
        revive_lost()
        time.sleep(_POLL_SECONDS)


def _answer(one: Sweep) -> Answer:
    from core.scaling.sweep_results import results_of  # noqa: PLC0415

    far = sweeps.progress(one)
    results = results_of(one)
    points = results.points
    trained = points[(points["stage"] == "trained") & (points["split"] == "validation")]
    rows: list[dict[str, Any]] = []
    for method in one.methods:
        for size in one.sizes:
            own = trained[(trained["method"] == method) & (trained["n_frames"] == size)]
            row = {"method": method, "n_frames": size, "seeds": len(own)}
            for key in METRICS:
                row |= {key: own[key].mean(), f"{key}_spread": own[key].std()}
            rows.append(row)
    data: dict[str, Any] = {
        "sweep": one.id,
        "name": one.name,
        "command": one.command,
        "runs": one.runs,
        "finished": far.finished,
        "active": far.active,
        "of": far.of,
        "share": far.share,
        "eta_s": far.eta_s,
        "table": rows,
        "left_out": dict(results.left_out),
    }
    head = ["method", "frames", "seeds"]
    for info in METRICS.values():
        head += [f"{info.label}, {info.unit}", "±"]
    shown = [
        [row["method"], row["n_frames"], row["seeds"]]
        + [row[name] for key in METRICS for name in (key, f"{key}_spread")]
        for row in rows
    ]
    told = {
        "sweep": one.id,
        "data": one.base.dataset,
        "runs finished": f"{far.finished} of {far.of}",
        "time left": None if far.eta_s is None else duration_text(far.eta_s),
        "frames of the table": "validation",
    }
    left_out = "".join(f"\nleft out: {why}" for why in results.left_out.values())
    return Answer(data=data, text=f"{facts(told)}\n\n{columns(head, shown)}{left_out}")
