"""`datasets list|show|delete` and `import`."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, key_values, progress_on_stderr
from core.cli.options import DatasetName, JsonFlag
from core.errors import LabError
from core.frames.registry import DatasetInfo, delete_dataset, find_dataset, list_datasets
from core.frames.schema import DFT, Card, Corrections
from core.frames.sources.table import guess, import_frames, import_pairs
from core.frames.store import open_frames

app = typer.Typer()
datasets = typer.Typer(help="The data sets of the lab.")
app.add_typer(datasets, name="datasets")


_HEAD = ("name", "kind", "functional", "n", "embedded", "labels")


@datasets.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the data sets."""
    rows = [_row(info) for info in list_datasets()]
    text = columns(_HEAD, [[row[key] for key in _HEAD] for row in rows])
    return Answer(
        data={"datasets": rows},
        text=text if rows else "No data set yet: import one with `atomref import`.",
    )


@datasets.command("show", cls=LabCommand)
def show(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Show what a data set is and where it comes from."""
    info = find_dataset(name)
    data = {**info.card.model_dump(mode="json"), "embedded": info.embedded}
    data["energies"] = [energy.model_dump() for energy in info.card.energies]
    if info.card.kind == "frames":
        split = open_frames(info.path).split()
        data["split"] = {
            part: len(getattr(split, part)) for part in ("train", "validation", "test")
        }
    told = {key: _phrase(value) for key, value in data.items() if value not in ("", [], None)}
    return Answer(data=data, text=facts(told))


@datasets.command("delete", cls=LabCommand)
def delete(name: DatasetName, *, _json: JsonFlag = False) -> Answer:
    """Delete an imported data set."""
    delete_dataset(name)
    return Answer(data={"deleted": name}, text=f"Deleted {name}.")


@app.command("import", cls=LabCommand)
def import_(
    path: Annotated[Path, typer.Argument(help="CSV (also gzipped) or Parquet.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    format_: Annotated[
        Literal["pairs", "frames"] | None,
        typer.Option(
            "--format",
            help="A table of pairs of energies, or of structures with labels. Default: frames "
            "where one functional or an energy column is named, else as the table looks.",
        ),
    ] = None,
    functional: Annotated[
        list[str] | None,
        typer.Option(help="Frames: their functional. Pairs: COLUMN=FUNCTIONAL, once a column."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN where the guess errs; FIELD= leaves it out."),
    ] = None,
    corrections: Annotated[
        list[str] | None,
        typer.Option(
            help="MP2020, none or unknown, where the column's name does not tell. Pairs: "
            "COLUMN=CORRECTIONS, once a column.",
        ),
    ] = None,
    labels: Annotated[str, typer.Option(help='"dft", or the model that made the labels.')] = DFT,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "",
    title: Annotated[str, typer.Option(help="One line for people.")] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Import a table of paired energies, or of frames: a structure and its labels a row."""
    fields = key_values(mapping or [], option="--map")
    told = functional or []
    if (format_ or _asked_for(fields, told) or _guessed(path)) == "pairs":
        card = import_pairs(
            path,
            name=name,
            mapping=fields,
            functionals=key_values(told, option="--functional"),
            corrections={
                column: _corrections(value)
                for column, value in key_values(corrections or [], option="--corrections").items()
            },
            labels=labels,
            licence=licence,
            title=title,
            progress=progress_on_stderr(),
        )
    else:
        if len(told) != 1:
            raise LabError(
                f"{path}: the functional of the frames is not known; give it once, as in "
                "--functional r2SCAN."
            )
        card = import_frames(
            path,
            name=name,
            functional=told[0],
            corrections=_corrections(corrections[-1]) if corrections else None,
            mapping=fields,
            labels=labels,
            licence=licence,
            title=title,
            progress=progress_on_stderr(),
        )
    row = _row(DatasetInfo(card=card, path=path, embedded=False))
    return Answer(
        data={**row, "n_materials": card.n_materials, "description": card.description},
        text=f"Imported {card.n:,} {card.kind} of {card.n_materials:,} materials as {card.name}. "
        f"{card.description}".rstrip(),
    )


def _asked_for(fields: dict[str, str], functionals: list[str]) -> str | None:
    """Tell from the other options what kind of data set the user means; None if they do not say."""
    if "energy" in fields or any("=" not in one for one in functionals):
        return "frames"
    return "pairs" if "source" in fields or "target" in fields or functionals else None


def _corrections(text: str) -> Corrections:
    for known in get_args(Corrections):
        if text.lower() == known.lower():
            return known
    raise LabError(
        f"--corrections {text}: is none of {', '.join(get_args(Corrections))}; give one."
    )


def _guessed(path: Path) -> str:
    found = guess(path)
    if not found.energies:
        raise LabError(
            f"{path.name} has no column that looks like total energies (eV/atom); name it with "
            "--map energy=COLUMN, or two with --map source=COLUMN --map target=COLUMN, its columns "
            f"are: {', '.join(found.columns)}."
        )
    return found.kind


def _row(info: DatasetInfo) -> dict[str, Any]:
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
            f"{one['column']} ({one['functional']}, corrections: {one['corrections']})"
            for one in value
        )
    return value
