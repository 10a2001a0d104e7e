"""Answers of commands: one JSON object or a short table on stdout, whatever libraries print."""

import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer
from typer.core import TyperCommand

from core.errors import LabError
from core.progress import Progress

if TYPE_CHECKING:
    from core.report.document import Section

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_REPORT_SECONDS = 2.0
_LARGEST = 1e6


@dataclass(kw_only=True, frozen=True)
class Answer:
    """Result of a command.

    Attributes:
        data: printed with `--json`; NaN becomes null.
        text: printed otherwise.
        code: exit status.
        section: makes the same a section of a report; None where there is no such section.
    """

    data: Mapping[str, Any]
    text: str
    code: int = 0
    section: "Callable[[], Section] | None" = None


class LabCommand(TyperCommand):
    """A command whose function returns an `Answer`; anything else that it prints is discarded."""

    def invoke(self, ctx: Any) -> None:
        """Run the command and print its answer."""
        with (
            Path(os.devnull).open("w") as devnull,
            redirect_stdout(devnull),
            warnings.catch_warnings(),
        ):
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            answer: Answer = super().invoke(ctx)
        if ctx.params["_json"]:
            typer.echo(orjson.dumps(dict(answer.data), default=str, option=_JSON))
        elif answer.text:
            typer.echo(answer.text)
        if answer.code:
            raise typer.Exit(answer.code)


def columns(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a plain table: text left-aligned, numbers right-aligned, "-" for missing values.

    Args:
        head: column titles.
        rows: one sequence per row.
    """
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [
        any(isinstance(row[i], int | float) for row in rows)
        and not any(isinstance(row[i], str | bool) for row in rows)
        for i in range(len(head))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )


def facts(values: Mapping[str, Any]) -> str:
    """Return one line per value: its name, then the value."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name.ljust(width)}  {_cell(value)}" for name, value in values.items())


def progress_on_stderr() -> Progress:
    """Return a callback that reports on stderr, every few seconds, what share is done."""
    last = time.monotonic()

    def report(share: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_SECONDS and share < 1:
            last = time.monotonic()
            typer.echo(f"{share:.0%} {what}", err=True)

    return report


def deletion(name: str, what: str, delete: Callable[[], None], *, yes: bool) -> Answer:
    """Delete something, after asking on the terminal.

    Args:
        name: its name.
        what: what is deleted, for the question.
        delete: deletes it.
        yes: do not ask.

    Raises:
        LabError: if there is no terminal to ask on, or it cannot be deleted.
    """
    if not yes:
        if not has_terminal():
            raise LabError(f"{name}: there is no terminal to confirm the deletion; add --yes.")
        if not typer.confirm(f"Delete {what}?", err=True):
            return Answer(data={"deleted": None}, text="Nothing was deleted.", code=1)
    delete()
    return Answer(data={"deleted": name}, text=f"Deleted {name}.")


def key_values(words: Sequence[str], *, option: str) -> dict[str, str]:
    """Split words of the form NAME=VALUE.

    Args:
        words: values of an option.
        option: name of the option, for the message.

    Raises:
        typer.BadParameter: if a word has no "=".
    """
    for word in words:
        if "=" not in word:
            raise typer.BadParameter(f"{word!r} is not of the form NAME=VALUE", param_hint=option)
    return dict(word.split("=", 1) for word in words)


def has_terminal() -> bool:
    """Return whether there is somebody to ask."""
    return sys.stdin.isatty()


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def rounded(value: Any) -> Any:
    """Round a number to four digits; extrapolations beyond a million become "> 1,000,000"."""
    if not isinstance(value, float):
        return value
    if _LARGEST < abs(value) < float("inf"):
        return f"> {_LARGEST:,.0f}" if value > 0 else f"< -{_LARGEST:,.0f}"
    return 0.0 if abs(value) < 1 / _LARGEST else float(f"{value:.4g}")
