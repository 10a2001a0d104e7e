"""The command line, `atomref …` or `python -m core …`: every page's action is a command.

With `--json` a command prints one JSON object on stdout and exits with 0. A user's error prints one
line on stderr and exits with 2. A cancelled training exits with 130.

The module of a command is imported when the command is called, so that the list of commands waits
for no library and listing data sets not for torch.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from core.boxed import go_on_watched, leave
from core.errors import LabError, plain_fault
from core.files import disk_error_message
from core.home import PROGRAM, keep_compiled_code

_COMMANDS = {
    "datasets": ("data.datasets", "The data sets of the lab."),
    "import": (
        "data.imports",
        "Import frames with labels from a file or folder of a known form, or a table of energies.",
    ),
    "catalogue": ("data.catalogue", "Open data sets: download and import them."),
    "shift": (
        "shift",
        "Compare two functionals: two data sets of frames, or two columns of one table of pairs.",
    ),
    "atomref": (
        "atomref",
        "Fit the elemental reference energies of a functional to all energies of a data set.",
    ),
    "atomrefs": ("atomrefs", "AtomRef with names: chgnet's own and the saved ones."),
    "offset": (
        "model_offset",
        "Report a model's error as is, after a constant, after AtomRef, after residual AtomRef.",
    ),
    "importance": (
        "importance",
        "Compute which elements make two functionals disagree: XGBoost on composition, and SHAP.",
    ),
    "formation": (
        "formation",
        "Compute formation energies in every functional, and their errors against experiment.",
    ),
    "check": (
        "check",
        "Look for what would ruin a fine-tuning: units, references, leaks, duplicates and more.",
    ),
    "train": (
        "train",
        "Train. Ctrl-C stops with a checkpoint; `atomref runs resume` continues from there.",
    ),
    "experiment": (
        "groups.experiment",
        "Matched experiments: several methods and seeds on the same data.",
    ),
    "sweep": ("groups.sweep", "Sweeps: training set sizes × methods × seeds, for scaling laws."),
    "scaling": (
        "scaling",
        "Fit scaling laws, with 95 % intervals, to a sweep or to any table of points.",
    ),
    "plan": (
        "plan",
        "Compute how many calculations a target error takes by method, and what they cost.",
    ),
    "next": ("plan", "Choose what to compute next from a pool, each with its reason."),
    "runs": ("runs", "Runs: one directory per training."),
    "evaluate": ("models.evaluate", "Compare a model's predictions with the labels of a data set."),
    "stability": (
        "stability",
        "Compare a model's formation and decomposition energies, and its hulls, with labels.",
    ),
    "predict": (
        "models.predict",
        "Predict energy, forces, stress and magmoms of every structure in some files.",
    ),
    "relax": (
        "models.relax",
        "Relax every structure in some files: FIRE, atoms and cell, many structures together.",
    ),
    "report": (
        "report",
        "Write runs, experiments, sweeps and analyses to one self-contained page, or an archive.",
    ),
    "eos": (
        "models.equation_of_state",
        "Compute the energy by volume of every structure in some files, and the bulk modulus.",
    ),
    "export": (
        "runs",
        "Copy a run's best model to a file that stock CHGNet.from_file loads, with a model card.",
    ),
}
"""Name of each command to its module in this package, and its line in the list of commands."""


_UNWATCHED = frozenset({"train", "experiment", "sweep", "runs", "datasets", "catalogue"})
"""Commands that are processes of a group of their own, or read no files of others."""


class LabGroup(TyperGroup):
    """Group that imports commands by name and reports errors in one line."""

    _lists = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import a command's module and return the command; None if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, line = _COMMANDS[cmd_name]
        if self._lists:
            return TyperCommand(cmd_name, help=line)
        return get_group(import_module(f"{__name__}.{module}").app).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, which lists the commands without importing them."""
        self._lists = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._lists = False

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
    # At its end, Python would look for garbage among all that was imported: a second with torch.
    atexit.register(gc.freeze)
    keep_compiled_code()
    if sys.argv[1:2] and sys.argv[1] not in _UNWATCHED:
        go_on_watched(_say_error)
    try:
        app(prog_name=PROGRAM)
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else int(bool(end.code)))


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
    except BrokenPipeError:
        raise  # the reader of the output has gone, as `head` does: click ends quietly
    except OSError as error:
        message = disk_error_message(error)
    except MemoryError:
        message = "There is not enough memory; use less data at a time."
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else PROGRAM
        message = f"{plain_fault(error.format_message()).rstrip('.')}; see `{path} --help`."
    else:
        return
    _say_error(message)
    raise typer.Exit(2)


def _say_error(message: str) -> None:
    typer.echo("error: " + " ".join(message.split()), err=True)
