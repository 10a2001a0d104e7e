"""Feature importance against Shapley's own sums, scikit-learn's scores and repeated sampling."""

import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import xgboost
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.progress import silent
from core.reference.fits.folds import folds
from core.reference.importance import trees as trees_module
from core.reference.importance.analysis import importance
from core.reference.importance.interpretation import family, rank_changes, strongest_partner
from core.reference.importance.trees import fitted_trees
from core.reference.shifts.pairs import PairedEnergies

ELEMENTS = ["Li", "O", "F", "Fe", "Cl"]


@pytest.fixture
def few_rounds(monkeypatch):
    monkeypatch.setattr(trees_module, "ROUNDS", 12)


def made_pairs(n=160, seed=0, frames=1, shift=None):
    """Materials of up to five elements whose shift is nearly linear, with one interaction."""
    rng = np.random.default_rng(seed)
    fractions = np.zeros((n, N_ELEMENTS))
    for row in fractions:
        held = rng.choice(len(ELEMENTS), rng.integers(1, 4), replace=False)
        amounts = rng.integers(1, 5, len(held))
        row[[INDEX[ELEMENTS[i]] for i in held]] = amounts / amounts.sum()
    if shift is None:
        oxygen, iron = fractions[:, INDEX["O"]], fractions[:, INDEX["Fe"]]
        shift = 0.5 * oxygen - 0.8 * iron * (oxygen > 0) + rng.normal(0, 0.01, n)
    fractions, shift = np.repeat(fractions, frames, axis=0), np.repeat(shift, frames)
    source = rng.normal(-5, 1, len(shift))
    return PairedEnergies(
        material_id=np.repeat([f"m-{i}" for i in range(n)], frames),
        formula=np.full(n * frames, "?"),
        fractions=fractions,
        source=source,
        target=source + shift,
        index=np.arange(n * frames),
        source_functional="PBE",
        target_functional="r2SCAN",
    )


def expectation(tree, x, known):
    """Average a tree over the features that are not known, by how many rows went each way."""
    if "leaf" in tree:
        return tree["leaf"]
    children = {child["nodeid"]: child for child in tree["children"]}
    yes, no = children[tree["yes"]], children[tree["no"]]
    feature = int(tree["split"].removeprefix("f"))
    if feature in known:
        went = yes if np.float32(x[feature]) < np.float32(tree["split_condition"]) else no
        return expectation(went, x, known)
    both = yes["cover"] * expectation(yes, x, known) + no["cover"] * expectation(no, x, known)
    return both / (yes["cover"] + no["cover"])


def shapley(ensemble, x):
    """Return Shapley's sum over all subsets, feature by feature, and the value of knowing none."""
    p = len(x)
    value = {
        subset: sum(expectation(tree, x, set(subset)) for tree in ensemble)
        for size in range(p + 1)
        for subset in combinations(range(p), size)
    }
    found = np.zeros(p)
    for feature in range(p):
        for subset, without in value.items():
            if feature not in subset:
                weight = factorial(len(subset)) * factorial(p - len(subset) - 1) / factorial(p)
                joined = tuple(sorted({*subset, feature}))
                found[feature] += weight * (value[joined] - without)
    return found, value[()]


def fitted(pairs, **options):
    X = pairs.fractions[:, [INDEX[symbol] for symbol in ELEMENTS]].astype(np.float32)
    told = {"threads": 1, "seed": 0, "progress": silent, "what": ""} | options
    return X, fitted_trees(X, pairs.shift, **told)


def test_shap_values_are_shapleys(few_rounds):
    X, trees = fitted(made_pairs())
    ensemble = [json.loads(text) for text in trees.booster.get_dump("", True, "json")]
    assert len(ensemble) == 12
    assert any("children" in child for tree in ensemble for child in tree.get("children", []))
    rows = X[::16]
    values, base = trees.contributions(rows, progress=silent)
    for x, found in zip(rows, values, strict=True):
        expected, none = shapley(ensemble, x)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert base == pytest.approx(none + trees.mean, abs=1e-5)


def test_shap_values_are_xgboosts_and_sum_to_the_prediction():
    pairs = made_pairs(n=400)
    X, trees = fitted(pairs)
    values, base = trees.contributions(X, progress=silent)
    own = trees.booster.predict(xgboost.DMatrix(X), pred_contribs=True)
    np.testing.assert_allclose(values, own[:, :-1], atol=1e-5)
    np.testing.assert_allclose(base - trees.mean, own[:, -1], atol=1e-5)
    predicted = trees.predict(X)
    np.testing.assert_allclose(values.sum(axis=1) + base, predicted, atol=1e-5)
    assert r2_score(pairs.shift, predicted) > 0.97


def test_the_result_holds_what_the_final_trees_say(few_rounds):
    pairs = made_pairs()
    found = importance(pairs, explained="total", threads=1)
    seen = [INDEX[symbol] for symbol in ELEMENTS]
    assert found.n == found.n_explained == len(pairs)
    np.testing.assert_allclose(
        found.importance[seen], np.abs(found.shap[:, seen]).mean(axis=0), rtol=1e-6
    )
    assert np.isnan(found.importance).sum() == N_ELEMENTS - len(ELEMENTS)
    assert not found.error[seen].any()
    X = pairs.fractions[found.shap_rows]
    for index in seen:
        here = X[:, index] > 0
        assert found.signed[index] == pytest.approx(found.shap[here, index].mean(), abs=1e-6)
    counts = [np.count_nonzero(pairs.fractions[:, index]) for index in seen]
    assert found.counts[seen].tolist() == counts
    top = found.table()
    assert set(top["symbol"].head(2)) == {"Fe", "O"}
    assert top["rank"].tolist() == [1, 2, 3, 4, 5]


def test_scores_are_those_of_the_folds(few_rounds):
    pairs = made_pairs()
    found = importance(pairs, explained="total", threads=1)
    dealt = folds(pairs.material_id)
    np.testing.assert_array_equal(found.fold, dealt)
    np.testing.assert_array_equal(found.differences, pairs.shift)
    seen = [INDEX[symbol] for symbol in ELEMENTS]
    for number in range(5):
        held = dealt == number
        line = Ridge(alpha=1e-2, fit_intercept=False)
        line.fit(pairs.fractions[~held][:, seen], pairs.shift[~held])
        expected = line.predict(pairs.fractions[held][:, seen])
        np.testing.assert_allclose(found.held_out_line[held], expected, atol=1e-9)
        for predicted, r2, mae in (
            (found.held_out, found.r2, found.mae),
            (found.held_out_line, found.r2_linear, found.mae_linear),
        ):
            assert r2[number] == pytest.approx(r2_score(pairs.shift[held], predicted[held]))
            assert mae[number] == pytest.approx(
                mean_absolute_error(pairs.shift[held], predicted[held])
            )
    assert found.r2_cv == pytest.approx(found.r2.mean())


def test_trees_find_what_a_line_cannot():
    found = importance(made_pairs(n=500), explained="total", threads=1)
    assert found.r2_cv > 0.95
    assert found.r2_cv > found.r2_cv_linear + 0.05


def test_the_order_of_rows_does_not_matter(few_rounds):
    pairs = made_pairs(frames=2)
    order = np.random.default_rng(3).permutation(len(pairs))
    one = importance(pairs, explained="total", threads=1, most=100)
    other = importance(pairs.select(order), explained="total", threads=1, most=100)
    np.testing.assert_allclose(other.importance, one.importance, atol=1e-7)
    np.testing.assert_allclose(other.r2, one.r2, atol=1e-7)
    np.testing.assert_allclose(other.held_out, one.held_out[order], atol=1e-6)
    drawn = set(pairs.material_id[one.shap_rows])
    assert drawn == set(pairs.material_id[order][other.shap_rows])
    again = importance(pairs, explained="total", threads=1, most=100)
    np.testing.assert_array_equal(again.shap, one.shap)


def test_elements_without_effect_get_nothing():
    pairs = made_pairs(n=200)
    fractions = pairs.fractions.copy()
    # Helium is everywhere in the same share; neon nowhere.
    fractions *= 0.8
    fractions[:, INDEX["He"]] = 0.2
    found = importance(
        PairedEnergies(
            **{name: getattr(pairs, name) for name in pairs.__slots__ if name != "fractions"},
            fractions=fractions,
        ),
        explained="total",
        threads=1,
    )
    assert found.importance[INDEX["He"]] == 0
    assert np.isnan(found.importance[INDEX["Ne"]])
    constant = made_pairs(n=50, shift=np.full(50, -3.0))
    nothing = importance(constant, explained="total", threads=1)
    assert np.nanmax(nothing.importance) < 1e-6
    assert nothing.base == pytest.approx(-3.0)
    assert np.isnan(nothing.r2_cv) or nothing.mae.max() < 1e-6


def test_whole_materials_are_drawn_and_the_error_is_that_of_repeated_draws(few_rounds):
    pairs = made_pairs(n=300, frames=2)
    runs = [
        importance(pairs, explained="total", threads=1, most=120, seed=seed) for seed in range(25)
    ]
    for run in runs:
        assert run.n_explained == 120
        drawn, sizes = np.unique(pairs.material_id[run.shap_rows], return_counts=True)
        assert len(drawn) == 60
        assert set(sizes) == {2}
    index = INDEX["Fe"]
    spread = np.std([run.importance[index] for run in runs], ddof=1)
    told = np.mean([run.error[index] for run in runs])
    assert 0.6 < told / spread < 1.6


def test_formation_energies_leave_out_what_has_no_reference(few_rounds):
    pairs = made_pairs(n=100)
    fractions = pairs.fractions.copy()
    fractions[:7] = 0
    fractions[:7, [INDEX["Mo"], INDEX["O"]]] = 0.5
    pairs = PairedEnergies(
        **{name: getattr(pairs, name) for name in pairs.__slots__ if name != "fractions"},
        fractions=fractions,
    )
    found = importance(pairs, threads=1)
    assert (found.missing, found.n_left_out, found.n) == (["Mo"], 7, 93)
    assert found.rows.min() == 7
    assert found.counts[INDEX["Mo"]] == 0
    assert "Materials Project" in found.references
    with pytest.raises(LabError, match="no material has references"):
        importance(pairs.select((fractions > 0).sum(axis=1) > 1), references="own", threads=1)


def test_scaled_energies_leave_nothing_for_a_line(few_rounds):
    found = importance(made_pairs(), explained="scaled", threads=1)
    assert found.references == ""
    assert found.r2_cv_linear < 0.1
    assert abs(found.differences.mean()) < 1e-9


def test_progress_is_told_within_fits_and_may_end_the_work():
    told = []
    importance(
        made_pairs(),
        explained="total",
        threads=1,
        progress=lambda share, what: told.append((share, what)),
    )
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert max(shares) <= 1
    assert sum("Fit 2 of 5" in what for _, what in told) > 100
    assert "SHAP" in told[-1][1]

    class Ended(Exception):  # noqa: N818  a wish, not an error
        pass

    def stop(share, what):
        if share > 0.3:
            raise Ended

    with pytest.raises(Ended):
        importance(made_pairs(), explained="total", threads=1, progress=stop)


def test_mistakes_are_told():
    with pytest.raises(LabError, match="cannot be split into 5 folds"):
        importance(made_pairs(n=3), explained="total", threads=1)
    with pytest.raises(LabError, match="cannot be explained"):
        importance(made_pairs(n=9), explained="everything", threads=1)


def test_ranks_are_compared(few_rounds):
    pairs = made_pairs()
    other = PairedEnergies(
        **{name: getattr(pairs, name) for name in pairs.__slots__ if name != "target"},
        target=pairs.target + 3 * pairs.fractions[:, INDEX["Cl"]],
    )
    first = importance(pairs, explained="total", threads=1)
    second = importance(other, explained="total", threads=1)
    table = rank_changes(first, second).set_index("symbol")
    assert table.loc["Cl", "rank_second"] == 1
    assert table.loc["Cl", "change"] == table.loc["Cl", "rank_first"] - 1
    assert table.loc["Cl", "family"] == "halogen"
    assert table["change"].abs().iloc[0] == table["change"].abs().max()


def test_families_are_columns_of_the_table():
    assert [family(s) for s in ("N", "Bi", "O", "Te", "F", "At")] == [
        *["pnictogen"] * 2,
        *["chalcogen"] * 2,
        *["halogen"] * 2,
    ]
    # The lanthanides of the rows below share column numbers with these.
    assert [family(s) for s in ("Si", "He", "Er", "Tm", "Yb", "Pu")] == [""] * 6


def test_the_strongest_partner_is_the_one_that_acts():
    rng = np.random.default_rng(1)
    n = 400
    fractions = np.zeros((n, N_ELEMENTS))
    fractions[:, INDEX["O"]] = rng.choice([0.2, 0.4, 0.6], n)
    partner = rng.random(n) * (1 - fractions[:, INDEX["O"]])
    fractions[:, INDEX["Fe"]] = partner
    fractions[:, INDEX["Li"]] = rng.random(n) * 0.1
    shap = fractions[:, INDEX["O"]] + 0.3 * partner
    assert strongest_partner(shap, fractions, INDEX["O"]) == INDEX["Fe"]
    assert strongest_partner(shap, fractions, INDEX["Na"]) is None
    alone = np.zeros((4, N_ELEMENTS))
    alone[:, INDEX["O"]] = 1
    assert strongest_partner(np.ones(4), alone, INDEX["O"]) is None
