"""`sweep run|list|show|grow|cancel|resume|delete|export`: sizes, methods and seeds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, facts
from core.cli.groups.group import (
    add_group_commands,
    group_data,
    method_keys,
    trained,
    training_options,
)
from core.cli.options import Detach, JsonFlag, Methods, OnProfile, Seeds, Sizes, SweepName
from core.progress import duration_text
from core.runs.groups.sizes import whole_numbers
from core.runs.groups.sweep import Sweep
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

app = typer.Typer()
sweep = typer.Typer(help="Sweeps: training set sizes × methods × seeds, for scaling laws.")
app.add_typer(sweep, name="sweep")


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
    on: OnProfile = None,
    detach: Detach = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train all sizes, methods and seeds, the cheapest first, with the options of `train`.

    Every run has the same epochs; or the same --steps; or, with --patience, trains until
    validation stalls.
    """
    options = training_options(context.args, but={"method", "seed", "frames"})
    base = RunConfig.from_options(options, where="sweep run")
    draft = Sweep.draft(
        base,
        sizes=whole_numbers(sizes, "--sizes"),
        methods=method_keys(methods, base),
        seeds=whole_numbers(seeds, "--seeds"),
        steps=steps,
    )
    return trained(draft.model_copy(update={"on": on}).create(), _answer, detach=detach)


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
    """Add sizes, methods or seeds, and create deleted runs anew; existing runs stay."""
    before = Sweep.load(name)
    grown = before.grow(
        sizes=whole_numbers(sizes, "--sizes"),
        methods=method_keys(methods, before.base),
        seeds=whole_numbers(seeds, "--seeds"),
    )
    return trained(grown, _answer, detach=detach)


@sweep.command("show", cls=LabCommand)
def show(name: SweepName, *, _json: JsonFlag = False) -> Answer:
    """Show a sweep's progress, and its validation errors so far by method and size."""
    return _answer(Sweep.load(name))


@sweep.command("export", cls=LabCommand)
def export(
    name: SweepName,
    *,
    out: Annotated[Path, typer.Option(help="New folder.")],
    title: Annotated[str, typer.Option(help="Title shown to readers.")] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Write a finished sweep's points and errors per frame, without its models, to a folder."""
    from core.scaling.sweep_files import save_results  # noqa: PLC0415
    from core.scaling.sweep_results import results_of  # noqa: PLC0415

    results = results_of(Sweep.load(name))
    save_results(results, out, title=title)
    data = {"folder": str(out), "runs": int(results.points["run"].nunique())}
    return Answer(data=data, text=facts(data))


def _answer(group: Sweep) -> Answer:
    from core.scaling.sweep_results import results_of  # noqa: PLC0415

    results = results_of(group)
    points = results.points
    trained_points = points[(points["stage"] == "trained") & (points["split"] == "validation")]
    table: list[dict[str, Any]] = []
    for method in group.methods:
        for size in group.sizes:
            in_cell = (trained_points["method"] == method) & (trained_points["n_frames"] == size)
            errors = trained_points[in_cell]
            row = {"method": method, "n_frames": size, "seeds": len(errors)}
            for key in METRICS:
                row |= {key: errors[key].mean(), f"{key}_spread": errors[key].std()}
            table.append(row)
    data = {**group_data(group), "table": table, "left_out": dict(results.left_out)}
    head = ["method", "frames", "seeds"]
    for info in METRICS.values():
        head += [f"{info.label}, {info.unit}", "±"]
    about = {
        "sweep": group.id,
        "data": group.base.dataset,
        "runs finished": f"{data['finished']} of {data['of']}",
        "time left": None if data["eta_s"] is None else duration_text(data["eta_s"]),
        "frames of the table": "validation",
    }
    left_out = "".join(f"\nleft out: {why}" for why in results.left_out.values())
    rows = [list(row.values()) for row in table]
    return Answer(data=data, text=f"{facts(about)}\n\n{columns(head, rows)}{left_out}")


add_group_commands(sweep, Sweep, _answer)
