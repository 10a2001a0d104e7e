"""What the check of a GPU does, on a CPU, with a network of three levels.

Not here: compiling, training beside stock, and the run that is killed, which take minutes, and the
gradient rows, which need the whole network; they have tests of their own, and
`make gpu-check CHECK="--device cpu --small"` goes through them too.
"""

import importlib
import json
from pathlib import Path

import pytest

from tests.shallow_network import shallow_network

LONG = {"compiled", "resume", "rows", "ratio_16", "ratio_64", "ratio_256"}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def check(monkeypatch, tmp_path):
    benchmarks = Path(__file__).resolve().parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(str(benchmarks))
    monkeypatch.setattr(
        importlib.import_module("gpu.setting"), "load_model", lambda *_: shallow_network()
    )
    return importlib.import_module("gpu.check")


def test_every_check_answers_in_one_line_and_the_table_names_all(check, capsys):
    names = [name for name in check.CHECKS if name not in LONG]
    assert check.main(["--device", "cpu", "--small", "--only", *names]) == 0
    lines, table = capsys.readouterr().out.split("\n\n")
    answers = [json.loads(line) for line in lines.splitlines()]
    assert [one["check"] for one in answers] == names
    assert all(one["ok"] for one in answers), answers
    assert [row.split(" | ")[0] for row in table.splitlines()[2:]] == [
        f"| {name}" for name in names
    ]


def test_a_check_that_fails_says_why_and_what_is_late_is_left_out(check, capsys, monkeypatch):
    def fails(_setting):
        raise ValueError("no such card")

    monkeypatch.setitem(check.CHECKS, "rows", fails)
    words = ["--device", "cpu", "--small", "--only", "rows"]
    assert check.main(words) == 1
    assert '"error": "ValueError: no such card"' in capsys.readouterr().out
    assert check.main([*words, "--seconds", "-1"]) == 0
    assert '"left_out": "the time is up"' in capsys.readouterr().out
