"""What the commands `experiment` and `sweep` have in common."""

import time
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

import typer

from core.cli.answer import Answer, LabCommand, columns, deletion
from core.cli.options import Detach, JsonFlag, Yes
from core.progress import duration_text
from core.runs.groups.group import Group
from core.runs.process.restart import restart_lost
from core.training.settings.config import RunConfig
from core.training.settings.flags import FLAGS
from core.training.settings.methods import ALONE, METHODS

GroupType = TypeVar("GroupType", bound=Group)

_POLL_SECONDS = 2.0
_REPORT_SECONDS = 60.0


def add_group_commands(
    app: typer.Typer, kind: type[GroupType], answer: Callable[[GroupType], Answer]
) -> None:
    """Add `list`, `cancel`, `resume` and `delete` to the commands of a kind of group.

    Args:
        app: the commands of this kind.
        kind: `Experiment` or `Sweep`.
        answer: returns the answer about one group.
    """
    name_argument = typer.Argument(metavar=kind.kind.upper(), help="Its id.")

    @app.command("list", cls=LabCommand, help=f"List the {kind.kind}s, newest first.")
    def list_(*, _json: JsonFlag = False) -> Answer:
        rows = [_row(group) for group in kind.load_all()]
        head = [key for key in (rows[0] if rows else []) if key != "active"]
        text = columns(head, [[row[key] for key in head] for row in rows])
        return Answer(data={f"{kind.kind}s": rows}, text=text if rows else f"No {kind.kind} yet.")

    @app.command("cancel", cls=LabCommand)
    def cancel(name: Annotated[str, name_argument], *, _json: JsonFlag = False) -> Answer:
        """Stop all its runs; those that train write a checkpoint first."""
        group = kind.load(name)
        group.cancel()
        return answer(group)

    @app.command("resume", cls=LabCommand)
    def resume(
        name: Annotated[str, name_argument], *, detach: Detach = False, _json: JsonFlag = False
    ) -> Answer:
        """Resume all its runs that were stopped or failed; finished ones stay as they are."""
        group = kind.load(name)
        group.resume()
        return trained(group, answer, detach=detach)

    @app.command("delete", cls=LabCommand, help=f"Delete the {kind.kind} with its runs.")
    def delete(
        name: Annotated[str, name_argument], *, yes: Yes = False, _json: JsonFlag = False
    ) -> Answer:
        group = kind.load(name)
        what = f"{kind.kind} {name} with its {len(group.existing_runs())} runs and their models"
        return deletion(name, what, group.delete, yes=yes)


def trained(group: GroupType, answer: Callable[[GroupType], Answer], *, detach: bool) -> Answer:
    """Launch the runs of a group, wait for them, and answer.

    Args:
        group: an experiment or a sweep.
        answer: returns the answer about it.
        detach: do not wait.
    """
    group.launch()
    if not detach:
        _wait(group)
    return answer(group)


def training_options(words: list[str], *, but: Collection[str]) -> dict[str, str]:
    """Return the options of `train` in the rest of a command line, by keys of FLAGS.

    Args:
        words: words that are not options of the command itself.
        but: keys of FLAGS that the command does not take.

    Raises:
        typer.BadParameter: if there is no such option, or its argument is missing.
    """
    keys = {flag: key for key, flag in FLAGS.items() if key not in but}
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, joined, value = word.partition("=")
        if flag not in keys:
            raise typer.BadParameter(f"No such option: {flag}")
        argument = value if joined else next(rest, None)
        if argument is None:
            raise typer.BadParameter(f"Option {flag} requires an argument")
        options[keys[flag]] = argument
    return options


def method_keys(text: str, base: RunConfig) -> list[str]:
    """Return the methods that an option names, separated by commas.

    Args:
        text: value of the option; "all" stands for all that the number of data sets allows.
        base: settings of all runs.
    """
    if text == "all":
        return list(METHODS) if base.functionals.datasets else ALONE
    return [key for key in text.split(",") if key]


def group_data(group: Group) -> dict[str, Any]:
    """Return what the answers about experiments and sweeps have in common.

    Args:
        group: an experiment or a sweep.
    """
    progress = group.progress()
    return {
        group.kind: group.id,
        "name": group.name,
        "command": group.command,
        "runs": group.runs,
        "finished": progress.finished,
        "active": progress.active,
        "of": progress.of,
        "share": progress.share,
        "eta_s": progress.eta_s,
    }


def _row(group: Group) -> dict[str, Any]:
    summary = group.summary()
    counts = {key: len(value) for key, value in summary.items() if isinstance(value, list)}
    return {group.kind: group.id, **summary, **counts}


def _wait(group: Group) -> None:
    """Wait until all runs have ended; Ctrl-C leaves them running."""
    finished, reported = -1, 0.0
    while True:
        progress = group.progress()
        if progress.finished != finished or time.monotonic() - reported > _REPORT_SECONDS:
            finished, reported = progress.finished, time.monotonic()
            left = "" if progress.eta_s is None else f", {duration_text(progress.eta_s)} left"
            typer.echo(
                f"{group.id}: {finished} of {progress.of} runs finished, "
                f"{progress.share:.0%}{left}",
                err=True,
            )
        if not progress.active:
            return
        restart_lost()
        time.sleep(_POLL_SECONDS)
