"""`import`."""

import re
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from core.cli.answer import Answer, LabCommand, key_values, progress_on_stderr
from core.cli.data.datasets import dataset_row
from core.cli.options import JsonFlag
from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.schema import DFT, Card, Corrections
from core.frames.sources.importing import import_dataset, open_input, plan_import
from core.frames.sources.opening import FORMS, files_named
from core.frames.sources.records import Reading, Steps
from core.frames.tables.guessing import Kind
from core.frames.tables.labels import StressOrder

app = typer.Typer()

_KINDS: tuple[Kind, ...] = get_args(Kind)


@app.command("import", cls=LabCommand)
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="A file or a folder; several files of one form become one data set.",
        ),
    ],
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    pattern: Annotated[
        str | None,
        typer.Option(
            "--glob", help="Files below the folder PATH that match, as in --glob '**/*.json.gz'."
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"The form of the file ({', '.join(FORMS)}), recognised by its content; or what a "
            "table becomes: pairs (paired energies), frames (structures with labels) or energies "
            "(formulas with the energies of one functional), guessed from its columns.",
        ),
    ] = None,
    functional: Annotated[
        list[str] | None,
        typer.Option(
            help="Frames, energies: their functional; those that name another one are left out. "
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
    steps: Annotated[
        Steps,
        typer.Option(help="Which ionic steps of each calculation become frames."),
    ] = "all",
    with_unconverged: Annotated[
        bool,
        typer.Option(
            "--with-unconverged",
            help="Take steps whose electronic loop did not converge as well.",
        ),
    ] = False,
    elements: Annotated[
        str,
        typer.Option(
            help="The elements in the order of the types, where a file has numbers of types: Li,O."
        ),
    ] = "",
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
    """Import frames with labels from a file or folder of a known form, or a table of energies."""
    fields = key_values(mapping or [], option="--map")
    files = _files(paths, pattern)
    reading = Reading(
        form=None if format_ in _KINDS else format_,
        steps=steps,
        with_unconverged=with_unconverged,
        elements=tuple(re.findall(r"\w+", elements)),
    )
    found = open_input(files, reading)
    choices: dict[str, Any] = {
        "reading": reading,
        "mapping": fields,
        "units": key_values(units or [], option="--unit"),
    }
    functionals = functional or []
    if not all(text.strip() for text in functionals):
        raise LabError("--functional is empty; name the labels' functional, such as r2SCAN.")
    kind = next((one for one in _KINDS if one == format_), None) or found.implied_kind(
        fields,
        names_one=any("=" not in text for text in functionals),
        names_columns=bool(functionals),
    )
    settings: dict[str, Any] = {}
    if kind == "pairs":
        settings = {
            "functionals": key_values(functionals, option="--functional"),
            "corrections": {
                column: _corrections(value)
                for column, value in key_values(corrections or [], option="--corrections").items()
            },
        }
    else:
        choices["functional"] = (
            functionals[0] if len(functionals) == 1 else found.functional(fields, kind)
        )
        settings["corrections"] = _corrections(corrections[-1]) if corrections else None
        if kind == "frames":
            settings["stress_order"] = stress_order
    plan = plan_import(files, kind, **choices)
    progress = progress_on_stderr()
    card = import_dataset(
        files,
        kind,
        **choices,
        **settings,
        name=name,
        labels=labels,
        licence=licence,
        title=title,
        progress=progress,
    )
    findings = []
    units_read = {field: unit.unit.name for field, unit in plan.units.items()}
    if kind == "frames":
        # Only frames wait for torch.
        from core.checks.doctor import imported_findings  # noqa: PLC0415

        findings = imported_findings(card, units_read, progress=progress)
    else:
        from core.checks.composition import table_findings  # noqa: PLC0415

        findings = table_findings(card.name)
    told = "".join(f"\n\n{finding.text}" for finding in findings)
    return Answer(
        data={
            **dataset_row(DatasetInfo(card=card, path=files[0], embedded=False)),
            "n_materials": card.n_materials,
            "description": card.description,
            **_report(card),
            "mapping": plan.mapping,
            "units": units_read,
            "assumed_units": [field for field, unit in plan.units.items() if unit.is_assumed],
            "left_out": plan.left_out,
            "ignored": plan.ignored,
            "findings": [finding.as_dict() for finding in findings],
        },
        text=f"Imported {card.n:,} {kind} of {card.n_materials:,} materials as {card.name}. "
        f"{card.description}".rstrip()
        + told,
    )


def _files(paths: list[Path], pattern: str | None) -> list[Path]:
    """Return the files that are named, or that match a pattern below a folder."""
    if pattern is None:
        return paths
    return [file for path in paths for file in files_named(str(path / pattern))]


def _corrections(text: str) -> Corrections:
    values: tuple[Corrections, ...] = get_args(Corrections)
    for value in values:
        if text.lower() == value.lower():
            return value
    raise LabError(f"--corrections {text}: choose one of {', '.join(values)}.")


def _report(card: Card) -> dict[str, Any]:
    """Return what was left out, as far as the import recorded it."""
    if card.report is None:
        return {"n_refused": 0, "refused": []}
    report = card.report.model_dump()
    return {name: report[name] for name in ("n_read", "n_refused", "reasons", "refused")} | {
        "n_duplicates": report["n_duplicates"],
        "missing": report["missing"],
    }
