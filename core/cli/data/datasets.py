"""`datasets`."""

from typing import Any

import typer

from core.cli.answer import Answer, LabCommand, columns, deletion, facts
from core.cli.data.derive import COMMANDS
from core.cli.options import DatasetName, JsonFlag, Yes
from core.frames.registry import DatasetInfo, delete_dataset, find_dataset, list_datasets
from core.frames.schema import Card
from core.frames.store import open_frames

app = typer.Typer()
datasets = typer.Typer(help="The data sets of the lab.")
app.add_typer(datasets, name="datasets")
for _name, _function in COMMANDS.items():
    datasets.command(_name, cls=LabCommand)(_function)


_HEAD = ("name", "kind", "functional", "n", "embedded", "labels")


@datasets.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the data sets."""
    rows = [dataset_row(info) for info in list_datasets()]
    text = columns(_HEAD, [[row[key] for key in _HEAD] for row in rows])
    return Answer(
        data={"datasets": rows},
        text=text if rows else "No data sets yet; import one with `atomref import`.",
    )


@datasets.command("show", cls=LabCommand)
def show(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Show the contents and the source of a data set."""
    info = find_dataset(name)
    data = {**info.card.model_dump(mode="json"), "embedded": info.embedded}
    data["energies"] = [energy.model_dump() for energy in info.card.energies]
    if info.card.kind == "frames":
        split = open_frames(info.path).split()
        data["split"] = {
            part: len(getattr(split, part)) for part in ("train", "validation", "test")
        }
    lines = {key: _phrase(value) for key, value in data.items() if value not in ("", [], None)}
    return Answer(data=data, text=facts(lines))


@datasets.command("delete", cls=LabCommand)
def delete(name: DatasetName, *, yes: Yes = False, _json: JsonFlag = False) -> Answer:
    """Delete an imported data set, after asking."""
    card = find_dataset(name).card
    what = f"data set {name} with {card.n:,} {card.kind}"
    return deletion(name, what, lambda: delete_dataset(name), yes=yes)


def dataset_row(info: DatasetInfo) -> dict[str, Any]:
    """Return what lists say of a data set."""
    card: Card = info.card
    return {
        "name": card.name,
        "kind": card.kind,
        "functional": card.functional,
        "n": card.n,
        "embedded": info.embedded,
        "labels": "model" if card.is_model_labelled else "dft",
    }


def _phrase(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(
            f"{energy['column']} ({energy['functional']}, corrections: {energy['corrections']})"
            for energy in value
        )
    return value
