"""`report`: runs, experiments and sweeps as one self-contained page, or an archive."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, progress_on_stderr
from core.cli.options import JsonFlag
from core.report.archive import check_new, write_report
from core.report.build import report_on

app = typer.Typer()


@app.command("report", cls=LabCommand)
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|EXPERIMENT|SWEEP…", help="Ids; without any, the list of all runs."
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write: .html, or .zip with figures as SVG and CSV, and models, too."
        ),
    ],
    _json: JsonFlag = False,
) -> Answer:
    """Write runs, experiments and sweeps to one self-contained page, or an archive.

    It opens offline: figures, tables, all settings, a methods text, citations as BibTeX.
    """
    check_new(out)
    made = report_on(names or [], progress=progress_on_stderr())
    write_report(made, out)
    ids = [section.id for section in made.sections]
    n_figures = sum(len(section.figures) for section in made.sections)
    return Answer(
        data={"file": str(out), "sections": ids, "figures": n_figures},
        text=f"Wrote {out}: {', '.join(ids)}, {n_figures} figures.",
    )
