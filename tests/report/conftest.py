"""A lab home with a finished run, and one that still trains."""

import pytest

from tests.pages.example_runs import make_run, write_tiny


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    write_tiny(tmp_path)
    return tmp_path


@pytest.fixture
def run(home):
    run = make_run(name="<b>Salt</b>")
    run.checkpoints.mkdir(exist_ok=True)
    run.best_checkpoint.write_bytes(b"weights")
    return run
