"""Every command that a page shows runs as it stands, and does no more than the page."""

import os
import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from core import home as home_module
from core.cli import app as cli
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_pairs
from core.potential.models import load_model, save_model
from core.runs.groups.experiment import Experiment
from core.runs.groups.group import Group
from core.runs.groups.sweep import Sweep
from core.runs.record.listing import list_runs
from core.training.settings.config import RunConfig
from pages.parts.lesson.story import STEPS
from tests.pages.example_runs import make_run
from tests.pages.example_sweep import embed, made_results
from tests.salts import write_salts

PAIRS = {"dataset": "mine"}
FRAMES = {"dataset": "tiny"}
VISITS = [
    *(
        ("lesson", {"view": f"{number}. {step.title}"})
        for number, (key, step) in enumerate(STEPS.items(), 1)
        if key != "live"  # its command trains
    ),
    ("data", {}),
    ("data", {"set": "mine"}),
    ("energy_shifts", PAIRS | {"elements": ["O", "Fe"], "match": "any of them"}),
    ("energy_shifts", PAIRS | {"view": "By column", "against": "Chemistry"}),
    ("energy_shifts", PAIRS | {"view": "By element", "few": "20"}),
    ("energy_shifts", PAIRS | {"view": "Data efficiency", "seed": "3"}),
    ("atomref", PAIRS),
    ("atomref", PAIRS | {"view": "Uncertainty", "fit": "Ridge toward a prior"}),
    ("atomref", PAIRS | {"view": "Influence"}),
    ("atomref", PAIRS | {"view": "Strength and prior", "own": "false"}),
    ("atomref", PAIRS | {"view": "Library"}),
    ("atomref", {"functionals": "One functional", "of": "tiny"}),
    ("importance", PAIRS),
    ("formation", PAIRS),
    ("offset", FRAMES),
    ("transfer", FRAMES | {"method": "refit", "frames": "6"}),
    ("transfer", {"run": "RUN"}),
    ("transfer", {"run": "RUN", "shows": "Parity"}),
    ("transfer", {"run": "RUN", "shows": "Export"}),
    ("runs", {}),
    ("experiments", FRAMES | {"epochs": "2"}),
    ("experiments", {"experiment": "EXPERIMENT"}),
    ("scaling", {}),
    ("scaling", {"view": "Frames saved"}),
    ("scaling", {"view": "Plan"}),
    ("scaling", {"view": "What to compute next"} | FRAMES),
    ("scaling", {"view": "Sweeps"} | FRAMES),
    ("scaling", {"view": "Sweeps", "own": "SWEEP"}),
    ("stability", FRAMES | {"models": "chgnet-r2scan", "split": "All materials"}),
    ("compare", FRAMES | {"part": "all", "models": "chgnet-r2scan", "view": "Worst frames"}),
    ("predict", {"formula": "NaCl", "models": ["chgnet-0.3.0", "chgnet-r2scan"]}),
]


@pytest.fixture
def lab(home, monkeypatch, looks, launched):
    """Small data, a finished run, an experiment and a sweep; nothing is trained."""
    monkeypatch.setattr("core.reference.importance.trees.ROUNDS", 20)
    monkeypatch.setattr(
        "core.cli.train.execute",
        lambda _path, **_: list_runs()[0].status().model_copy(update={"state": "finished"}),
    )
    monkeypatch.setattr("core.cli.groups.group._wait", lambda _group: None)
    monkeypatch.setattr("core.cli.models.evaluate.checkpoint_for", lambda *_: "chgnet-0.3.0")
    monkeypatch.setattr("core.checks.domain._SAMPLE", 8)
    monkeypatch.setattr(Group, "launch", lambda _group: None)
    table = open_dataset("mp-structures").table().iloc[::40]
    table[["material_id", "formula"]].assign(
        energy_gga_corrected=table["energy_gga_chgnet"], energy_r2scan=table["energy_r2scan_chgnet"]
    ).to_csv(home / "mine.csv", index=False)
    import_pairs(home / "mine.csv", name="mine", mapping={})
    write_salts(home, forces=True)
    embed(monkeypatch, home / "embedded", example=made_results())
    base = RunConfig(dataset="tiny", epochs=2)
    names = {
        "RUN": make_run().id,
        "EXPERIMENT": Experiment.draft(base, methods=["refit"], seeds=[0]).create().id,
        "SWEEP": Sweep.draft(base, sizes=[4, 8], methods=["refit"], seeds=[0]).create().id,
    }
    return lambda query: {
        key: names.get(value, value) if isinstance(value, str) else value
        for key, value in query.items()
    }


def commands(at):
    return [code.value for code in at.code if code.value.startswith("atomref")]


@pytest.mark.parametrize(
    ("page", "query"),
    VISITS,
    ids=[" ".join([page, *map(str, query.values())]) for page, query in VISITS],
)
def test_every_command_runs_as_it_stands(lab, visit, home, monkeypatch, page, query):
    if query.get("shows") == "Export":
        run = next(run for run in list_runs() if run.id == lab(query)["run"])
        run.checkpoints.mkdir(exist_ok=True)
        save_model(run.best_checkpoint, load_model("chgnet-0.3.0"), {})
    lines = commands(visit(page, **lab(query)))
    assert lines
    monkeypatch.chdir(home)
    for line in lines:
        assert "\n" not in line, "one block, one action"
        program, *words = shlex.split(line)
        assert program == "atomref"
        assert "delete" not in words
        assert "train" not in words or (page == "transfer" and "run" not in query)
        found = CliRunner().invoke(cli, words)
        assert found.exit_code == 0, (line, found.output)
    if lines[0].startswith("atomref train"):
        (run,) = [run for run in list_runs() if run.config.frames == 6]
        assert run.config.command == lines[0]


def test_a_line_runs_in_any_shell_and_directory_with_the_home_of_the_server(tmp_path, monkeypatch):
    lab = tmp_path / "a lab's home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(lab))
    line = home_module.shell_line("atomref runs list")
    assert line.endswith(" runs list")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    shell = ["/bin/sh", "-c", line]
    assert b"No run yet" in subprocess.check_output(shell, cwd=tmp_path, env=environment)
    assert lab.is_dir(), "the home of this lab, not the default one"


def test_the_default_home_is_not_written(monkeypatch):
    monkeypatch.delenv("ATOMREF_LAB_HOME", raising=False)
    line = home_module.shell_line("atomref runs list")
    assert "ATOMREF_LAB_HOME" not in line
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    words = shlex.split(home_module.shell_line("atomref runs list"))
    assert words[-4:] == ["-m", "core", "runs", "list"]
