"""What composition lets expect, beside stock chgnet's AtomRef and the embedded energies."""

import numpy as np
import pytest
from chgnet.model import CHGNet

from core.checks.composition import row_finding, sampled_finding, table_findings
from core.checks.expected import expected_energies, expected_references, pure_energies
from core.checks.other_scales import scale_finding
from core.checks.readings import sizes_of
from core.elements import INDEX, amounts_from_formulas
from core.frames.pairs import write_pairs
from core.frames.registry import open_dataset, open_frame_set
from core.frames.schema import Card, EnergyColumn

FRAMES = {"mp-frames-gga": "GGA/GGA+U", "mp-frames-r2scan": "r2SCAN"}


def written(path, name, table, energies, functional):
    card = Card(name=name, kind="pairs", energies=[EnergyColumn(column="e", functional=functional)])
    write_pairs(path / "datasets" / name, card, table.assign(e=energies))


def test_references_are_near_those_of_stock_chgnet():
    stock = CHGNet.load(use_device="cpu", verbose=False).composition_model.fc.weight
    stock = stock.detach().numpy().ravel()
    data = open_dataset("mp-structures")
    often = (data.fractions() > 0).sum(axis=0) >= 30
    off = expected_references("GGA/GGA+U") - stock
    assert np.median(np.abs(off[often])) < 0.3
    assert np.abs(off[often]).max() < 1.5


@pytest.mark.parametrize("name", FRAMES)
def test_energies_lie_near_what_composition_lets_expect(name):
    data = open_frame_set(name)
    ratio = data.energies() / expected_energies(data.fractions(), FRAMES[name])
    assert 0.95 < np.median(ratio) < 1.05
    assert np.mean(np.abs(ratio - 1) < 0.3) > 0.95
    names = data.table()["frame_id"].to_numpy()
    sizes = sizes_of(data.formulas(), data.n_atoms())
    clean = (data.energies(), data.fractions(), sizes, names)
    assert row_finding(*clean, FRAMES[name]) is None


def test_an_element_of_which_nothing_is_known_is_not_compared():
    X = np.zeros((2, 94))
    X[0, INDEX["Fe"]] = X[1, INDEX["At"]] = 1.0
    assert np.isfinite(expected_energies(X, "PBE")).tolist() == [True, False]


@pytest.mark.parametrize("column", ["energy_gga_chgnet", "energy_r2scan_chgnet"])
@pytest.mark.parametrize("n", [40, 100, 1000])
def test_tables_in_another_order_are_told_at_import(column, n, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    data = open_dataset("mp-structures")
    rng = np.random.default_rng(n)
    table = data.table().iloc[rng.permutation(len(data))[:n]].reset_index(drop=True)
    stated = data.card.energy_column(column)
    for name, change in (("right", lambda e: e), ("shifted", lambda e: np.roll(e, 1))):
        energies = change(table[column].to_numpy())
        written(tmp_path, name, table[["material_id", "formula"]], energies, stated.functional)
    assert table_findings("right") == []
    (finding,) = table_findings("shifted")
    assert finding.kind == "energy_mismatch"
    assert finding.message.startswith(f"e ({stated.functional}): ")


def test_a_sample_tells_of_a_part_in_another_unit():
    data = open_dataset("mp-structures")
    table = data.table()
    energies = data.energy("energy_r2scan_chgnet").copy()
    arguments = (data.fractions(), table["formula"].to_numpy())
    ids = table["material_id"].to_numpy()
    assert sampled_finding(*arguments, energies, ids, "r2SCAN") is None
    energies[::7] /= 27.211386
    finding = sampled_finding(*arguments, energies, ids, "r2SCAN")
    assert finding.kind == "unit_mixture"
    assert "in Ha/atom" in finding.message
    energies = data.energy("energy_r2scan_chgnet") / 27.211386
    assert sampled_finding(*arguments, energies, ids, "r2SCAN").kind == "energy_unit"


def crystals(functional):
    return np.nan_to_num(pure_energies("crystal", functional))


SCALES = {
    "formation": ("energy_reference", lambda e, X: e - X @ crystals("r2SCAN")),
    "atomization": (
        "energy_reference",
        lambda e, X: e - X @ np.nan_to_num(pure_energies("atom", "r2SCAN")),
    ),
    "no-mean": ("energy_reference", lambda e, _: e - e.mean()),
    "standardized": ("energy_reference", lambda e, _: (e - e.mean()) / e.std()),
    "all-electron": ("energy_zero", lambda e, X: e + X @ np.linspace(-20, -30_000, 94)),
    "half-of-another-code": (
        "energy_mixture",
        lambda e, X: e + (np.arange(len(e)) % 2) * (X @ np.linspace(-20, -30_000, 94)),
    ),
    "one-wrong": ("energy_outliers", lambda e, _: e + 15.0 * (np.arange(len(e)) == 7)),
    "divided": ("energy_extent", None),
}


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("n", [80, 1000])
def test_tables_on_another_scale_are_told_at_import(name, n, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    data = open_dataset("mp-structures")
    rows = np.random.default_rng(n).permutation(len(data))[:n]
    table = data.table().iloc[rows][["material_id", "formula"]].reset_index(drop=True)
    energies, X = data.energy("energy_r2scan_chgnet")[rows], data.fractions()[rows]
    kind, change = SCALES[name]
    changed = (
        energies / amounts_from_formulas(table["formula"].to_numpy()).sum(axis=1)
        if change is None
        else change(energies, X)
    )
    written(tmp_path, name, table, changed, "r2SCAN")
    (finding,) = table_findings(name)
    assert finding.kind == kind
    # Of a functional of which nothing is known, no zero is.
    written(tmp_path, "unknown", table, energies, "HSE06")
    assert table_findings("unknown") == []


def test_a_constant_is_told_of_many_elements_alone():
    data = open_dataset("mp-structures")
    X, energies = data.fractions()[:300], data.energy("energy_r2scan_chgnet")[:300] + 5.0
    one = np.tile(X[:1], (40, 1))
    references = expected_references("r2SCAN")
    told = scale_finding(X, energies, references, "r2SCAN", close=0.6)
    assert "beside that constant" in told.message
    assert scale_finding(X, energies, references, "HSE06", close=0.6) is None
    assert scale_finding(one, energies[:40], references, "r2SCAN", close=0.6) is None
