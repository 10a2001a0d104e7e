"""`report`: runs, experiments, sweeps and analyses as one self-contained page, or an archive."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

from core.cli import app as lab
from core.cli.answer import Answer, LabCommand, progress_on_stderr
from core.cli.options import JsonFlag
from core.errors import LabError
from core.home import PROGRAM
from core.progress import Progress
from core.report.archive import check_new, write_report
from core.report.build import report_on
from core.report.document import Report, Section

ANALYSES: Final = (
    "datasets describe",
    "shift",
    "atomref",
    "offset",
    "importance",
    "formation",
    "scaling",
    "plan",
    "next",
    "stability",
    "evaluate",
    "predict",
    "relax",
    "eos",
)
"""Commands whose answers are sections of a report, those of a group with its name."""

app = typer.Typer()


@app.command("report", cls=LabCommand)
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|EXPERIMENT|SWEEP|'COMMAND …'…",
            help=f"Ids, and analyses: the commands {', '.join(ANALYSES)} with their options, each "
            "in quotes, as pages show them; without any, the list of all runs.",
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
    """Write runs, experiments, sweeps and analyses to one self-contained page, or an archive.

    It opens offline: figures, tables, all settings, a methods text, citations as BibTeX.
    """
    check_new(out)
    made = report_of(names or [], progress=progress_on_stderr())
    write_report(made, out)
    ids = [section.id for section in made.sections]
    n_figures = sum(len(section.figures) for section in made.sections)
    return Answer(
        data={"file": str(out), "sections": ids, "figures": n_figures},
        text=f"Wrote {out}: {', '.join(ids)}, {n_figures} figures.",
    )


def report_of(names: Sequence[str], *, progress: Progress | None = None) -> Report:
    """Return a report on runs, experiments and sweeps by their ids, and on analyses.

    Args:
        names: ids, and lines of the commands in ANALYSES; none stand for the list of all runs.
        progress: as of `report_on`.

    Raises:
        LabError: if there is no such run, experiment or sweep, or a command reports an error.
    """
    names = list(dict.fromkeys(names))

    def analysed(name: str) -> Section | None:
        words = words_of(name)
        if words is None:
            return None
        number = 1 + [each for each in names if is_analysis(each)].index(name)
        command, arguments = words
        return _section(command, arguments).placed(
            f"{command.replace(' ', '-')}-{number}", f"{PROGRAM} {command} {shlex.join(arguments)}"
        )

    return report_on(names, analysed=analysed, progress=progress)


def is_analysis(line: str) -> bool:
    """Return whether a line is a command whose answer is a section of a report."""
    return words_of(line) is not None


def words_of(line: str) -> tuple[str, list[str]] | None:
    """Return the command of ANALYSES in a line and its arguments; None for other lines."""
    try:
        words = shlex.split(line)
    except ValueError:  # an open quotation mark
        return None
    # One of the commands has the name of the program.
    group: Any = get_command(lab)
    if words[:1] == [PROGRAM] and {*words[1:2]} & {*group.list_commands(None)}:
        words = words[1:]
    for command in ANALYSES:
        if words[: (n := len(command.split()))] == command.split():
            return command, words[n:]
    return None


def _section(name: str, arguments: list[str]) -> Section:
    command: Any = get_command(lab)
    for word in name.split():
        command = command.get_command(None, word)
    with command.make_context(name, [*arguments]) as context:
        # A report writes no other file.
        files = {"out", "trajectories"} & context.params.keys()
        given = context.params | dict.fromkeys(files)
        answer: Answer = context.invoke(command.callback, **given)
    if answer.section is None:
        raise LabError(f"{name} {shlex.join(arguments)}: is no section of a report.")
    return answer.section()
