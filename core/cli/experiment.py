"""`experiment run|list|show|cancel|resume|delete`: several methods and seeds, matched."""

import time
from typing import Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, columns, facts
from core.cli.options import Detach, ExperimentName, JsonFlag, Methods, Seeds
from core.cli.training_options import numbers, training_options
from core.runs.groups import experiment as matched
from core.runs.process.restart import revive_lost
from core.runs.record.listing import status_if_any
from core.runs.results.matched import SPLITS, Split, matched_table
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS

app = typer.Typer()
experiment = typer.Typer(help="Matched experiments: several methods and seeds on the same data.")
app.add_typer(experiment, name="experiment")


_POLL_SECONDS = 2.0
_OWN = {"method", "seed"}


@experiment.command(
    "run",
    cls=LabCommand,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run(
    context: typer.Context,
    *,
    methods: Methods = "all",
    seeds: Seeds = "0,1,2",
    detach: Detach = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train several methods and seeds, with the options of `train` for all of them."""
    chosen = list(METHODS) if methods == "all" else [one for one in methods.split(",") if one]
    base = RunConfig.from_options(training_options(context.args, but=_OWN), where="experiment run")
    made = matched.make_experiment(base, methods=chosen, seeds=numbers(seeds, "--seeds"))
    matched.launch(made)
    if not detach:
        _wait(made)
    return _answer(made)


@experiment.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the experiments, newest first."""
    rows = [
        {
            "experiment": one.id,
            "name": one.name,
            "dataset": one.base.dataset,
            "methods": len(one.methods),
            "seeds": len(one.seeds),
            **_counts(one),
        }
        for one in matched.list_experiments()
    ]
    head = ("experiment", "name", "dataset", "methods", "seeds", "finished", "of")
    text = columns(head, [[row[key] for key in head] for row in rows])
    return Answer(data={"experiments": rows}, text=text if rows else "No experiment yet.")


@experiment.command("show", cls=LabCommand)
def show(
    name: ExperimentName,
    *,
    split: Annotated[Split, typer.Option(help="Which frames the table is of.")] = "test",
    _json: JsonFlag = False,
) -> Answer:
    """Show an experiment's table: mean ± spread over seeds, the paper's numbers beside it."""
    return _answer(matched.find_experiment(name), split)


@experiment.command("cancel", cls=LabCommand)
def cancel(name: ExperimentName, *, _json: JsonFlag = False) -> Answer:
    """Stop all its runs; those that train write a checkpoint first."""
    one = matched.find_experiment(name)
    matched.cancel(one)
    return _answer(one)


@experiment.command("resume", cls=LabCommand)
def resume(name: ExperimentName, *, _json: JsonFlag = False) -> Answer:
    """Let all its runs go on that were stopped or failed."""
    one = matched.find_experiment(name)
    matched.resume(one)
    return _answer(one)


@experiment.command("delete", cls=LabCommand)
def delete(name: ExperimentName, *, _json: JsonFlag = False) -> Answer:
    """Delete an experiment with its runs."""
    matched.delete(matched.find_experiment(name))
    return Answer(data={"deleted": name}, text=f"Deleted {name}.")


def _wait(made: matched.Experiment) -> None:
    """Wait until no run of it waits or trains; Ctrl-C leaves the runs to themselves."""
    told = -1
    while True:
        counts = _counts(made)
        if counts["finished"] != told:
            told = counts["finished"]
            typer.echo(f"{made.id}: {told} of {counts['of']} runs finished", err=True)
        if not counts["active"]:
            return
        revive_lost()
        time.sleep(_POLL_SECONDS)


def _counts(one: matched.Experiment) -> dict[str, int]:
    found = [status for run in matched.runs_of(one) if (status := status_if_any(run))]
    return {
        "finished": sum(status.state == "finished" for status in found),
        "active": sum(status.is_active for status in found),
        "of": len(one.runs),
    }


def _answer(one: matched.Experiment, split: Split = "test") -> Answer:
    runs = matched.runs_of(one)
    tables = {part: matched_table(runs, part) for part in SPLITS}
    data: dict[str, Any] = {
        "experiment": one.id,
        "name": one.name,
        "command": one.command,
        "runs": one.runs,
        **_counts(one),
        "tables": {part: table.to_dict("records") for part, table in tables.items()},
    }
    head = ["method", "runs"]
    for info in METRICS.values():
        head += [f"{info.label}, {info.unit}", "±", "paper"]
    rows = [
        [
            row["method"],
            f"{row['n']} of {row['of']}",
            *(row[name] for key in METRICS for name in (key, f"{key}_spread", f"{key}_paper")),
        ]
        for row in tables[split].to_dict("records")
    ]
    told = facts({"experiment": one.id, "data": one.base.dataset, "frames of the table": split})
    note = "paper: on the paper's own data, for the order of the methods only."
    return Answer(data=data, text=f"{told}\n\n{columns(head, rows)}\n\n{note}")
