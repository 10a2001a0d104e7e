"""`experiment run|list|show|cancel|resume|delete`: several methods and seeds, matched."""

from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, facts
from core.cli.group import add_group_commands, group_data, method_keys, trained, training_options
from core.cli.options import Detach, ExperimentName, JsonFlag, Methods, Seeds
from core.runs.groups.experiment import Experiment
from core.runs.groups.sizes import whole_numbers
from core.runs.results.matched import SPLITS, Split, matched_table
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

app = typer.Typer()
experiment = typer.Typer(help="Matched experiments: several methods and seeds on the same data.")
app.add_typer(experiment, name="experiment")


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
    options = training_options(context.args, but={"method", "seed"})
    base = RunConfig.from_options(options, where="experiment run")
    draft = Experiment.draft(
        base, methods=method_keys(methods), seeds=whole_numbers(seeds, "--seeds")
    )
    return trained(draft.create(), _answer, detach=detach)


@experiment.command("show", cls=LabCommand)
def show(
    name: ExperimentName,
    *,
    split: Annotated[Split, typer.Option(help="Frames the table is about.")] = "test",
    _json: JsonFlag = False,
) -> Answer:
    """Show an experiment's table: mean ± spread over seeds, beside the paper's numbers."""
    return _answer(Experiment.load(name), split)


def _answer(group: Experiment, split: Split = "test") -> Answer:
    runs = group.existing_runs()
    tables = {part: matched_table(runs, part) for part in SPLITS}
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
    about = facts(
        {"experiment": group.id, "data": group.base.dataset, "frames of the table": split}
    )
    note = "paper: on the paper's own data, for the order of the methods only."
    return Answer(
        data={
            **group_data(group),
            "tables": {part: table.to_dict("records") for part, table in tables.items()},
        },
        text=f"{about}\n\n{columns(head, rows)}\n\n{note}",
    )


add_group_commands(experiment, Experiment, _answer)
