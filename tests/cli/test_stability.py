"""The command `stability`."""

import json

import numpy as np
import pytest
import torch

from core.cli.stability import _left_out
from core.frames.registry import open_frame_set
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import datasets_dir
from core.potential.forward import Prediction, Wanted
from core.potential.models import load_model
from core.potential.prediction import predict
from tests.cli.helpers import answer, invoke, make_frames, mistake


@pytest.fixture
def salt():
    make_frames()
    return open_frame_set("salt")


def test_errors_are_those_of_predicted_energies(salt):
    found = answer(
        "stability", "--dataset", "salt", "--model", "chgnet-r2scan", "--split", "all",
        "--convention", "reference", "--system", "Na-Cl",
    )  # fmt: skip
    hulls = {
        side: {row["id"]: row["formation"] for row in found["hulls"][side]}
        for side in ("reference", "model")
    }
    moved = [1000 * abs(it - hulls["reference"][name]) for name, it in hulls["model"].items()]
    assert sum(moved) / 10 == pytest.approx(found["formation_mae_mev_per_atom"])
    assert found["n"] == found["n_available"] == 10
    model = load_model("chgnet-r2scan")
    with torch.no_grad():
        predicted = predict(model, salt.frames(range(10)), Wanted.of([]))
    errors = 1000 * np.abs([one.energy for one in predicted] - salt.energies())
    assert found["formation_mae_mev_per_atom"] == pytest.approx(errors.mean(), abs=0.01)
    assert found["functional"] == "r2SCAN"
    assert found["relaxation"] == "as given"
    assert found["worst_systems"][0]["system"] == "Cl-Na"
    assert found["left_out"] == found["not_converged"] == found["unseen_elements"] == []
    assert {"f1", "precision", "recall", "accuracy", "roc_auc", "threshold"} <= found.keys()


def _frame(name, numbers, energy=-3.0, size=3.4, repeats=1):
    """A structure as of caesium chloride, its cell taken so many times along each side."""
    corners = np.stack(np.meshgrid(*[np.arange(repeats)] * 3, indexing="ij"), -1).reshape(-1, 3)
    sites = np.array([[0.0] * 3, [0.5] * 3])[: len(numbers)]
    return Frame(
        frame_id=name,
        material_id=name,
        atomic_numbers=np.tile(numbers, len(corners)),
        frac_coords=(corners[:, None] + sites).reshape(-1, 3) / repeats,
        lattice=size * repeats * np.eye(3),
        energy_per_atom=energy,
    )


@pytest.fixture
def explosive_neon(monkeypatch):
    """Every atom has −3 eV and no force, but neon flies apart."""

    def forward(_, batch, __):
        energy = torch.full((batch.n_frames,), -3.0)
        return Prediction(
            energy=energy,
            interaction=energy,
            forces=(batch.species == 9).float()[:, None].expand(-1, 3) * 5000,
            stress=torch.zeros(batch.n_frames, 3, 3),
            magmoms=None,
        )

    monkeypatch.setattr("core.potential.relaxation.evaluation.forward", forward)


def test_each_bad_phase_says_why_and_the_others_are_compared(explosive_neon, tmp_path):
    card = Card(name="bad", kind="frames", functional="r2SCAN", corrections="none")
    frames = [
        _frame("good", [12, 8]),
        _frame("thousand atoms", [11, 17], repeats=8),
        _frame("no energy", [20, 8], None),
        _frame("no reference", [93, 8]),
        _frame("explodes", [11, 10]),
        _frame("no neighbour", [11, 17], size=30),
        _frame("one atom", [26], size=20),
    ]
    write_frames(datasets_dir() / "bad", card, frames)
    table = tmp_path / "mine.csv"
    symbols = ("Mg", "O", "Na", "Cl", "Ca", "Ne", "Fe")
    table.write_text("symbol,energy\n" + "".join(f"{symbol},-1\n" for symbol in symbols))
    found = answer(
        "stability", "--dataset", "bad", "--model", "chgnet-r2scan", "--split", "all", "--relax",
        "--references", table,
    )  # fmt: skip
    assert found["n"] == 2
    assert found["formation_mae_mev_per_atom"] == pytest.approx(0, abs=1e-3)
    why = {row["id"]: row["why"] for row in found["left_out"]}
    assert why == {
        "no energy": "it has no energy",
        "no reference": "no energy of pure Np is known; choose references that have it",
        "explodes": "At step 0 a force is 8,660 eV/Å, more than 1,000",
        "no neighbour": "Atom 1 of the structure has no neighbour within 6 Å, where CHGNet has no "
        "meaning; leave this structure out",
        "one atom": "an isolated atom is no phase",
    }


def test_many_reasons_are_cut_short():
    rows = [{"why": f"reason {min(i, 11)}"} for i in range(14)]
    lines = _left_out(rows).splitlines()
    assert lines[0] == "3 left out: reason 11."
    assert lines[-1] == "2 left out for other reasons; --json lists them."
    assert len(lines) == 11


def test_the_test_set_is_scored_and_own_elements_are_missing(salt):
    assert len(salt.split().test) == 1
    words = ("stability", "--dataset", "salt", "--model", "chgnet-r2scan")
    assert answer(*words)["n"] == 1
    text = invoke(*words, "--references", "own").stdout
    assert "1 left out: no energy of pure Na, Cl is known" in text
    empty = json.loads(invoke(*words, "--references", "own", "--json").stdout)
    assert empty["n"] == 0
    assert empty["decomposition_mae_mev_per_atom"] is None


def test_own_table_of_elements(salt, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("symbol,energy\nNa,-1.5\nCl,-2.0\n")
    words = ("stability", "--dataset", "salt", "--model", "chgnet-r2scan", "--split", "all")
    found = answer(*words, "--references", str(table))
    assert found["n"] == 10
    assert found["references"] == "table mine.csv"
    # On hulls of salt alone, whatever the elements, errors of formation energies stay the same.
    assert found["formation_mae_mev_per_atom"] == pytest.approx(
        answer(*words)["formation_mae_mev_per_atom"]
    )
    table.write_text("symbol,energy\nNa,-1.5\n")
    assert "no energy of pure Cl" in invoke(*words, "--references", str(table)).stdout


def test_mistakes(salt):
    words = ("stability", "--dataset", "salt", "--model")
    assert "predicts GGA/GGA+U and the data are r2SCAN" in mistake(*words, "chgnet-0.3.0")
    assert "neither a run nor a checkpoint" in mistake(*words, "nothing")
    assert "leave out --column" in mistake(*words, "chgnet-r2scan", "--column", "energy")
    assert "no such" in mistake(*words, "chgnet-r2scan", "--references", "missing.csv").lower()
    for fmax in ("0", "-1", "nan"):
        assert "--fmax" in mistake(*words, "chgnet-r2scan", "--relax", "--fmax", fmax)
    for threshold in ("-0.1", "nan", "inf"):
        assert "--threshold" in mistake(*words, "chgnet-r2scan", "--threshold", threshold)


def test_evaluate_says_how_much_was_compared_or_why_nothing_was(salt):
    words = ("--dataset", "salt", "--stability", "static")
    told = invoke("evaluate", "chgnet-r2scan", *words).stdout
    assert "1 materials compared on hulls of 10 phases" in told
    found = answer("evaluate", "chgnet-0.3.0", *words)
    assert "predicts GGA/GGA+U and the data are r2SCAN" in found["stability"]["why"]
    assert found["energy_mae_mev_per_atom"] > 0
    assert found["formation_mae_mev_per_atom"] is None
    assert "Stability could not be judged: " in invoke("evaluate", "chgnet-0.3.0", *words).stdout
