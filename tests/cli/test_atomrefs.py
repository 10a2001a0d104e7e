"""`atomrefs` and `offset` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from core.cli import app
from core.reference.shifts.model_offset import STEPS


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)

    def run(*words, fails=False):
        answer = CliRunner().invoke(app, list(words))
        assert answer.exit_code == (2 if fails else 0), answer.output
        return answer.stderr if fails else json.loads(answer.stdout.splitlines()[-1])

    return run


def test_fit_keep_compare_export(cli, tmp_path):
    fit = cli("atomref", "mp-structures", "--out", "mine.json", "--json")
    assert cli("atomrefs", "save", "mine", "mine.json", "--json") == {"saved": "mine"}
    assert "already" in cli("atomrefs", "save", "mine", "mine.json", fails=True)
    listed = {one["name"]: one for one in cli("atomrefs", "list", "--json")["atomrefs"]}
    assert list(listed) == ["chgnet-mptrj", "chgnet-mp-r2scan", "mine"]
    assert listed["mine"]["n"] == fit["n"]
    compared = cli(
        "atomrefs", "compare", "mine", "chgnet-mp-r2scan", "--dataset", "mp-structures", "--json"
    )
    lithium = next(one for one in compared["elements"] if one["symbol"] == "Li")
    assert lithium["mine"] == pytest.approx(fit["energies"]["Li"])
    assert lithium["spread"] == pytest.approx(abs(lithium["mine"] - lithium["chgnet-mp-r2scan"]))
    told = compared["explained"]
    assert told["mine"]["spread"] < told["chgnet-mp-r2scan"]["spread"]  # it was fitted to them
    cli("atomrefs", "export", "mine", "--out", "mine.csv", "--json")
    assert (tmp_path / "mine.csv").read_text().startswith("symbol,energy,count")
    assert "nor .pth.tar" in cli("atomrefs", "export", "mine", "--out", "mine.txt", fails=True)
    cli("atomrefs", "delete", "mine", "--yes", "--json")
    assert "is neither a named AtomRef" in cli("atomrefs", "show", "mine", fails=True)


def test_a_table_of_energies_needs_its_functional(cli, tmp_path):
    (tmp_path / "theirs.csv").write_text("symbol,energy\nNa,-1.5\n")
    assert "give it" in cli("atomrefs", "save", "theirs", "theirs.csv", fails=True)
    cli("atomrefs", "save", "theirs", "theirs.csv", "--functional", "PBE", "--json")
    assert cli("atomrefs", "show", "theirs", "--json")["energies"] == {"Na": -1.5}


def test_offset(cli):
    told = cli("offset", "mp-frames-r2scan", "--rows", "40", "--json")
    assert list(told["mae_ev_per_atom"]) == list(STEPS)
    assert told["n"] == 40
    assert told["labels"] == "chgnet-r2scan"
    assert told["mae_ev_per_atom"]["residual"] < 1 < told["mae_ev_per_atom"]["as_is"]
    assert "no data set" in cli("offset", "missing", fails=True)
    assert "leave out --column" in cli("offset", "mp-frames-gga", "--column", "x", fails=True)
