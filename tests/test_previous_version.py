"""What version 0.1.0 left in a home opens, with the answers that version gave.

`data/home-0.1.0` was written by that version: two imported data sets, a named AtomRef, a run with
its model, a matched experiment and a sweep; `expected.json` holds its answers to commands, without
paths. Its scaling laws began at a single frame, which `--min-frames 1` now asks for. Where it
called the only form that was tried the best, or an unbounded ratio 0, there is now null.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.helpers import answer

SAVED = Path(__file__).parent / "data" / "home-0.1.0"
EXPECTED = json.loads((SAVED / "expected.json").read_text(encoding="utf-8"))
RUN = "20261128-1313-residual-pc1a"


@pytest.fixture
def previous_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    shutil.copytree(SAVED, home, ignore=shutil.ignore_patterns("*.json~", "expected.json"))
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(home))
    return home


def assert_holds(answered, expected, where):
    """Every value of the old answer is in the new one; the new one may say more."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in answered, f"{where}.{key}"
            assert_holds(answered[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(answered) == len(expected), where
        for i, (new, old) in enumerate(zip(answered, expected, strict=True)):
            assert_holds(new, old, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert answered == pytest.approx(expected, rel=1e-4, abs=1e-6), where
    elif where.endswith(".command"):
        # The default strength is another one since: a command names the run's own.
        answered = answered.replace(" --ridge-strength 0.01", "")
        assert answered == expected.replace("python -m core", "atomref")
    elif ".versions." not in where:
        assert answered == expected, where


@pytest.mark.usefixtures("previous_home")
@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: " ".join(case["command"][:2]))
def test_commands_answer_as_before(case):
    assert_holds(answer(*case["command"]), case["answer"], case["command"][0])
