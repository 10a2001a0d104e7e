"""Every command that the README shows exists, with its options."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_group

from core.cli import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for line in README.splitlines() if line.startswith("atomref ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_and_options_exist(line):
    _, *words = shlex.split(line)
    command = get_group(app)
    while hasattr(command, "get_command"):
        name = words.pop(0)
        command = command.get_command(None, name)
        assert command is not None, name
    options = {option for parameter in command.params for option in parameter.opts}
    if command.context_settings.get("ignore_unknown_options"):
        # It hands the options of a training to each of its runs.
        train = get_group(app).get_command(None, "train")
        options |= {option for parameter in train.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


def test_readme_shows_commands():
    assert len(COMMANDS) > 20
