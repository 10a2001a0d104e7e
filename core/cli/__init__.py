"""The command line, `atomref …` or `python -m core …`: every page's action is a command.

With `--json` a command prints one JSON object on stdout and exits with 0. A user's error prints one
line on stderr and exits with 2. A cancelled training exits with 130.

The module of a command is imported when the command is called, so that listing data sets does not
wait for torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from core.errors import LabError
from core.files import disk_error_message
from core.home import keep_compiled_code

PROGRAM = "atomref"
"""What messages and pages call the command line."""

_MODULES = {
    "datasets": "core.cli.datasets",
    "import": "core.cli.datasets",
    "shift": "core.cli.shift",
    "atomref": "core.cli.atomref",
    "atomrefs": "core.cli.atomrefs",
    "offset": "core.cli.model_offset",
    "importance": "core.cli.importance",
    "formation": "core.cli.formation",
    "train": "core.cli.train",
    "experiment": "core.cli.experiment",
    "sweep": "core.cli.sweep",
    "scaling": "core.cli.scaling",
    "plan": "core.cli.plan",
    "next": "core.cli.plan",
    "runs": "core.cli.runs",
    "evaluate": "core.cli.evaluate",
    "predict": "core.cli.predict",
    "export": "core.cli.runs",
}


class LabGroup(TyperGroup):
    """Group that imports commands by name and reports errors in one line."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import a command's module and return the command; None if there is none."""
        if cmd_name not in _MODULES:
            return None
        return get_group(import_module(_MODULES[cmd_name]).app).commands[cmd_name]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments before the command."""
        with _errors_in_one_line():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Parse the other arguments and run the command."""
        with _errors_in_one_line():
            return super().invoke(ctx)


app = typer.Typer(cls=LabGroup, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line."""
    keep_compiled_code()
    app(prog_name=PROGRAM)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """AtomRef Lab: move a pretrained interatomic potential to another DFT functional."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except LabError as error:
        message = str(error)
    except OSError as error:
        message = disk_error_message(error)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else PROGRAM
        message = f"{error.format_message().rstrip('.')}; see `{path} --help`."
    else:
        return
    typer.echo("error: " + " ".join(message.split()), err=True)
    raise typer.Exit(2)
