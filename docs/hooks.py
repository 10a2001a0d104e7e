"""What the documentation adds to its pages: the commands' reference, and equations as MathML."""

import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.main import get_group

from core.cli import app

COMMANDS = "reference/command-line.md"

_EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_USUAL = {"--help"}
_HEAD = (
    "`atomref` is the same as `python -m core`. Every command takes `--json`, with which it prints "
    "one JSON object, and `--help`. A mistake in the input is one line on stderr and exit status 2."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference of the command line, made from the commands themselves."""
    files.append(File.generated(config, COMMANDS, content=command_reference()))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Write equations as MathML, which browsers draw without a script."""
    return _EQUATION.sub(
        lambda match: convert(_text(match[2]), display="block" if match[1] == "div" else "inline"),
        html,
    )


def command_reference() -> str:
    """Return the reference of all commands as Markdown."""
    group = get_group(app)
    lines = [
        "# Command line",
        "",
        _HEAD,
        "",
    ]
    for name in group.list_commands(None):
        lines += _reference(group.get_command(None, name), f"atomref {name}")
    return "\n".join(lines)


def _reference(command: Any, name: str) -> list[str]:
    """Return the reference of a command, or of the commands of a group."""
    if hasattr(command, "list_commands"):
        lines = [f"## {name}", "", _plain(command.help or ""), ""]
        for each in command.list_commands(None):
            lines += _reference(command.get_command(None, each), f"{name} {each}")
        return lines
    context = command.make_context(name, [], resilient_parsing=True)
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    usage = " ".join([name, *(re.sub(r"^\[?[{\[]|[}\]]\]?$", "", piece) for piece in pieces)])
    level = "##" if name.count(" ") == 1 else "###"
    lines = [f"{level} {name}", "", _plain(command.help or ""), "", f"`{usage} [options]`", ""]
    rows = [
        record
        for parameter in command.params
        if not set(parameter.opts) & _USUAL
        and (record := parameter.get_help_record(context)) is not None
    ]
    if rows:
        lines += ["| option | |", "|---|---|"]
        lines += [f"| `{_cell(left)}` | {_plain(_cell(right))} |" for left, right in rows]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text in which Markdown finds no markup of its own but code in backquotes."""
    return re.sub(r"([*_<>\[\]])(?=(?:[^`]*`[^`]*`)*[^`]*$)", r"\\\1", text)


def _text(equation: str) -> str:
    for entity, sign in {"&lt;": "<", "&gt;": ">", "&amp;": "&"}.items():
        equation = equation.replace(entity, sign)
    return equation.strip()
