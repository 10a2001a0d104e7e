"""A lab home with a finished run, and one that still trains."""

import pytest

from tests.pages.example_runs import make_run
from tests.salts import write_salts


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    write_salts(tmp_path, forces=True)
    return tmp_path


@pytest.fixture
def run(home):
    run = make_run(name="<b>Salt</b>")
    run.checkpoints.mkdir(exist_ok=True)
    run.best_checkpoint.write_bytes(b"weights")
    return run
