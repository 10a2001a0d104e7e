"""The doctor on pairs without structures: faults, each alone, and data without any."""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
import pytest

from core.checks import pair_sets
from core.checks.pair_sets import diagnose_pairs
from core.elements import INDEX, SYMBOLS, fractions_from_formulas
from core.frames.pairs import open_pairs, write_pairs
from core.frames.registry import open_dataset, open_frame_set
from core.frames.schema import Card, EnergyColumn
from core.frames.units import HARTREE
from core.reference.formation.corrections import mp2020_corrections
from core.transfer.source_model import SourceModel
from tests.checks.conftest import alarms
from tests.checks.faults import GGA, R2SCAN, references

SOURCE = SourceModel("chgnet-0.3.0", "cpu", 1)
COLUMNS = {
    "gga": {"functional": "GGA/GGA+U", "corrections": "MP2020"},
    "r2scan": {"functional": "r2SCAN", "corrections": "unknown"},
}


@cache
def everything():
    """One frame of each material, with its energies in both embedded sets."""
    gga, r2scan = open_dataset(GGA), open_dataset(R2SCAN)
    table = gga.table()[["material_id", "frame_id"]].copy()
    table["gga"], table["row"] = gga.energies(), np.arange(len(gga))
    there = pd.DataFrame({"frame_id": r2scan.table()["frame_id"], "r2scan": r2scan.energies()})
    table = table.merge(there, on="frame_id").drop_duplicates("material_id")
    frames = gga.frames(table["row"].to_numpy())
    table["formula"] = ["".join(f"{s}{n}" for s, n in counted(frame)) for frame in frames]
    table["size"] = [len(frame) for frame in frames]
    return table


def counted(frame):
    return Counter(SYMBOLS[number - 1] for number in frame.atomic_numbers.tolist()).items()


def pairs(elements=None, *, seed=1, n=200):
    """Some of them, of some elements alone."""
    table = everything()
    if elements is not None:
        others = ~np.isin(SYMBOLS, elements)
        table = table[(fractions(table)[:, others] == 0).all(axis=1)]
    chosen = table.sample(min(n, len(table)), random_state=seed)
    return chosen.reset_index(drop=True)[["material_id", "formula", "size", "gga", "r2scan", "row"]]


def fractions(table):
    return fractions_from_formulas(table["formula"])


def mp2020(table):
    return mp2020_corrections(table["formula"].to_numpy()).corrections


def every(step, table):
    return np.arange(len(table)) % step == 0


def metal(table):
    """Index of the metal that most of the materials contain."""
    metals = [INDEX[name] for name in ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba", "Al", "Zn")]
    return metals[int(np.argmax((fractions(table)[:, metals] > 0).sum(axis=0)))]


def oxide(table):
    """The first row of frequent elements alone."""
    present = fractions(table) > 0
    often = present.sum(axis=0) >= 8
    return int(np.argmax(~present[:, ~often].any(axis=1)))


@dataclass(kw_only=True)
class Fault:
    """A fault: the columns that it changes, by functions of the table."""

    found: str
    change: dict = field(default_factory=dict)
    rows: object = None
    columns: dict = field(default_factory=dict)
    echoes: set = field(default_factory=set)
    n: int = 160


def doubled(table, energy=0.0):
    again = table.iloc[:20].copy()
    if energy:
        again["gga"] += energy
    return pd.concat([table, again], ignore_index=True)


FAULTS = {
    "totals of the formula": Fault(
        found="energy_extent",
        change={"gga": lambda t: t["gga"] * t["size"]},
    ),
    "hartree": Fault(found="energy_unit", change={"r2scan": lambda t: t["r2scan"] / HARTREE}),
    "kJ/mol": Fault(found="energy_unit", change={"gga": lambda t: t["gga"] * 96.485}),
    "positive": Fault(found="energy_unit", change={"r2scan": lambda t: -t["r2scan"]}),
    "both in hartree": Fault(
        found="energy_unit",
        change={name: lambda t, name=name: t[name] / HARTREE for name in ("gga", "r2scan")},
    ),
    "both positive": Fault(
        found="energy_unit",
        change={name: lambda t, name=name: -t[name] for name in ("gga", "r2scan")},
    ),
    "taken for totals": Fault(
        found="energy_extent", change={"r2scan": lambda t: t["r2scan"] / t["size"]}
    ),
    "a part as totals of the formula": Fault(
        found="unit_mixture",
        change={"gga": lambda t: np.where(every(4, t), t["gga"] * t["size"], t["gga"])},
    ),
    "a part in hartree": Fault(
        found="unit_mixture",
        change={"r2scan": lambda t: np.where(every(4, t), t["r2scan"] / HARTREE, t["r2scan"])},
    ),
    "the mean subtracted": Fault(
        found="energy_reference", change={"r2scan": lambda t: t["r2scan"] - t["r2scan"].mean()}
    ),
    "formation energies": Fault(
        found="energy_reference",
        change={
            "gga": lambda t: t["gga"] - fractions(t) @ np.nan_to_num(references("e_crystal_pbe"))
        },
    ),
    "atomization energies": Fault(
        found="energy_reference",
        change={
            "r2scan": lambda t: (
                t["r2scan"] - fractions(t) @ np.nan_to_num(references("e_atom_r2scan", "matpes"))
            )
        },
    ),
    "another functional than stated": Fault(
        found="functional", columns={"r2scan": {"functional": "GGA/GGA+U"}}
    ),
    "the columns exchanged": Fault(
        found="functional", change={"gga": lambda t: t["r2scan"], "r2scan": lambda t: t["gga"]}
    ),
    "one column twice": Fault(
        found="same_energies",
        change={"r2scan": lambda t: t["gga"]},
        echoes={"functional", "energy_reference"},
    ),
    "corrected, and stated not": Fault(
        found="corrections", columns={"gga": {"corrections": "none"}}
    ),
    "uncorrected, and stated corrected": Fault(
        found="corrections", change={"gga": lambda t: t["gga"] - mp2020(t)}
    ),
    "two functionals": Fault(
        found="energy_mixture",
        # Where the functionals differ little, composition does not tell which one it is.
        echoes={"energy_outliers"},
        n=300,
        change={"r2scan": lambda t: np.where(every(3, t), t["gga"], t["r2scan"])},
    ),
    "a column in another order": Fault(
        found="energy_mismatch",
        change={"gga": lambda t: t["gga"].sample(frac=1, random_state=0).to_numpy()},
    ),
    "a wide column in another order": Fault(
        found="energy_mismatch",
        change={"r2scan": lambda t: t["r2scan"].sample(frac=1, random_state=0).to_numpy()},
    ),
    "another pseudopotential of a metal": Fault(
        found="element_offset",
        change={"r2scan": lambda t: t["r2scan"] - 4 * fractions(t)[:, metal(t)]},
    ),
    "one energy off by 12 eV/atom": Fault(
        found="energy_outliers",
        change={"gga": lambda t: t["gga"] + 12.0 * (np.arange(len(t)) == oxide(t))},
    ),
    "one energy off by 3 eV/atom": Fault(
        found="energy_outliers",
        change={"r2scan": lambda t: t["r2scan"] - 3.0 * (np.arange(len(t)) == oxide(t))},
    ),
    "missing as 0": Fault(
        found="energy_placeholder",
        change={"gga": lambda t: np.where(np.arange(len(t)) % 40 == 3, 0.0, t["gga"])},
    ),
    "missing as -999": Fault(
        found="energy_placeholder",
        change={"r2scan": lambda t: np.where(np.arange(len(t)) % 40 == 3, -999.0, t["r2scan"])},
    ),
    "most energies missing": Fault(
        found="missing_energies",
        change={"r2scan": lambda t: np.where(np.arange(len(t)) % 3 > 0, np.nan, t["r2scan"])},
    ),
    "duplicates": Fault(found="duplicates", rows=doubled),
    "two energies of one material": Fault(
        found="contradictions", rows=lambda table: doubled(table, energy=0.2)
    ),
    "GGA and GGA+U, stated as PBE": Fault(
        found="hubbard_mixture",
        change={"gga": lambda t: t["gga"] - mp2020(t)},
        columns={"gga": {"functional": "PBE", "corrections": "none"}},
        n=260,
    ),
    "eight pairs": Fault(found="few_pairs", rows=lambda table: table.iloc[:8]),
}


WITH_STRUCTURES = {
    "half of them corrected": Fault(
        found="corrections_mixture", change={"gga": lambda t: t["gga"] - mp2020(t) * every(2, t)}
    ),
    "none": Fault(found="", change={}),
}
"""What the network alone can tell."""


def diagnosed(path, table, columns=None, source=SOURCE, structures=None):
    energies = [
        EnergyColumn(column=name, **{**about, **(columns or {}).get(name, {})})
        for name, about in COLUMNS.items()
    ]
    card = Card(name="made", kind="pairs", energies=energies)
    write_pairs(path, card, table.drop(columns=["size", "row"]), structures)
    data = open_pairs(path)
    return diagnose_pairs(data, source).findings()


def changed(fault, table):
    columns = {name: change(table) for name, change in fault.change.items()}
    table = table.assign(**columns)
    return table if fault.rows is None else fault.rows(table)


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name, tmp_path):
    fault = FAULTS[name]
    findings = diagnosed(tmp_path / "made", changed(fault, pairs(n=fault.n)), fault.columns)
    assert fault.found in {one.kind for one in findings}
    assert set(alarms(findings)) <= {fault.found} | fault.echoes


@pytest.mark.parametrize("name", WITH_STRUCTURES)
def test_faults_that_the_network_sees(name, tmp_path, predicted, monkeypatch):
    fault, table = WITH_STRUCTURES[name], pairs(n=260)
    data = open_frame_set(GGA)
    model = "chgnet-r2scan"
    network = (
        predicted.data[model].energies()
        - predicted.data[model].fractions() @ (predicted.atomref[model])
    )
    places = [predicted.place[data.frame(row).frame_id] for row in table["row"]]
    monkeypatch.setattr(
        pair_sets, "interaction_energies", lambda *_, rows, **__: network[places][rows]
    )
    findings = diagnosed(
        tmp_path / "made",
        changed(fault, table),
        source=SourceModel(model, "cpu", 1),
        structures=data.frames(table["row"].to_numpy()),
    )
    assert set(alarms(findings)) == {fault.found} - {""}


def test_stated_u_is_told_with_its_size_and_no_alarm(tmp_path):
    table = pairs(n=260)
    uncorrected = table.assign(gga=table["gga"] - mp2020(table))
    findings = diagnosed(tmp_path / "made", uncorrected, {"gga": {"corrections": "none"}})
    assert alarms(findings) == []
    (told,) = [one for one in findings if one.kind == "hubbard_columns"]
    assert "gga (GGA/GGA+U)" in told.message
    assert float(re.search(r"Fe \+(\d\.\d+)", told.message)[1]) == pytest.approx(2.6, abs=0.5)


@pytest.mark.parametrize("seed", range(10))
def test_clean_sets(seed, tmp_path):
    table = pairs(seed=seed, n=[40, 60, 80, 100, 120][seed % 5])
    assert alarms(diagnosed(tmp_path / "made", table)) == []


@pytest.mark.parametrize("functional", ["HSE06", "PBEsol", "SCAN"])
def test_a_functional_of_unknown_references_judges_no_other(functional, tmp_path):
    table = pairs(n=300)
    shift = np.random.default_rng(0).uniform(-3, 3, 94)
    table["r2scan"] = table["gga"] + fractions(table) @ shift
    columns = {"r2scan": {"functional": functional}, "gga": {"corrections": "MP2020"}}
    assert alarms(diagnosed(tmp_path / "made", table, columns)) == []
