"""Quantities over a run, smoothing and differences to a baseline, against numpy."""

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.process.local import create
from core.runs.results.curves import (
    COLUMNS,
    above_baseline,
    error_curves,
    overlay,
    smoothed,
)
from core.runs.results.quantities import AXES, KINDS, Quantity, history, probes_of
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

ENERGY = next(iter(METRICS))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def new_run(events, **config):
    run = create(RunConfig(dataset="toy", epochs=4, **config))
    lines = [orjson.dumps(event) + b"\n" for event in events]
    (run.path / "metrics.jsonl").write_bytes(b"".join(lines))
    return run


def start(time, step=0, energy=90.0):
    told = {"kind": "start", "time": time, "step": step, "n_train": 20}
    return told | {"validation": {ENERGY: energy}}


def step(time, number, **more):
    told = {"kind": "step", "time": time, "step": number, "epoch": number / 2}
    return (
        told | {"train": {ENERGY: 50.0 - number}, "loss": 1 / number, "learning_rate": 1e-3} | more
    )


def epoch(time, number, energy, **more):
    told = {"kind": "epoch", "time": time, "epoch": number, "step": 2 * number}
    return told | {"train": {ENERGY: 1.0}, "validation": {ENERGY: energy}} | more


def whole(scale=1.0):
    speed = {"frames_per_second": 5.0 * scale, "memory_mb": 800.0}
    return [
        start(100.0, energy=90 * scale),
        {"kind": "compile", "time": 110.0, "eager_because": None},
        step(112.0, 1, gradients={"AtomEmb": 0.5, "MLP_Layer0": 2.0}),
        step(114.0, 2, gradients={"AtomEmb": 0.25, "MLP_Layer0": 1.0}),
        epoch(117.0, 1, 50.0 * scale, **speed),
        # ten minutes of a pause
        start(717.0, step=2, energy=90 * scale),
        step(719.0, 3),
        step(721.0, 4),
        epoch(722.0, 2, 40.0 * scale, **speed),
    ]


def test_each_quantity_has_its_places():
    run = new_run(whole())
    errors = history(run, Quantity(kind="validation", of=ENERGY))
    assert errors.to_numpy().tolist() == [
        [0, 0, 0, 0, 90],
        [1, 2, 20, 17, 50],
        [2, 4, 40, 22, 40],
    ]
    assert list(errors) == [*AXES, "value"]
    losses = history(run, Quantity(kind="loss"))
    assert losses["seconds"].tolist() == [12, 14, 19, 21]
    assert losses["frames"].tolist() == [10, 20, 30, 40]
    assert losses["value"].tolist() == [1, 1 / 2, 1 / 3, 1 / 4]
    assert history(run, Quantity(kind="train", of=ENERGY))["value"].tolist() == [49, 48, 47, 46]
    assert history(run, Quantity(kind="frames_per_second"))["value"].tolist() == [5, 5]
    assert history(run, Quantity(kind="memory_mb"))["epoch"].tolist() == [1, 2]
    assert history(run, Quantity(kind="learning_rate"))["value"].tolist() == [1e-3] * 4
    gradient = history(run, Quantity(kind="gradient", of="AtomEmb"))
    assert gradient["value"].tolist() == [0.5, 0.25]
    assert probes_of([run]) == ["AtomEmb", "MLP_Layer0"]


def test_an_old_run_lacks_what_it_did_not_record():
    old = new_run([start(0.0), step(1.0, 1), step(2.0, 2), epoch(3.0, 1, 5.0)])
    new = new_run(whole())
    for quantity in (Quantity(kind="memory_mb"), Quantity(kind="gradient", of="AtomEmb")):
        assert history(old, quantity).empty
        assert set(overlay([old, new], quantity, x="epoch")["run"]) == {new.id}
    assert overlay([old], Quantity(kind="memory_mb"), x="step").empty
    assert overlay([new_run([])], Quantity(kind="loss"), x="epoch").empty


def test_every_quantity_is_named():
    for kind in KINDS:
        of = {"validation": ENERGY, "train": ENERGY, "gradient": "AtomEmb"}.get(kind, "")
        assert Quantity(kind=kind, of=of).label
    assert Quantity(kind="validation", of=ENERGY).label == "Validation energy MAE"
    assert Quantity(kind="train", of=ENERGY).unit == "meV/atom"


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    st.floats(0, 0.99),
)
def test_smoothing_is_a_weighted_mean(values, strength):
    values = np.array(values)
    weights = strength ** np.arange(len(values))
    expected = [
        (weights[: n + 1][::-1] * values[: n + 1]).sum() / weights[: n + 1].sum()
        for n in range(len(values))
    ]
    found = smoothed(pd.Series(values), strength)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.min() >= values.min() - 1e-6
    assert found.max() <= values.max() + 1e-6


def test_no_smoothing_changes_nothing():
    values = np.array([3.0, 0.1, 7.7])
    np.testing.assert_array_equal(smoothed(pd.Series(values), 0.0), values)
    np.testing.assert_allclose(smoothed(pd.Series(np.full(50, 4.2)), 0.97), 4.2)


def test_difference_to_a_baseline_is_taken_at_the_same_place():
    base_x, base = np.array([0.0, 2.0, 4.0]), np.array([10.0, 6.0, 5.0])
    x, values = np.array([-1.0, 0.0, 1.0, 3.0, 4.0, 5.0]), np.ones(6)
    found = above_baseline(x, values, base_x, base)
    np.testing.assert_allclose(found, [np.nan, -9, -7, -4.5, -4, np.nan])
    again = above_baseline(x, values, np.append(base_x, 2.0), np.append(base, 8.0))
    np.testing.assert_allclose(again, [np.nan, -9, -8, -5.5, -4, np.nan])
    assert np.isnan(above_baseline(x, values, base_x[:0], base[:0])).all()


def test_overlay_of_runs():
    quantity = Quantity(kind="validation", of=ENERGY)
    one, other = new_run(whole(), name="mine"), new_run(whole(2.0), method="refit")
    table = overlay([one, other], quantity, x="frames", strength=0.5)
    assert list(table) == COLUMNS
    assert table["method"].tolist() == ["residual"] * 3 + ["refit"] * 3
    assert table["raw"].tolist() == [90, 50, 40, 180, 100, 80]
    expected = smoothed(pd.Series([90.0, 50, 40]), 0.5)
    np.testing.assert_allclose(table["value"], [*expected, *(2 * expected)])
    beside = overlay([one, other], quantity, x="frames", strength=0.5, baseline=one)
    np.testing.assert_allclose(beside["value"], [0, 0, 0, *expected])
    np.testing.assert_allclose(beside["raw"], [0, 0, 0, 90, 50, 40])


def test_training_and_validation_errors():
    curves = error_curves(new_run(whole()))
    assert list(curves) == [ENERGY]
    table = curves[ENERGY]
    assert list(table) == [*COLUMNS, "split"]
    assert [tuple(row) for row in table[["x", "split", "value"]].itertuples(index=False)] == [
        (0.5, "train", 49.0),
        (1.0, "train", 48.0),
        (1.5, "train", 47.0),
        (2.0, "train", 46.0),
        (0.0, "validation", 90.0),
        (1.0, "validation", 50.0),
        (2.0, "validation", 40.0),
    ]
    assert error_curves(new_run([])) == {}
