"""Paired energies from both kinds of data set, and how far apart they are."""

import numpy as np
import pandas as pd
import pytest

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames
from core.reference.shifts.pairs import PairedEnergies, default_columns
from core.reference.shifts.shift import outliers, summarize

FORMULAS = ["NaCl", "Na2O", "Cl2", "Na", "MgO", "Mg", "O2", "MgCl2", "NaClO", "Na2MgCl4"]
REFERENCES = {"PBE": {"Na": -1.3, "Cl": -1.8, "Mg": -1.5, "O": -4.9}}
REFERENCES["r2SCAN"] = {"Na": -3.6, "Cl": -6.2, "Mg": -4.2, "O": -5.8}


def pair_set():
    rng = np.random.default_rng(0)
    binding = rng.normal(-1, 0.7, len(FORMULAS))
    columns = [
        EnergyColumn(column="e_pbe", functional="PBE", corrections="none"),
        EnergyColumn(column="e_r2", functional="r2SCAN", labels="chgnet-r2scan"),
    ]
    table = pd.DataFrame({"material_id": [f"m{i}" for i in range(10)], "formula": FORMULAS})
    card = Card(name="salts", kind="pairs", energies=columns, n=10)
    X = PairSet(card, table).fractions()
    for energy, noise in zip(columns, (0, 0.05), strict=True):
        references = np.zeros(94)
        for symbol, value in REFERENCES[energy.functional].items():
            references[{"Na": 10, "Cl": 16, "Mg": 11, "O": 7}[symbol]] = value
        table[energy.column] = X @ references + binding + noise * rng.normal(size=10)
    table.loc[4, "e_r2"] = np.nan
    return PairSet(card, table)


@pytest.fixture
def pairs():
    return PairedEnergies.from_pair_set(pair_set(), "e_pbe", "e_r2")


def test_pair_set_drops_and_counts_what_lacks_an_energy(pairs):
    assert len(pairs) == 9
    assert pairs.n_dropped == 1
    assert list(pairs.index) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert pairs.formula[4] == "Mg"
    assert (pairs.source_functional, pairs.target_functional) == ("PBE", "r2SCAN")
    assert (pairs.source_corrections, pairs.target_corrections) == ("none", "unknown")
    assert pairs.target_labels == "chgnet-r2scan"
    assert pairs.is_model_labelled
    np.testing.assert_array_equal(pairs.shift, pairs.target - pairs.source)


def test_select_keeps_rows_together(pairs):
    magnesium = pairs.select(pairs.fractions[:, 11] > 0)
    assert list(magnesium.formula) == ["Mg", "MgCl2", "Na2MgCl4"]
    assert list(magnesium.index) == [5, 7, 9]


def test_pair_set_refuses_what_cannot_be_paired():
    with pytest.raises(LabError, match="same column 'e_pbe'"):
        PairedEnergies.from_pair_set(pair_set(), "e_pbe", "e_pbe")
    with pytest.raises(LabError, match="e_hse"):
        PairedEnergies.from_pair_set(pair_set(), "e_pbe", "e_hse")
    emptied = pair_set()
    table = emptied.table().assign(e_r2=np.nan)
    with pytest.raises(LabError, match="no row has both e_pbe and e_r2"):
        PairedEnergies.from_pair_set(PairSet(emptied.card, table), "e_pbe", "e_r2")


def test_summary_is_numpys(pairs):
    summary = summarize(pairs)
    assert summary.n == 9
    assert summary.pearson_raw == pytest.approx(np.corrcoef(pairs.source, pairs.target)[0, 1])
    scaled = [
        y - pairs.fractions @ np.linalg.lstsq(pairs.fractions, y)[0]
        for y in (pairs.source, pairs.target)
    ]
    np.testing.assert_allclose(summary.scaled_source, scaled[0], atol=1e-9)
    np.testing.assert_allclose(summary.scaled_target, scaled[1], atol=1e-9)
    assert summary.pearson_scaled == pytest.approx(np.corrcoef(scaled)[0, 1])
    assert summary.pearson_scaled > 0.95
    assert summary.mean_shift == pytest.approx(np.mean(pairs.target - pairs.source))
    assert summary.mae == pytest.approx(np.mean(np.abs(pairs.target - pairs.source)))
    assert summary.target_atomref.functional == "r2SCAN"


def test_summary_of_too_few_pairs(pairs):
    two = summarize(pairs.select(np.array([0, 1])))
    assert np.isnan(two.pearson_scaled)
    assert two.pearson_raw == pytest.approx(1) or two.pearson_raw == pytest.approx(-1)
    one = summarize(pairs.select(np.array([0])))
    assert np.isnan(one.pearson_raw)
    with pytest.raises(LabError, match="no pairs"):
        summarize(pairs.select(np.zeros(9, dtype=bool)))


def test_outliers_come_largest_first(pairs):
    summary = summarize(pairs)
    table = outliers(pairs, 4)
    residual = np.abs(summary.scaled_target - summary.scaled_source)
    assert len(table) == 4
    np.testing.assert_allclose(np.abs(table["residual"]), np.sort(residual)[::-1][:4])
    assert table["row"].iloc[0] == pairs.index[np.argmax(residual)]
    assert table["formula"].iloc[0] == FORMULAS[table["row"].iloc[0]]
    pd.testing.assert_frame_equal(table, outliers(pairs, 4, summary=summary))


def frame(name, numbers, energy):
    return Frame(
        frame_id=name,
        material_id=name.split("-")[0],
        atomic_numbers=np.array(numbers, dtype=np.uint8),
        frac_coords=np.linspace(0, 0.5, 3 * len(numbers)).reshape(-1, 3),
        lattice=4 * np.eye(3),
        energy_per_atom=energy,
    )


def frame_set(directory, functional, frames):
    card = Card(name=directory.name, kind="frames", functional=functional, corrections="none")
    write_frames(directory, card, frames)
    return open_frames(directory)


def test_frame_sets_join_on_frame_id(tmp_path):
    pbe = [frame("a-1", [3, 8], -4.0), frame("a-2", [3, 8], -3.9), frame("b-1", [12], -1.5)]
    r2scan = [frame("b-1", [12], -4.1), frame("c-1", [8], -5.0), frame("a-1", [8, 3], -5.5)]
    pairs = PairedEnergies.from_frame_sets(
        frame_set(tmp_path / "pbe", "PBE", pbe), frame_set(tmp_path / "r2", "r2SCAN", r2scan)
    )
    assert list(pairs.source) == [-4.0, -1.5]
    assert list(pairs.target) == [-5.5, -4.1]
    assert list(pairs.index) == [0, 2]
    assert list(pairs.material_id) == ["a", "b"]
    assert pairs.n_dropped == 1
    assert (pairs.source_functional, pairs.target_functional) == ("PBE", "r2SCAN")
    assert pairs.source_corrections == "none"


def test_frame_sets_that_do_not_match(tmp_path):
    one = frame_set(tmp_path / "one", "PBE", [frame("a-1", [3], -1.0)])
    other = frame_set(tmp_path / "other", "PBE", [frame("a-1", [11], -1.0)])
    third = frame_set(tmp_path / "third", "PBE", [frame("x-1", [11], -1.0)])
    with pytest.raises(LabError, match="different compositions under frame id 'a-1'"):
        PairedEnergies.from_frame_sets(one, other)
    with pytest.raises(LabError, match="share no frame id"):
        PairedEnergies.from_frame_sets(one, third)


def test_default_columns_take_two_functionals():
    columns = [
        EnergyColumn(column="a", functional="GGA/GGA+U", corrections="MP2020"),
        EnergyColumn(column="b", functional="GGA/GGA+U", corrections="none"),
        EnergyColumn(column="c", functional="r2SCAN"),
    ]
    card = Card(name="mine", kind="pairs", energies=columns)
    assert default_columns(card) == ("a", "c")
    assert default_columns(card.model_copy(update={"energies": columns[:2]})) == ("a", "b")
    with pytest.raises(LabError, match="needs a second functional"):
        default_columns(card.model_copy(update={"energies": columns[:1]}))


def test_a_filter_keeps_the_references_of_all_pairs(pairs):
    whole = summarize(pairs)
    some = np.arange(len(pairs)) % 2 == 0
    kept = summarize(pairs.select(some), whole=whole)
    np.testing.assert_allclose(kept.residual, whole.residual[some])
    assert (kept.n, kept.n_fitted) == (some.sum(), len(pairs))
    # As many references as pairs leave nothing over, and the fit says so.
    refitted = summarize(pairs.select(some))
    assert refitted.n_fitted == some.sum()
    n_elements = (pairs.fractions[some] > 0).any(axis=0).sum()
    assert bool(refitted.warning) == (some.sum() < 2 * n_elements)
    few = summarize(pairs.select(np.array([0, 1])))
    assert "fitted to 2 pairs with" in few.warning
