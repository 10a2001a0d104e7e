"""How a command answers: one JSON object or a short table on stdout, whatever libraries print."""

import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import typer
from typer.core import TyperCommand

from core.progress import Progress

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_REPORT_SECONDS = 2.0


@dataclass(kw_only=True, frozen=True)
class Answer:
    """What a command returns.

    Attributes:
        data: what `--json` prints; not-a-number becomes null.
        text: what is printed otherwise.
        code: exit status.
    """

    data: Mapping[str, Any]
    text: str
    code: int = 0


_SENSE = 1e6


class LabCommand(TyperCommand):
    """A command whose function returns an `Answer`; all else that it prints is dropped."""

    def invoke(self, ctx: Any) -> None:
        """Run the command and print its answer."""
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stdout(nowhere),
            warnings.catch_warnings(),
        ):
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            answer: Answer = super().invoke(ctx)
        if ctx.params["_json"]:
            typer.echo(orjson.dumps(dict(answer.data), default=str, option=_JSON))
        else:
            typer.echo(answer.text)
        if answer.code:
            raise typer.Exit(answer.code)


def columns(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a plain table: text to the left, numbers to the right, "-" for what is missing.

    Args:
        head: column titles.
        rows: one sequence a row.
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


def facts(pairs: Mapping[str, Any]) -> str:
    """Return one line a fact: its name, then its value."""
    width = max(map(len, pairs), default=0)
    return "\n".join(f"{name.ljust(width)}  {_cell(value)}" for name, value in pairs.items())


def progress_on_stderr() -> Progress:
    """Return a callback that reports progress on stderr, every few seconds."""
    last = time.monotonic()

    def report(done: float, what: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _REPORT_SECONDS and done < 1:
            last = time.monotonic()
            typer.echo(f"{done:.0%} {what}", err=True)

    return report


def key_values(given: Sequence[str], *, option: str) -> dict[str, str]:
    """Split words of the form key=value.

    Args:
        given: the words.
        option: the option they were given to, for the message.

    Raises:
        typer.BadParameter: for a word without "=".
    """
    for word in given:
        if "=" not in word:
            raise typer.BadParameter(f"{word!r} is not of the form NAME=VALUE", param_hint=option)
    return dict(word.split("=", 1) for word in given)


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def sensible(value: Any) -> Any:
    """Round a number to four digits; one beyond all sense is told as just that."""
    if not isinstance(value, float):
        return value
    if _SENSE < abs(value) < float("inf"):
        return f"{'>' if value > 0 else '<'} {'' if value > 0 else '-'}{_SENSE:,.0f}"
    return 0.0 if abs(value) < 1 / _SENSE else float(f"{value:.4g}")
