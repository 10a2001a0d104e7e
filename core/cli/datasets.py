"""`datasets` and `import`."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from core.cli.answer import (
    Answer,
    LabCommand,
    columns,
    deletion,
    facts,
    key_values,
    progress_on_stderr,
)
from core.cli.derive import COMMANDS
from core.cli.options import DatasetName, JsonFlag, Yes
from core.errors import LabError
from core.frames.registry import DatasetInfo, delete_dataset, find_dataset, list_datasets
from core.frames.schema import DFT, Card, Corrections
from core.frames.sources.importing import import_dataset, plan_import
from core.frames.store import open_frames
from core.frames.tables.guessing import Kind, TableGuess, guess
from core.frames.tables.labels import StressOrder
from core.frames.tables.mapping import functional_in_rows
from core.frames.tables.opening import open_table
from core.frames.tables.tabular import TableFile

app = typer.Typer()
datasets = typer.Typer(help="The data sets of the lab.")
app.add_typer(datasets, name="datasets")
for _name, _function in COMMANDS.items():
    datasets.command(_name, cls=LabCommand)(_function)


_HEAD = ("name", "kind", "functional", "n", "embedded", "labels")


@datasets.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the data sets."""
    rows = [_row(info) for info in list_datasets()]
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


@app.command("import", cls=LabCommand)
def import_(
    path: Annotated[Path, typer.Argument(help="CSV (also gzipped) or Parquet.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    format_: Annotated[
        Kind | None,
        typer.Option(
            "--format",
            help="Paired energies, structures with labels, or formulas with the energies of one "
            "functional. Default: guessed from the table and the other options.",
        ),
    ] = None,
    functional: Annotated[
        list[str] | None,
        typer.Option(
            help="Frames, energies: their functional; rows that name another one are left out. "
            "Pairs: COLUMN=FUNCTIONAL, once per column."
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="FIELD=COLUMN where the guess is wrong; FIELD= leaves the field out."
        ),
    ] = None,
    units: Annotated[
        list[str] | None,
        typer.Option(
            "--unit",
            metavar="FIELD=UNIT",
            help="Where the column's name does not say it: energy=eV/cell, forces=Ha/bohr, "
            'stress=kBar, stress="eV virial"; a leading - reverses the sign (gradients: '
            "forces=-eV/Å). May be repeated.",
        ),
    ] = None,
    stress_order: Annotated[
        StressOrder | None,
        typer.Option(
            help="Order of six numbers of stress: vasp (xx yy zz xy yz zx) or ase (xx yy zz yz xz "
            "xy)."
        ),
    ] = None,
    corrections: Annotated[
        list[str] | None,
        typer.Option(
            help="MP2020, none or unknown, where the column's name does not say it. Pairs: "
            "COLUMN=CORRECTIONS, once per column.",
        ),
    ] = None,
    labels: Annotated[str, typer.Option(help='"dft", or the model that made the labels.')] = DFT,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "",
    title: Annotated[str, typer.Option(help="Title in lists of data sets.")] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Import a table of paired energies, of frames, or of one functional's energies."""
    columns_of: dict[str, Any] = {
        "mapping": key_values(mapping or [], option="--map"),
        "units": key_values(units or [], option="--unit"),
    }
    functionals = functional or []
    common: dict[str, Any] = {
        **columns_of,
        "name": name,
        "labels": labels,
        "licence": licence,
        "title": title,
        "progress": progress_on_stderr(),
    }
    table = open_table(path)
    guessed = guess(table)
    kind = format_ or _kind(guessed, columns_of["mapping"], functionals, path)
    if kind == "pairs":
        settings: dict[str, Any] = {
            "functionals": key_values(functionals, option="--functional"),
            "corrections": {
                column: _corrections(value)
                for column, value in key_values(corrections or [], option="--corrections").items()
            },
        }
        plan = plan_import(path, kind, **columns_of)
    else:
        one = _functional(table, guessed, columns_of["mapping"], functionals, kind)
        settings = {
            "functional": one,
            "corrections": _corrections(corrections[-1]) if corrections else None,
        }
        if kind == "frames":
            settings["stress_order"] = stress_order
        plan = plan_import(path, kind, functional=one, **columns_of)
    card = import_dataset(path, kind, **settings, **common)
    row = _row(DatasetInfo(card=card, path=path, embedded=False))
    findings = []
    if kind == "frames":
        # Only frames wait for torch.
        from core.transfer.label_check import imported_findings  # noqa: PLC0415

        findings = imported_findings(card, progress=common["progress"])
    told = "".join(f"\n\n{finding.text}" for finding in findings)
    return Answer(
        data={
            **row,
            "n_materials": card.n_materials,
            "description": card.description,
            "mapping": plan.mapping,
            "units": {field: unit.unit.name for field, unit in plan.units.items()},
            "assumed_units": [field for field, unit in plan.units.items() if unit.is_assumed],
            "left_out": plan.left_out,
            "ignored": plan.ignored,
            "findings": [finding.as_dict() for finding in findings],
        },
        text=f"Imported {card.n:,} {kind} of {card.n_materials:,} materials as {card.name}. "
        f"{card.description}".rstrip()
        + told,
    )


def _kind(guessed: TableGuess, fields: dict[str, str], functionals: list[str], path: Path) -> Kind:
    """Return the kind of data set that the options and the table imply."""
    if "energy" in fields or any("=" not in text for text in functionals):
        columns = {**guessed.fields, **fields}
        return "energies" if columns.get("formula") and not columns.get("structure") else "frames"
    if "source" in fields or "target" in fields or functionals:
        return "pairs"
    if not guessed.energies:
        raise LabError(
            f"{path.name} has no column that looks like total energies (eV/atom); name it with "
            "--map energy=COLUMN, or two with --map source=COLUMN --map target=COLUMN. Its columns "
            f"are: {', '.join(guessed.columns)}."
        )
    return guessed.kind


def _functional(
    table: TableFile,
    guessed: TableGuess,
    fields: dict[str, str],
    functionals: list[str],
    kind: Kind,
) -> str:
    """Return the functional of frames or energies: the one given, or the one that all rows name."""
    if len(functionals) == 1:
        return functionals[0]
    column = fields.get("functional", guessed.fields.get("functional"))
    if column and not functionals:
        return functional_in_rows(table, column)
    raise LabError(
        f"{table.path}: the functional of the {kind} is not known; give it once, as in "
        "--functional r2SCAN."
    )


def _corrections(text: str) -> Corrections:
    values: tuple[Corrections, ...] = get_args(Corrections)
    for value in values:
        if text.lower() == value.lower():
            return value
    raise LabError(f"--corrections {text}: choose one of {', '.join(values)}.")


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
            f"{energy['column']} ({energy['functional']}, corrections: {energy['corrections']})"
            for energy in value
        )
    return value
