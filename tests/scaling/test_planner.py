"""Plans: frames, hours and chances follow from the law, and are told honestly."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import LabError
from core.scaling.cost import Cost
from core.scaling.extrapolation import extrapolation
from core.scaling.law import Law, fit_law
from core.scaling.plan_text import headline, plan_text
from core.scaling.planner import LIKELY, DataPlan, training_atoms
from core.scaling.points import ScalingPoints

SIZES = np.array([50, 100, 200, 400, 800, 1600])


def made_points(amplitude, exponent, *, floor=0.0, noise=0.05, sizes=SIZES, seed=0):
    n_frames = np.repeat(sizes, 3).astype(float)
    scatter = np.exp(np.random.default_rng(seed).normal(0, noise, len(n_frames)))
    return ScalingPoints(
        n_frames=n_frames,
        error=(amplitude * n_frames**-exponent + floor) * scatter,
        seed=np.tile([0, 1, 2], len(sizes)),
        unit="meV/atom",
    )


def exact_law(amplitude=2000.0, exponent=0.5, *, floor=0.0, spread=0.0):
    """A law whose amplitude alone is uncertain: 500 quantiles of a log-normal distribution."""
    normal = stats.norm.ppf((np.arange(501) + 0.5) / 501)
    replicates = np.empty((501, 3))
    replicates[:, 0] = math.log(amplitude) + spread * normal
    replicates[:, 1], replicates[:, 2] = exponent, floor
    return Law(
        form="offset" if floor else "power",
        amplitude=amplitude,
        exponent=exponent,
        floor=floor,
        r2=1.0,
        n=18,
        n_sizes=6,
        min_frames=0,
        smallest=50.0,
        largest=1600.0,
        unit="meV/atom",
        replicates=replicates,
    )


def plan(laws, **settings):
    return DataPlan(laws=laws, **settings).table()


def test_frames_hours_and_money_by_hand():
    # 2000 · N^−½ = 40 at N = 2500.
    row = plan(
        {"refit": exact_law()},
        target=40,
        cost=Cost(hours=3, price=0.02, currency="€"),
        n_atoms=[4, 8],
        have=500,
    ).iloc[0]
    assert (row["frames"], row["to_compute"], row["core_hours"]) == (2500, 2000, 6000)
    assert row["money"] == pytest.approx(120)
    assert row["extrapolated"] == pytest.approx(2500 / 1600)
    assert row["probability"] == 1.0
    assert row["note"] == ""


def test_hours_grow_with_the_cube_of_the_atoms():
    cost = Cost(per_atom3=0.01)
    np.testing.assert_allclose(cost.hours_each([10, 20]), [10, 80])
    row = plan({"refit": exact_law()}, target=40, cost=cost, n_atoms=[10, 20]).iloc[0]
    assert row["core_hours"] == pytest.approx(2500 * 45)
    assert math.isnan(row["money"])


def test_intervals_and_chances_are_those_of_the_uncertain_amplitude():
    law = exact_law(spread=0.1)
    row = plan({"refit": law}, target=40, cost=Cost(hours=1), n_atoms=[1]).iloc[0]
    # N = (a / 40)², so log N scatters by 0.2; quantiles of the normal distribution.
    for name, z in (("frames_low", -1.96), ("frames_high", 1.96), ("frames_likely", 1.2816)):
        assert math.log(row[name] / 2500) == pytest.approx(0.2 * z, abs=0.01)
    assert row["probability"] == pytest.approx(0.5, abs=0.05)
    assert law.probability(row["frames_likely"], 40) == pytest.approx(LIKELY, abs=0.01)
    assert row["core_hours_high"] == row["frames_high"]
    assert row["to_compute_likely"] == row["core_hours_likely"] == row["frames_likely"]
    curve = DataPlan(laws={"refit": law}, target=40, cost=Cost(hours=1), n_atoms=[1]).chances()
    assert (curve["probability"].diff().dropna() >= 0).all()
    assert curve["probability"].iloc[[0, -1]].tolist() == pytest.approx([0, 1], abs=0.01)


def test_what_is_there_already_counts_for_the_chance():
    law = exact_law(spread=0.1)
    row = plan({"refit": law}, target=40, cost=Cost(hours=1), n_atoms=[1], have=10_000).iloc[0]
    assert (row["to_compute"], row["core_hours"]) == (0, 0)
    assert row["probability"] == 1.0
    assert row["enough"]


def test_what_a_sweep_does_not_determine_is_no_number_and_has_a_reason():
    laws = {
        "scratch": exact_law(exponent=-0.1),
        "refit": exact_law(floor=50.0),
        "residual": exact_law(exponent=0.2),
    }
    table = plan(laws, target=40, cost=Cost(hours=1), n_atoms=[1]).set_index("method")
    assert set(table["reach"]) == {"not determined"}
    numbers = table.drop(columns=["reach", "enough", "note"])
    assert numbers.isna().all(axis=None)
    assert not table["enough"].any()
    assert "does not fall" in table.loc["scratch", "note"]
    assert "levels off at 50" in table.loc["refit", "note"]
    assert "Beyond 4 times the largest size, 1,600" in table.loc["residual", "note"]
    assert list(table.index) == list(laws)
    told = DataPlan(laws=laws, target=40, cost=Cost(hours=1), n_atoms=[1])
    assert told.verdict() == ([], [])
    sentences = headline(told, "meV/atom")
    assert sentences[0] == "How many frames reach 40 meV/atom is not determined by this sweep."
    assert set(plan_text(told)["Training frames"]) == {"not determined"}
    assert set(plan_text(told)["Core-hours"]) == {"–"}


def test_no_winner_that_chance_picked():
    """Of two laws 5 % apart that are known to 10 %, none needs fewer; twice as far apart by far."""
    near = {"a": exact_law(2000, spread=0.1), "b": shuffled(exact_law(2100, spread=0.1))}
    settings = {"target": 60, "cost": Cost(hours=1), "n_atoms": [1]}
    told = DataPlan(laws=near, **settings)
    assert told.verdict() == (["a", "b"], [])
    assert "Whether b needs more is not determined by this sweep." in headline(told, "meV/atom")
    far = DataPlan(laws=near | {"b": shuffled(exact_law(3200, spread=0.1))}, **settings)
    assert far.verdict() == (["a"], ["b"])
    # (3200 / 2000)² = 2.56
    assert headline(far, "meV/atom")[-1] == "b (2.6 times as many) needs more."
    # A law that reaches the target nowhere near needs more all the same.
    flat = DataPlan(laws=near | {"b": exact_law(400, exponent=0.01)}, **settings)
    assert flat.verdict() == (["a"], ["b"])


def shuffled(law):
    """The same law with draws that are independent of another's."""
    order = np.random.default_rng(0).permutation(len(law.replicates))
    return replace(law, replicates=law.replicates[order])


def test_enough_means_one_thing():
    law = exact_law(spread=0.1)
    told = DataPlan(laws={"m": law}, target=60, cost=Cost(hours=2), n_atoms=[1], have=200)
    row, text = told.table().iloc[0], plan_text(told).iloc[0]
    # 1111 frames, times e^(0.2 · 1.28) for nine chances in ten.
    assert row["frames_likely"] == pytest.approx(1111 * math.exp(0.2 * 1.2816), rel=0.01)
    assert (text["Training frames"], text["Enough (90%)"]) == ("1,100", "1,400")
    assert (text["To compute"], text["Core-hours"]) == ("1,200", "2,500")
    assert (
        "1,400 are enough, with a probability of 90%: 1,200 calculations" in headline(told, "")[1]
    )
    # Between the estimate and what is enough, existing frames are not enough.
    assert not replace(told, have=1200).table()["enough"].item()
    assert "so nothing needs" in headline(replace(told, have=1500), "")[1]


def test_a_target_that_is_met_says_so():
    law = exact_law()
    # 2000 / √50 = 283 with the smallest size fitted.
    told = DataPlan(laws={"m": law}, target=300, cost=Cost(hours=1), n_atoms=[1])
    row = told.table().iloc[0]
    assert (row["reach"], row["frames"]) == ("at most", 50)
    assert plan_text(told)["Training frames"].item() == "at most 50"
    assert "already with the smallest size fitted, 50 training frames" in headline(told, "eV")[0]
    untrained = headline(replace(told, untrained={"m": 290.0}), "eV")
    assert untrained[0].startswith("m meets 300 eV already without training: 290 eV")


def test_a_budget_buys_what_a_plan_costs():
    law = exact_law(spread=0.1)
    cost = Cost(per_atom3=0.001)
    atoms = [10, 20, 30]
    target = DataPlan(laws={"refit": law}, target=40, cost=cost, n_atoms=atoms, have=100)
    wanted = target.table().iloc[0]
    row = target.budget(wanted["core_hours"] + 1e-6).iloc[0]
    assert row["frames"] == wanted["frames"]
    assert row["error"] == pytest.approx(40, rel=1e-6)
    assert row["error_low"] < 40 < row["error_high"]
    assert row["probability"] == pytest.approx(wanted["probability"])
    nothing = replace(target, have=0).budget(0).iloc[0]
    assert math.isnan(nothing["error"])


@given(
    target=st.floats(20, 400),
    have=st.integers(0, 5000),
    spread=st.floats(0, 0.3),
)
def test_plans_are_consistent(target, have, spread):
    law = exact_law(spread=spread)
    row = plan({"m": law}, target=target, cost=Cost(hours=2), n_atoms=[1], have=have).iloc[0]
    if row["reach"] == "not determined":
        assert math.isnan(row["frames"])
        return
    if row["reach"] == "known":
        assert row["frames_low"] <= row["frames_likely"] <= row["frames_high"]
        assert row["frames_low"] <= row["frames"] <= row["frames_high"]
    assert law.predict(np.array([row["frames"]]))[0] <= target * (1 + 1e-9)
    assert row["to_compute"] == max(row["frames"] - have, 0)
    assert row["core_hours"] == 2 * row["to_compute"]


def test_extrapolation_finds_the_truth_where_there_is_a_power_law():
    table = extrapolation(made_points(2000, 0.4))
    # 1600 follows from 50 to 400, 800 from 50 to 200; below there are too few sizes.
    assert table["n_frames"].tolist() == [800, 1600]
    assert (table["relative_error"].abs() < 0.3).all()
    assert table["held"].all()
    last = table.iloc[-1]
    assert last["frames_low"] <= 1600 <= last["frames_high"]
    law = fit_law(made_points(2000, 0.4).between(0, 400))
    assert last["frames"] == math.ceil(law.frames_for(last["seen"]))


def test_extrapolation_shows_a_law_that_levels_off():
    # A straight line through the steep part promises far too much.
    last = extrapolation(made_points(20_000, 1.0, floor=60.0, noise=0.01)).iloc[-1]
    assert last["relative_error"] < -0.2
    assert not last["held"]


def test_training_atoms_are_those_of_the_training_part():
    atoms = training_atoms("mp-frames-gga")
    assert len(atoms) == pytest.approx(0.8 * 2399, abs=2)
    assert 2 <= atoms.min() <= atoms.max() <= 40
    with pytest.raises(LabError, match="holds pairs"):
        training_atoms("mp-structures")


@pytest.mark.parametrize(
    "numbers", [{}, {"hours": 1, "per_atom3": 1}, {"hours": 0}, {"hours": 1, "price": -1}]
)
def test_costs_that_make_no_sense(numbers):
    with pytest.raises(LabError):
        Cost(**numbers)


def test_questions_that_make_no_sense():
    laws, cost = {"m": exact_law()}, Cost(hours=1)
    for target, have in ((0.0, 0), (math.nan, 0), (40.0, -1)):
        with pytest.raises(LabError):
            plan(laws, target=target, cost=cost, n_atoms=[1], have=have)
    with pytest.raises(LabError, match="budget"):
        DataPlan(laws=laws, target=40, cost=cost, n_atoms=[1]).budget(-1)
    with pytest.raises(LabError, match="how large a cell"):
        plan(laws, target=40, cost=cost, n_atoms=[])
