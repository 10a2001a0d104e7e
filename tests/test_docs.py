"""The documentation: its commands and examples run as written, and its site needs no other host."""

import contextlib
import io
import math
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_group
from typer.testing import CliRunner

import core
from core.api import training
from core.cli import app
from core.cli import train as train_module
from core.frames.registry import open_frame_set
from core.potential.models import load_model, save_model
from core.runs.process import worker
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md"))
FENCE = re.compile(r"^```\s*(?P<head>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Yield the language, whether it is only parsed, the title and the text of each block."""
    for match in FENCE.finditer((DOCS / page).read_text(encoding="utf-8")):
        words = match["head"].strip("{} ").replace(".", " ").split()
        title = re.search(r'title="([^"]+)"', match["head"])
        yield words[0] if words else "", "long" in words, title and title[1], match["body"]


def commands(text):
    """Return the commands of a block, also those that jobs of a cluster are to execute."""
    wrapped = re.findall(r'^sbatch .*--wrap "(atomref .+)"$', text, re.MULTILINE)
    lines = (line.strip() for line in text.splitlines())
    return [*(line for line in lines if line.startswith("atomref ")), *wrapped]


EVERY = sorted(
    {
        line
        for path in [ROOT / "README.md", *(DOCS / page for page in PAGES)]
        for match in FENCE.finditer(path.read_text(encoding="utf-8"))
        for line in commands(match["body"])
    }
)


def parsed(line):
    """Parse a command as it is written: options and values exist, nothing is left over."""
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


@pytest.mark.parametrize("line", EVERY)
def test_command_parses_as_written(line):
    parsed(line)


def test_hours_of_large_trainings_follow_from_the_model_beside_them():
    """Of docs/scale.md: its equation with its own numbers gives its table."""
    frames, validation, bandwidth, latency = 1.28e6, 0.16e6, 1.25e9, 1e-4
    gradients = 4 * sum(weights.numel() for weights in load_model("chgnet-0.3.0").parameters())

    def hours(speed, batch, gpus):
        exchange = 2 * (gpus - 1) / gpus * gradients / bandwidth + 8 * latency * math.log2(gpus)
        steps = frames / (batch * gpus)
        seconds = steps * (batch / (0.998 * speed) + exchange) + 0.31 * validation / (speed * gpus)
        return seconds / 3600

    rows = re.findall(
        r"^\| (\d+) \| (\d+) \|(.+)\|$", (DOCS / "scale.md").read_text(), re.MULTILINE
    )
    assert len(rows) == 5
    for speed, batch, rest in rows:
        *given, efficiency = map(float, rest.split("|"))
        computed = [hours(int(speed), int(batch), gpus) for gpus in (1, 4, 16, 64)]
        assert given == pytest.approx(computed, rel=0.06)
        assert efficiency == pytest.approx(computed[0] / 64 / computed[3], abs=0.006)


def test_there_are_commands():
    assert len(EVERY) > 50


def pretend(run, emit, should_stop):
    """Train nothing: the model is the one that the run starts from."""
    rows = open_frame_set(run.config.dataset).split()
    errors = {"n_frames": len(rows.test), **dict.fromkeys(METRICS, 1.0)}
    emit({"kind": "epoch", "epoch": run.config.epochs, "step": 1, "validation": errors})
    save_model(run.best_checkpoint, load_model(run.config.source_model), {})
    return SimpleNamespace(state="finished", best_epoch=1, validation=errors, test=errors)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """An empty home and directory, in which a training ends at once."""
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    execute = worker.execute
    for module in (train_module, training):
        monkeypatch.setattr(
            module, "execute", lambda path, echo: execute(path, fit=pretend, echo=echo)
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", [str(page) for page in PAGES])
def test_page_runs_as_written(page, lab):
    """Commands and Python run in the order of the page, on the files that it shows."""
    names = {}
    for language, only_parsed, title, text in blocks(page):
        if title:
            Path(title).write_text(text, encoding="utf-8")
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, page, "exec"), names)  # noqa: S102
        if language != "shell" or only_parsed:
            continue
        for line in commands(text):
            _, *words = shlex.split(line, comments=True)
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, f"{line}\n{result.output}"


def test_settings_of_trainings_are_valid():
    for line in EVERY:
        words = shlex.split(line, comments=True)
        if words[1] == "train" and "--dataset" in words:
            context = get_group(app).get_command(None, "train").make_context("train", words[2:])
            given = {key: context.params[key] for key in ("dataset", "method", "frames", "epochs")}
            assert RunConfig.from_options(given).dataset


def test_files_named_in_the_text_exist():
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        for name in re.findall(r"`((?:core|tests|pages|data)/[\w./-]+)`", text):
            assert (ROOT / name).exists(), f"{page}: {name}"


def test_the_public_functions_are_documented():
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    for name in core.__all__:
        module = getattr(core, name).__module__
        assert f"::: {module}" in text, name


class Assets(HTMLParser):
    """What a page loads by itself, links that a reader clicks left out."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.equations = 0

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.equations += tag == "math"
        is_link = tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}
        self.found += [given[key] for key in ("src", "srcset") if key in given]
        self.found += [given["href"]] if is_link and given.get("href") else []


def test_the_site_is_built_and_loads_nothing_from_another_host(tmp_path, monkeypatch):
    build = pytest.importorskip("mkdocs.commands.build")
    pytest.importorskip("material")
    from mkdocs.config import load_config  # noqa: PLC0415 - absent without the development tools

    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.chdir(ROOT)
    build.build(load_config("mkdocs.yml", site_dir=str(tmp_path / "site")))
    pages = {path.relative_to(tmp_path / "site") for path in (tmp_path / "site").rglob("*.html")}
    assert {page.with_suffix(".html") for page in PAGES} <= pages
    text = {}
    for page in pages:
        assets = Assets()
        text[str(page)] = (tmp_path / "site" / page).read_text(encoding="utf-8")
        assets.feed(text[str(page)])
        assert not [one for one in assets.found if re.match(r"(https?:)?//", one)], page
        assert "arithmatex" not in text[str(page)], page
        assert (assets.equations > 10) == (str(page) == "science.html")
    reference = text["reference/command-line.html"]
    for name in get_group(app).list_commands(None):
        assert f">atomref {name}<" in reference, name
    assert all(f">{name}<" in text["reference/python.html"] for name in core.__all__)
    shutil.rmtree(tmp_path / "site")
