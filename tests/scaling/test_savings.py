"""Choice of the form, the extrapolation test, frames saved and crossings."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import LabError
from core.scaling.extrapolation import ERRORS, FRAMES, extrapolation
from core.scaling.form_choice import choose_form
from core.scaling.law import fit_law
from core.scaling.savings import crossing, frames_saved
from core.scaling.savings_text import answer_text, crossing_sentences
from tests.scaling.generated_points import generated, with_frames

EIGHT = tuple(25.0 * 2**i for i in range(8))


def test_larger_sizes_choose_the_form():
    floor = generated(np.random.default_rng(0), sizes=EIGHT, a=2000, b=0.6, c=40, noise=0.03)
    choice = choose_form(floor)
    assert choice.form == "offset"
    assert choice.held_out == (1600.0, 3200.0)
    assert choice.errors["offset"] < choice.errors["power"]
    assert choice.refused == {}
    exact = generated(np.random.default_rng(0), sizes=EIGHT, noise=0)
    assert choose_form(exact).form == choose_form(exact).better == "power"


def test_misses_are_those_of_fits_without_the_held_out_sizes():
    points = generated(np.random.default_rng(1), noise=0.1)
    choice = choose_form(points, min_frames=60)
    assert choice.held_out == (1600.0,)
    used = (points.n_frames >= 60) & (points.n_frames < 1600)
    line = np.polyfit(np.log(points.n_frames[used]), np.log(points.error[used]), 1)
    seen = np.log(points.error[points.n_frames == 1600]).mean()
    assert choice.errors == {"power": pytest.approx(abs(seen - np.polyval(line, np.log(1600))))}
    assert "needs 5 sizes" in choice.refused["offset"]
    # What was not tried is not worse.
    assert choice.better is None


def test_no_form_is_chosen_where_none_can_be_fitted():
    points = generated(np.random.default_rng(2), sizes=(100.0, 200.0))
    with pytest.raises(LabError, match="needs 3 sizes"):
        choose_form(points)
    three = choose_form(generated(np.random.default_rng(2), sizes=(100.0, 200.0, 400.0)))
    assert (three.form, three.errors) == ("power", {})
    assert set(three.refused) == {"power", "offset"}


def test_a_wrong_form_is_seldom_chosen():
    rng = np.random.default_rng(3)
    made = [generated(rng, sizes=EIGHT) for _ in range(20)]
    assert np.mean([choose_form(points).form == "power" for points in made]) > 0.8
    made = [generated(rng, sizes=EIGHT, a=2000, b=0.6, c=40) for _ in range(10)]
    assert np.mean([choose_form(points).form == "offset" for points in made]) > 0.9


def test_sizes_are_predicted_from_a_quarter_of_them():
    points = generated(np.random.default_rng(4))
    table = extrapolation(points)
    assert list(table) == ERRORS + FRAMES
    # 400 frames have two sizes up to 100; 800 have 50, 100 and 200.
    assert table["n_frames"].tolist() == [800, 1600]
    assert table["n_fitted_sizes"].tolist() == [3, 4]
    few = points.n_frames <= 400
    line = np.polyfit(np.log(points.n_frames[few]), np.log(points.error[few]), 1)
    last = table.iloc[-1]
    assert last["predicted"] == pytest.approx(np.exp(np.polyval(line, np.log(1600))))
    seen = np.exp(np.log(points.error[points.n_frames == 1600]).mean())
    assert last["seen"] == pytest.approx(seen)
    assert last["relative_error"] == pytest.approx(last["predicted"] / seen - 1)
    assert last["low"] < last["predicted"] < last["high"]
    assert extrapolation(points, form="offset").empty
    assert list(extrapolation(points, form="offset")) == ERRORS + FRAMES


def test_a_floor_is_predicted_too_low():
    points = generated(np.random.default_rng(5), a=2000, b=0.6, c=40, noise=0.01)
    last = extrapolation(points).iloc[-1]
    assert last["relative_error"] < -0.1
    assert last["high"] < last["seen"]


def test_frames_saved_between_parallel_laws():
    """With one exponent the ratio is (a_worse / a_better)^(1/b) at every error."""
    rng = np.random.default_rng(6)
    better = fit_law(generated(rng, a=300, noise=0.01))
    worse = fit_law(generated(rng, a=600, noise=0.01))
    beyond = frames_saved(better, worse, np.array([1.0])).iloc[0]
    assert np.isnan([beyond["n_better"], beyond["n_worse"], beyond["ratio"]]).all()
    table = frames_saved(better, worse, np.array([88.0, 70.0, 55.0]))
    assert table["ratio"].iloc[:2].to_numpy() == pytest.approx(2 ** (1 / 0.3), rel=0.1)
    assert table["ratio"].to_numpy() == pytest.approx(table["n_worse"] / table["n_better"])
    assert (table["ratio_low"] < table["ratio"]).all()
    assert (table["ratio_high"] > table["ratio"]).all()
    assert table["inside"].tolist() == [True, True, False]
    assert not table["at_least"].any()
    assert table["n_better"].iloc[1] == pytest.approx((300 / 70) ** (1 / 0.3), rel=0.1)


def test_below_its_smallest_size_a_method_saves_at_least_so_much():
    rng = np.random.default_rng(6)
    better = fit_law(generated(rng, a=100, noise=0.01))
    worse = fit_law(generated(rng, a=600, noise=0.01))
    row = frames_saved(better, worse, np.array([70.0])).iloc[0]
    assert better.frames_for(70.0) < better.smallest == row["n_better"]
    assert row["at_least"]
    assert not row["inside"]
    assert row["ratio"] == pytest.approx(row["n_worse"] / better.smallest)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"] < 2 * row["ratio"]


def test_a_method_that_never_gets_there():
    rng = np.random.default_rng(7)
    better = fit_law(generated(rng, a=300, noise=0.01))
    worse = fit_law(generated(rng, a=2000, b=0.6, c=40, noise=0.01), form="offset")
    stuck = frames_saved(better, worse, np.array([20.0])).iloc[0]
    assert np.isnan([stuck["n_worse"], stuck["ratio"], stuck["ratio_low"]]).all()
    assert not stuck["inside"]
    neither = frames_saved(worse, worse, np.array([20.0])).iloc[0]
    assert np.isnan([neither["ratio"], neither["ratio_low"], neither["ratio_high"]]).all()


def test_intervals_of_the_ratio_hold():
    rng = np.random.default_rng(8)
    hits = []
    for i in range(60):
        better = fit_law(generated(rng, a=300), seed=i, replicates=400)
        worse = fit_law(generated(rng, a=600), seed=i, replicates=400)
        row = frames_saved(better, worse, np.array([70.0])).iloc[0]
        hits.append(row["ratio_low"] <= 2 ** (1 / 0.3) <= row["ratio_high"])
    assert np.mean(hits) >= 0.88


def test_shared_evaluation_frames_drop_out_of_the_ratio():
    """Both methods are judged on the same frames: a draw that is hard is hard for both."""
    rng = np.random.default_rng(9)
    whole = with_frames(rng, generated(rng, a=300, noise=0), own=0.0)
    better = fit_law(whole)
    worse = fit_law(replace(whole, error=whole.error * 2, totals=whole.totals * 2))
    error = better.predict(np.array([400.0]))
    low, high = better.frames_interval(error.item())
    assert high / low > 2
    row = frames_saved(better, worse, error).iloc[0]
    assert row["ratio_high"] / row["ratio_low"] < 1.01


def test_seeds_of_two_methods_are_drawn_apart():
    rng = np.random.default_rng(10)
    one, other = fit_law(generated(rng)), fit_law(generated(rng))
    together = np.corrcoef(one.replicates[:, 1], other.replicates[:, 1])[0, 1]
    assert abs(together) < 0.15


def test_crossing_of_two_power_laws():
    rng = np.random.default_rng(11)
    steep = fit_law(generated(rng, a=1000, b=0.5, noise=0.02))
    flat = fit_law(generated(rng, a=330, b=0.3, noise=0.02))
    exact = (steep.amplitude / flat.amplitude) ** (1 / (steep.exponent - flat.exponent))
    [row] = crossing(steep, flat).to_dict("records")
    assert row["n_frames"] == pytest.approx(exact, rel=1e-3)
    assert row["low"] < exact < row["high"]
    assert row["error"] == pytest.approx(flat.predict(np.array([exact]))[0], rel=1e-3)
    assert row["a_better_beyond"]
    assert row["inside"]
    [turned] = crossing(flat, steep).to_dict("records")
    assert turned["n_frames"] == pytest.approx(exact, rel=1e-3)
    assert not turned["a_better_beyond"]


def test_crossings_that_are_none_or_unsure():
    rng = np.random.default_rng(12)
    law = fit_law(generated(rng))
    assert crossing(law, law).empty
    far = fit_law(generated(rng, a=5000, noise=0.001))
    assert crossing(law, far).empty
    unsure = fit_law(generated(rng, a=520, b=0.305, noise=0.2))
    table = crossing(law, unsure)
    for row in table.to_dict("records"):
        assert row["low"] < row["n_frames"] < row["high"]
        assert row["high"] == np.inf
        assert crossing_sentences(table, ("a", "b"), "eV") == [
            "where the laws cross is not determined by this sweep."
        ]


@pytest.mark.parametrize(
    ("low", "high", "number"),
    [
        (2.0, 8.0, "3 × fewer"),
        (0.5, 4.0, "no clear difference"),
        (0.0006, 1.2e7, "not determined"),
        (2.0, np.inf, "at least 2 × fewer"),
        (0.1, np.inf, "not determined"),
        (np.nan, np.nan, "not determined"),
    ],
)
def test_intervals_that_say_nothing_read_not_determined(low, high, number):
    laws = [fit_law(generated(np.random.default_rng(0), a=a)) for a in (500.0, 1500.0)]
    row = {"error": laws[0].smallest_error / 2, "n_better": 100.0, "n_worse": 300.0}
    row |= {"ratio": 3.0, "ratio_low": low, "ratio_high": high, "at_least": False, "inside": True}
    pair = ("residual", "refit")
    assert answer_text(*laws, pair, row)[0] == number
    number, sentence = answer_text(
        *laws, pair, row | {"ratio": 0.4, "ratio_low": 0.2, "ratio_high": 0.8}
    )
    assert number == "2.5 × more"
    assert sentence.endswith("95 %: 1.2 to 5 times more.")
