"""`formation`: formation energies in every functional, and their errors against experiment."""

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import JsonFlag, References
from core.cli.selection import data_name, describe_origin
from core.errors import LabError
from core.frames.pairs import PairSet
from core.reference.formation.table import ALL, FormationColumn, FormationTable
from core.studies.corrections import CorrectionsStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.selection import open_data

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()


@app.command("formation", cls=LabCommand)
def formation(
    data: Annotated[str, typer.Argument(help="A data set of pairs or of frames, or a table.")],
    *,
    references: References = "mp",
    experiment: Annotated[
        str | None,
        typer.Option(
            help="Column of measured formation energies (eV/atom). Default: recognised by its name."
        ),
    ] = None,
    across: Annotated[
        str | None,
        typer.Option(
            metavar="ENERGIES",
            help="Compare these formation energies, a column computed or measured, with --up.",
        ),
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(metavar="ENERGIES", help="The others. Default: the last functional's."),
    ] = None,
    uncorrected: Annotated[
        bool,
        typer.Option(
            "--uncorrected",
            help="Add uncorrected copies of corrected energies, rebuilt by pymatgen's scheme.",
        ),
    ] = False,
    _json: JsonFlag = False,
) -> Answer:
    """Compute formation energies in every functional, and their errors against experiment."""
    opened = open_data(name := data_name(data))
    if not isinstance(opened, PairSet) and (experiment is not None or uncorrected):
        raise LabError(f"{data}: holds frames; --experiment and --uncorrected need pairs.")
    table = FormationTable.of(opened, references)
    if uncorrected:
        if not table.corrected:
            raise LabError(
                f"{data}: no energies carry MP2020 corrections; leave out --uncorrected."
            )
        rebuilt = compute_here(Job.of(CorrectionsStudy(dataset=name)), progress_on_stderr())
        table = table.with_uncorrected(rebuilt.corrections)
    measured = experiment or next(iter(table.measured), None)
    compared = _compared(table, across, up)
    report = {
        "n": len(opened),
        "columns": [_column(column) for column in table.columns],
        "without_references": table.without_references,
        "experiment": measured,
        "errors": None if measured is None else table.errors(measured).to_dict("records"),
        "comparison": None if compared is None else _comparison(table, *compared),
    }

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.formation import formation_section  # noqa: PLC0415

        return formation_section(table, name, measured, compared)

    return Answer(data=report, text=_text(report), section=section)


def _compared(table: FormationTable, across: str | None, up: str | None) -> tuple[str, str] | None:
    """Return which formation energies are compared; None where none are asked for."""
    if across is None and up is None:
        return None
    names = list(table.measured | table.energies)
    for name in (across, up):
        if name is not None and name not in names:
            raise LabError(
                f"{table.data.card.name} has no formation energies {name!r}; it has: "
                f"{', '.join(names) or 'none'}."
            )
    x = across or next((name for name in names if name != up), "")
    if len(names) < 2 or x == up:
        raise LabError(f"{x}: there are no other formation energies to compare these with.")
    return x, up or table.partner_of(x)


def _comparison(table: FormationTable, x: str, y: str) -> dict[str, Any]:
    difference = table.comparison(x, y)["difference"]
    return {
        "across": x,
        "up": y,
        "n": len(difference),
        "mean_difference": difference.mean(),
        "mean_absolute_difference": difference.abs().mean(),
    }


def _column(column: FormationColumn) -> dict[str, Any]:
    energies = column.energies[np.isfinite(column.energies)]
    return {
        "column": column.name,
        "functional": column.column.functional,
        "labels": column.column.labels,
        "corrections": column.column.corrections,
        "references": column.references.origin,
        "missing": column.missing,
        "n": len(energies),
        "left_out": column.n_left_out,
        "mean": float(energies.mean()) if len(energies) else None,
    }


def _origin(column: dict[str, Any]) -> str:
    return describe_origin(column["functional"], column["labels"], column["corrections"])


def _text(report: dict[str, Any]) -> str:
    origins = {
        column[
            "column"
        ]: f"{_origin(column)}; {column['n']:,} of {report['n']:,} rows; references: "
        f"{column['references']}; missing: {', '.join(column['missing']) or 'none'}"
        for column in report["columns"]
    }
    head = facts(origins | report["without_references"])
    if (compared := report["comparison"]) is not None:
        words = {
            "across": compared["across"],
            "up": compared["up"],
            "materials with both": compared["n"],
            "mean difference (up − across), eV/atom": compared["mean_difference"],
            "mean absolute difference, eV/atom": compared["mean_absolute_difference"],
        }
        head += "\n\n" + facts(words)
    measured = report["experiment"]
    if measured is None:
        return head + "\n\nNo column of measured formation energies; name one with --experiment."
    # The errors over all chemistries come first.
    errors = sorted(report["errors"], key=lambda row: row["chemistry"] != ALL)
    titles = (f"against {measured}, eV/atom", "chemistry", "MAE", "ME", "materials")
    rows = [[row["energy"], row["chemistry"], row["mae"], row["me"], row["n"]] for row in errors]
    return head + "\n\n" + columns(titles, rows)
