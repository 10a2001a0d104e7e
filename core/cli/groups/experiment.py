"""`experiment run|list|show|cancel|resume|delete`: several methods and seeds, matched."""

from dataclasses import asdict
from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, rounded
from core.cli.groups.group import (
    add_group_commands,
    group_data,
    method_keys,
    trained,
    training_options,
)
from core.cli.options import Detach, ExperimentName, JsonFlag, Methods, OnProfile, Seeds
from core.runs.groups.experiment import Experiment
from core.runs.groups.sizes import whole_numbers
from core.runs.record.events import ENERGY
from core.runs.results.matched import (
    SPLITS,
    Split,
    compared,
    matched_table,
    metrics_of,
    seen_errors_of,
)
from core.runs.results.paired import Difference, difference_text, verdict_text, with_best
from core.runs.results.unseen import unseen_note, unseen_of
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
    on: OnProfile = None,
    detach: Detach = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train several methods and seeds, with the options of `train` for all of them."""
    options = training_options(context.args, but={"method", "seed"})
    base = RunConfig.from_options(options, where="experiment run")
    draft = Experiment.draft(
        base, methods=method_keys(methods, base), seeds=whole_numbers(seeds, "--seeds")
    )
    return trained(draft.model_copy(update={"on": on}).create(), _answer, detach=detach)


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
    seen = {part: matched_table(runs, part, seen_errors_of) for part in SPLITS}
    note = "" if split == "train" else unseen_note(runs, split)
    head = ["method", "runs"]
    shown = metrics_of(split)
    for info in shown.values():
        head += [f"{info.label}, {info.unit}", "±", "paper"]
    rows = [
        [
            row["method"],
            f"{row['n']} of {row['of']}",
            *(
                rounded(row[name])
                for key in shown
                for name in (key, f"{key}_spread", f"{key}_paper")
            ),
        ]
        for row in tables[split].to_dict("records")
    ]
    if note:
        head.append(f"{METRICS[ENERGY].label}, elements seen, {METRICS[ENERGY].unit}")
        for cells, mean in zip(rows, seen[split][ENERGY].tolist(), strict=True):
            cells.append(rounded(mean))
    about = facts(
        {"experiment": group.id, "data": group.base.dataset, "frames of the table": split}
    )
    cases = {"all": False, "elements seen": True} if note else {"all": False}
    found = {
        name: [each for key in shown for each in compared(runs, split, key, seen=only_seen)]
        for name, only_seen in cases.items()
    }
    texts = [
        about,
        columns(head, rows),
        note,
        "paper: on the paper's own data, for the order of the methods only.",
        *(_verdict(name, differences) for name, differences in found.items()),
    ]
    return Answer(
        data={
            **group_data(group),
            "tables": {part: table.to_dict("records") for part, table in tables.items()},
            "tables_elements_seen": {
                part: table.to_dict("records") for part, table in seen.items()
            },
            "unseen": {
                run.id: asdict(each)
                for run in runs
                if split != "train" and (each := unseen_of(run, split)) is not None
            },
            "split": split,
            "differences": [
                {"frames": name, **each.as_dict()}
                for name, differences in found.items()
                for each in differences
            ],
        },
        text="\n\n".join(text for text in texts if text),
    )


def _verdict(frames: str, found: list[Difference]) -> str:
    """Return whether the lead in energy is larger than chance."""
    energy = [each for each in found if each.metric == ENERGY]
    best, involved = with_best(energy)
    title = f"Energy MAE, {frames} frames: " if frames == "all" else f"Energy MAE, {frames}: "
    lines = [title + verdict_text(energy)]
    if involved:
        rows = [
            [
                each.worse if each.better == best else each.better,
                difference_text(each),
                each.n,
                each.verdict,
            ]
            for each in involved
        ]
        lines.append(
            columns([f"compared with {best}", "larger by [95 %], meV/atom", "seeds", ""], rows)
        )
    return "\n".join(lines)


add_group_commands(experiment, Experiment, _answer)
