"""`sweep`: launched, waited for, grown, stopped, kept without its models, deleted."""

import pytest

from core.runs.groups.sweep import Sweep
from core.runs.process import local
from core.runs.process.worker import execute
from core.runs.record.listing import list_runs
from core.scaling.sweep_files import load_results
from core.training.settings.methods import ALONE
from tests.cli.helpers import answer, invoke, make_frames, mistake

TINY = ["--dataset", "salt", "--epochs", "1", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def salt():
    make_frames()


def test_a_sweep_from_launch_to_folder(salt, home, monkeypatch):
    # Tests of runs start processes; here the same worker trains in this one.
    monkeypatch.setattr(local, "launch", lambda run: execute(run.path))
    words = ["--sizes", "4", "--methods", "residual", "--seeds", "5"]
    result = invoke("sweep", "run", *words, *TINY, "--json")
    assert result.exit_code == 0, result.output
    (one,) = Sweep.load_all()
    assert f"{one.id}: 1 of 1 runs finished, 100%" in result.stderr
    shown = answer("sweep", "show", one.id)
    assert (shown["finished"], shown["of"], shown["share"]) == (1, 1, 1.0)
    assert [(row["n_frames"], row["seeds"]) for row in shown["table"]] == [(4, 1)]
    first = one.existing_runs()[0].status().validation
    told = shown["table"][0]
    assert told["energy_mae_mev_per_atom"] == pytest.approx(first["energy_mae_mev_per_atom"])
    assert told["energy_mae_mev_per_atom_spread"] is None
    assert told["stress_mae_gpa"] is None
    assert "Energy MAE, meV/atom" in invoke("sweep", "show", one.id).stdout

    kept = answer("sweep", "export", one.id, "--out", home / "kept", "--title", "Salt")
    assert kept["runs"] == 1
    assert load_results(home / "kept").about.title == "Salt"
    assert "exists already" in mistake("sweep", "export", one.id, "--out", home / "kept")

    (row,) = answer("sweep", "list")["sweeps"]
    assert (row["sweep"], row["sizes"], row["finished"], row["of"]) == (one.id, 1, 1, 1)
    assert answer("sweep", "delete", one.id, "--yes") == {"deleted": one.id}
    assert list_runs() == []
    assert invoke("sweep", "list").stdout.strip() == "No sweep yet."


def test_growing_stopping_and_going_on(salt, monkeypatch):
    # A queue whose processes never come to their turn.
    monkeypatch.setattr(Sweep, "launch", lambda _: None)
    words = ["--sizes", "2", "--methods", "refit", "--seeds", "0", "--detach"]
    name = answer("sweep", "run", *words, *TINY)["sweep"]
    grown = answer("sweep", "grow", name, "--sizes", "4", "--methods", "all", "--detach")
    assert grown["of"] == 2 * len(ALONE)
    assert f"--methods {','.join(ALONE)}" in grown["command"]
    assert answer("sweep", "cancel", name)["active"] == 0
    assert "cancel it first" not in invoke("sweep", "delete", name, "--yes").stderr
    assert "no such sweep" in mistake("sweep", "resume", name)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sizes", "2,x"], "--sizes 2,x: give whole numbers"),
        (["--sizes", "2", "--frames", "3"], "No such option: --frames"),
        (["--sizes", "2", "--seed", "3"], "No such option: --seed"),
        (["--sizes", "2", "--methods", "magic"], "magic: is not a method"),
        (["--sizes", "20"], "has 8 training frames"),
        (["--sizes", "2", "--steps", "0"], "--steps is at least 1"),
        ([], "--sizes"),
    ],
)
def test_mistakes_are_told_in_a_line(salt, words, told):
    assert told in mistake("sweep", "run", *words, *TINY[:2])
    assert Sweep.load_all() == []
