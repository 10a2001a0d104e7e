"""What to choose: greedy choices against brute force, scores against numpy."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from core.acquisition.coverage import (
    ByComposition,
    ByDisagreement,
    ByFeatures,
    chemistry_coverage,
    choose,
    element_coverage,
)
from core.elements import INDEX, fractions_from_formulas

TRAINING = ["NaCl", "NaF", "KCl", "MgO"]
CANDIDATES = ["NaCl", "LiF", "KF", "Fe2O3", "MgO", "LiFePO4", "Xe"]


def coverage(formulas):
    """The coverage of some materials, written out from its definition."""
    elements, pairs = {}, {}
    for row in fractions_from_formulas(formulas) > 0:
        own = np.flatnonzero(row)
        held = list(combinations(own, 2))
        for element in own:
            elements[element] = elements.get(element, 0) + 1
        for pair in held:
            pairs[pair] = pairs.get(pair, 0) + 1 / len(held)
    return sum(n / (5 + n) for n in elements.values()) + 0.1 * sum(
        c / (1 + c) for c in pairs.values()
    )


def by_composition(training=TRAINING, candidates=CANDIDATES):
    return ByComposition(fractions_from_formulas(training), fractions_from_formulas(candidates))


def test_gains_are_differences_of_the_coverage():
    one = by_composition()
    training = list(TRAINING)
    for row in (5, 2, 0):
        expected = [coverage([*training, name]) - coverage(training) for name in CANDIDATES]
        np.testing.assert_allclose(one.gains, expected, atol=1e-12)
        one.add(row)
        training.append(CANDIDATES[row])


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_greedy_is_as_good_as_promised(seed):
    rng = np.random.default_rng(seed)
    symbols = np.array(["Li", "Na", "K", "Mg", "Fe", "O", "F", "Cl", "S", "P"])
    pool = ["".join(rng.choice(symbols, rng.integers(1, 5), replace=False)) for _ in range(8)]
    chosen = choose({"composition": by_composition(["NaCl"], pool)}, 3)
    assert len(set(chosen.rows.tolist())) == 3
    assert (np.diff(chosen.gains["composition"]) <= 1e-12).all()
    base = coverage(["NaCl"])
    best = max(coverage(["NaCl", *some]) for some in combinations(pool, 3)) - base
    own = coverage(["NaCl", *(pool[row] for row in chosen.rows)]) - base
    assert own == pytest.approx(chosen.gains["composition"].sum())
    assert own >= (1 - 1 / np.e) * best - 1e-12


def test_elements_that_are_missing_come_first_with_their_reason():
    chosen = choose({"composition": by_composition()}, 3)
    assert CANDIDATES[chosen.rows[0]] == "LiFePO4"
    assert "Li in no material" in chosen.reasons[0]
    assert by_composition().reason(CANDIDATES.index("Xe")) == "Xe in no material"
    with_one = by_composition(["LiF"], ["NaF"])
    assert with_one.reason(0) == "Na in no material, F–Na in no material"
    assert "F in 2 materials" in by_composition(["LiF", "KF"], ["F"]).reason(0)


def by_features(training, candidates):
    return ByFeatures(
        training,
        candidates,
        training_names=[f"t{i}" for i in range(len(training))],
        candidate_names=[f"c{i}" for i in range(len(candidates))],
    )


def test_farthest_first_against_distances_of_scipy():
    rng = np.random.default_rng(0)
    training, candidates = rng.normal(size=(30, 6)), rng.normal(size=(40, 6))
    chosen = choose({"distance": by_features(training, candidates)}, 10)
    covered, rows = training, []
    for _ in range(10):
        distance = cdist(candidates, covered).min(axis=1)
        rows.append(int(distance.argmax()))
        assert chosen.gains["distance"][len(rows) - 1] == pytest.approx(distance.max())
        covered = np.vstack([covered, candidates[rows[-1]]])
    assert chosen.rows.tolist() == rows
    first = cdist(candidates[rows[:1]], training)[0]
    assert chosen.reasons[0].endswith(f"t{first.argmin()}")


def test_features_that_are_unknown_are_never_chosen_alone():
    candidates = np.array([[0.0, 0.0], [np.nan, np.nan], [3.0, 4.0]])
    one = by_features(np.array([[0.0, 0.0], [np.nan, 0.0]]), candidates)
    chosen = choose({"distance": one}, 3)
    # The first equals a training material: it adds nothing.
    assert chosen.rows.tolist() == [2]
    assert chosen.gains["distance"].tolist() == [5.0]
    assert one.reason(1) == "features unknown"
    empty = by_features(np.empty((0, 2)), candidates)
    assert empty.reason(0) == "no material to compare with"
    assert choose({"distance": empty}, 2).rows.tolist() == [0, 2]


def test_disagreement_takes_the_largest_spread():
    spread = np.array([3.0, np.nan, 20.0, 7.0])
    one = ByDisagreement(spread, 3)
    chosen = choose({"disagreement": one}, 4)
    assert chosen.rows.tolist() == [2, 3, 0]
    assert chosen.reasons[0] == "3 models scatter by 20 meV/atom"
    assert one.reason(1) == "not predicted"


def test_balanced_takes_the_best_mean_rank():
    # Ranks by spread: 1 2 3 4, by distance: 4 3 1 2; the sums are 5 5 4 6.
    spread = ByDisagreement(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    features = by_features(np.zeros((1, 1)), np.array([[9.0], [-7.0], [1.0], [2.0]]))
    chosen = choose({"distance": features, "disagreement": spread}, 4)
    assert chosen.rows[0] == 3
    assert sorted(chosen.rows.tolist()) == [0, 1, 2, 3]
    assert (
        chosen.reasons[0] == "2.00 in features from the nearest, t0; 2 models scatter by 4 meV/atom"
    )
    assert set(chosen.gains) == {"distance", "disagreement"}


def test_tables_count_materials():
    training, pool = fractions_from_formulas(TRAINING), fractions_from_formulas(CANDIDATES)
    table = element_coverage(training, pool).set_index("symbol")
    assert table.loc["Cl"].tolist() == [2, 1]
    assert table.loc["Xe"].tolist() == [0, 1]
    assert table["materials"].is_monotonic_increasing
    assert set(table.index) == {s for s in INDEX if training[:, INDEX[s]].any()} | {
        *("Li", "Fe", "P", "Xe", "Na", "Cl", "F", "K", "O", "Mg")
    }
    kinds = chemistry_coverage(training, pool).set_index("chemistry")
    assert kinds.loc["halide"].tolist() == [3, 3]
    assert kinds.loc["element"].tolist() == [0, 1]


def test_nothing_to_choose_from():
    nothing = ByDisagreement(np.empty(0), 2)
    assert choose({"disagreement": nothing}, 5).rows.tolist() == []
