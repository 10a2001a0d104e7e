"""The doctor on the command line."""

import numpy as np
import pandas as pd
import pytest

from core.frames.pairs import write_pairs
from core.frames.registry import open_dataset, write_subset
from core.frames.schema import Card, EnergyColumn
from core.home import datasets_dir
from tests.cli.helpers import answer, invoke, make_frames, mistake


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Two threads on a busy machine wait for one another; the domain takes the longest."""
    monkeypatch.setattr("core.potential.threads.usable_cores", lambda: 1)
    monkeypatch.setattr("core.checks.doctor.domain_findings", lambda *_, **__: [])


def test_findings_have_what_the_contract_names(home):
    make_frames(n=12, shift=-300.0)
    found = answer("check", "salt")
    assert {"kind", "severity", "message"} <= found["findings"][0].keys()
    kinds = {one["kind"] for one in found["findings"]}
    # Invented energies far from any prior, and few of them.
    assert {"energy_zero", "few_frames"} <= kinds
    assert found["n"] == 12


def test_a_data_set_without_the_frames_that_are_named(home):
    data = open_dataset("mp-frames-r2scan")
    small = [row for row, n in enumerate(data.n_atoms()) if n <= 4][:40]
    write_subset(data, small, name="few", description="")
    clean = answer("check", "few", "--method", "frozen")
    (references,) = [one for one in clean["findings"] if one["kind"] == "references"]
    assert references["severity"] == "warning"
    assert references["settings"] == {"method": "residual"}
    assert references["cost_mev_per_atom"] > 1000
    assert "--method residual" not in invoke("check", "few", "--method", "residual").stdout
    assert mistake("check", "few", "--method", "no").startswith("error: check: method should be")


def test_all_data_sets_of_a_run_are_checked(home):
    data = open_dataset("mp-frames-r2scan")
    small = [row for row, n in enumerate(data.n_atoms()) if n <= 3][:14]
    write_subset(data, small, name="few", description="")
    gga = open_dataset("mp-frames-gga")
    write_subset(gga, small[:12], name="fewer", description="")
    found = answer("check", "few,fewer")
    assert [one["dataset"] for one in found["datasets"]] == ["few", "fewer"]
    assert {"few", "fewer"} == {one["dataset"] for one in found["findings"]}
    assert found["n"] == 26
    assert "name one" in mistake("check", "few,fewer", "--without", "some")


def test_pairs_are_checked_too(home):
    table = pd.DataFrame({"material_id": [f"m{i}" for i in range(9)], "formula": "NaCl"})
    table["pbe"] = -3.4 + 0.01 * np.arange(9)
    table["r2scan"] = table["pbe"] - 9.0
    columns = [EnergyColumn(column="pbe", functional="PBE")]
    columns.append(EnergyColumn(column="r2scan", functional="r2SCAN"))
    card = Card(name="both", kind="pairs", energies=columns)
    write_pairs(datasets_dir() / "both", card, pd.concat([table, table.iloc[:2]]))
    found = answer("check", "both", "--without", "rest")
    assert {"few_pairs", "duplicates"} <= {one["kind"] for one in found["findings"]}
    assert (found["n"], found["made"]) == (11, "rest")
    assert len(open_dataset("rest")) == 9
