"""Every command that the README shows is one, as it is written there."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_group

from core.cli import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for line in README.splitlines() if line.startswith("atomref ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_parses_as_written(line):
    """Commands, options and values exist; nothing is left over and nothing is missing."""
    _, *words = shlex.split(line, comments=True)
    command = get_group(app)
    while hasattr(command, "get_command"):
        name = words.pop(0)
        command = command.get_command(None, name)
        assert command is not None, name
    context = command.make_context(name, words)
    if command.context_settings.get("ignore_unknown_options"):
        # It hands the options of a training to each of its runs.
        train = get_group(app).get_command(None, "train")
        assert not train.make_context("train", context.args).args


def test_readme_shows_commands():
    assert len(COMMANDS) > 20
