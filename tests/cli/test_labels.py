"""Labels in wrong units are named by every command that reads them."""

import json

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure

from core.frames.registry import open_dataset
from tests.cli.helpers import answer, invoke, mistake

KBAR = "the stresses have the slope -10 instead of about 1, as if they were in kBar"


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Two threads on a busy machine wait for one another."""
    monkeypatch.setattr("core.potential.threads.usable_cores", lambda: 1)


@pytest.fixture
def table(home):
    """Fifteen frames of the embedded data as a file, with stress as VASP writes it."""
    data = open_dataset("mp-frames-r2scan")
    rows = np.flatnonzero(data.n_atoms() <= 4)
    frames = [frame for frame in data.frames(rows[:60]) if frame.stress is not None][:15]
    pd.DataFrame(
        {
            "material_id": [frame.frame_id for frame in frames],
            "structure": [
                json.dumps(
                    Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords).as_dict()
                )
                for frame in frames
            ],
            "energy_per_atom": [frame.energy_per_atom for frame in frames],
            "forces": [frame.forces.tolist() for frame in frames],
            "stress": [(-10 * frame.stress).tolist() for frame in frames],
        }
    ).to_parquet("kbar.parquet")
    return frames


def test_stress_as_vasp_writes_it(table):
    words = ("import", "kbar.parquet", "--functional", "r2SCAN")
    (finding,) = answer(*words, "--name", "wrong")["findings"]
    assert (finding["kind"], finding["severity"]) == ("stress_unit", "error")
    assert KBAR in finding["message"]
    assert "--unit stress=kBar." in finding["message"]
    words_of_evaluation = ("evaluate", "chgnet-r2scan", "--dataset", "wrong", "--split", "all")
    assert KBAR in invoke(*words_of_evaluation).stdout
    right = answer(*words, "--name", "right", "--unit", "stress=kBar")
    assert right["findings"] == []
    expected = [frame.stress for frame in table]
    found = [frame.stress for frame in open_dataset("right").frames(range(len(table)))]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_totals_are_refused(home):
    data = open_dataset("mp-frames-r2scan")
    frames = data.frames(np.flatnonzero(data.n_atoms() <= 30)[:60])
    structures = [
        Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords) for frame in frames
    ]
    totals = [frame.energy_per_atom * len(frame) for frame in frames]
    pd.DataFrame(
        {"structure": [json.dumps(one.as_dict()) for one in structures], "REF_energy": totals}
    ).to_parquet("totals.parquet")
    words = ("import", "totals.parquet", "--name", "mine", "--functional", "r2SCAN")
    assert "--unit energy=eV/cell" in mistake(*words)
    answer(*words, "--unit", "energy=eV/cell")
    expected = [frame.energy_per_atom for frame in frames]
    np.testing.assert_allclose(open_dataset("mine").energies(), expected)
    found = answer("offset", "mine", "--model", "chgnet-r2scan")
    assert found["mae_ev_per_atom"]["as_is"] < 1e-5
    assert found["findings"] == []
