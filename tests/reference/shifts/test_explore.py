"""Correlations, running medians, categories and means by element, against scipy and pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.elements import INDEX, fractions_from_formulas
from core.reference.shifts.explore import by_category, by_element, relation, running_median


def test_relation_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 12, 300).astype(float)  # with ties
    y = np.exp(x / 4) + rng.normal(0, 1, 300)
    x[:10], y[5:20] = np.nan, np.nan
    both = np.isfinite(x) & np.isfinite(y)
    found = relation(x, y)
    assert found.n == both.sum() == 280
    assert found.pearson == pytest.approx(stats.pearsonr(x[both], y[both]).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(x[both], y[both]).statistic)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pairs_correlate_with_nothing(n):
    found = relation(np.ones(n), np.ones(n))
    assert found.n == n
    assert np.isnan([found.pearson, found.spearman]).all()


def test_a_constant_correlates_with_nothing():
    y = np.random.default_rng(1).normal(size=50)
    found = relation(np.full(50, 0.1) + 1e-18, y)
    assert np.isnan([found.pearson, found.spearman]).all()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(-5, 5), st.floats(-1e3, 1e3)), min_size=1, max_size=400
    )
)  # fmt: skip
def test_running_median_keeps_every_pair_and_never_parts_ties(points):
    x, y = np.array(points, dtype=float).T
    found = running_median(x, y)
    assert found["n"].sum() == len(x)
    assert (np.diff(found["x"]) > 0).all()
    assert (found["low"] <= found["median"]).all()
    assert (found["median"] <= found["high"]).all()


def test_running_median_of_a_window():
    x = np.arange(30.0)
    y = np.random.default_rng(2).normal(size=30)
    found = running_median(x, y)
    assert found["n"].tolist() == [15, 15]
    assert found["median"][0] == np.median(y[:15])
    assert found["low"][1] == np.quantile(y[15:], 0.25)
    assert found["high"][1] == np.quantile(y[15:], 0.75)
    assert running_median(np.full(3, np.nan), y[:3]).empty


def test_categories_come_commonest_first():
    found = by_category(
        np.array(["b", "a", "b", "", "c", "b"]), np.array([1.0, 5, 2, 9, np.nan, 6])
    )
    assert found["category"].tolist() == ["b", "a"]
    assert found["n"].tolist() == [3, 1]
    row = found.iloc[0]
    assert (row["mean"], row["median"]) == (3.0, 2.0)
    assert row["low"] == pytest.approx(np.quantile([1, 2, 6], 0.05))
    assert row["high"] == pytest.approx(np.quantile([1, 2, 6], 0.95))


def test_by_element_counts_each_material_once():
    formulas = ["Fe2O3", "Fe2O3", "Fe2O3", "LiF", "FeO", "LiF", "Li2O", "U"]
    ids = np.array(["a", "a", "a", "b", "c", "b", "d", "e"])
    shift = np.array([-3.0, -4, -5, -1, -6, -1.5, -2, -20])
    residual = np.random.default_rng(3).normal(size=8)
    table = by_element(
        fractions_from_formulas(formulas), {"shift": shift, "residual": residual}, ids, rare=2
    ).set_index("symbol")
    assert table.index.tolist() == sorted(table.index, key=INDEX.__getitem__)
    assert table["n"].to_dict() == {"Li": 2, "O": 3, "F": 1, "Fe": 2, "U": 1}
    assert table.index[table["rare"]].tolist() == ["F", "U"]
    for name, values in (("shift", shift), ("residual", residual)):
        means = pd.Series(values).groupby(ids).mean()
        oxygen = means[["a", "c", "d"]]
        low, high = stats.t.interval(0.95, 2, loc=oxygen.mean(), scale=stats.sem(oxygen))
        assert table.loc["O", name] == pytest.approx(oxygen.mean())
        assert table.loc["O", f"{name}_low"] == pytest.approx(low)
        assert table.loc["O", f"{name}_high"] == pytest.approx(high)
    assert table.loc["U", "shift"] == pytest.approx(-20)
    assert np.isnan(table.loc["U", ["shift_low", "shift_high"]].astype(float)).all()
