"""What a sweep found: as the runs' own records and evaluations say it, kept and read back."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.frames.registry import open_dataset
from core.runs.groups.sweep import Sweep
from core.scaling.sweep_files import list_results, load_results, open_results, save_results
from core.scaling.sweep_results import results_of
from core.training.loop.loop import fit
from core.training.scoring.error_rows import ErrorRows
from core.training.scoring.evaluate import evaluate
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

ENERGY = next(iter(METRICS))


@pytest.fixture(scope="module")
def sweep(small_lab):
    """Two sizes and two methods, trained in this process."""
    base = RunConfig(dataset="small", device="cpu", epochs=1, threads=1, processes=1)
    one = Sweep.draft(base, sizes=[4, 8], methods=["refit", "residual"], seeds=[0]).create()
    frames = open_dataset("small")
    for run in one.existing_runs():
        events = []
        outcome = fit(
            run.config, frames, checkpoints=run.checkpoints, emit=events.append,
            should_stop=lambda: False,
        )  # fmt: skip
        run.update(
            state="finished", test=outcome.test, validation=outcome.validation,
            best_epoch=outcome.best_epoch, started=50.0, ended=60.0 + len(run.id),
        )  # fmt: skip
    return one


def test_points_are_what_the_runs_say_of_themselves(sweep):
    results = results_of(sweep)
    table = results.points.set_index(["run", "stage", "split"])
    assert len(table) == 3 * len(sweep.runs)
    for run in sweep.existing_runs():
        status = run.status()
        for split, told in (("validation", status.validation), ("test", status.test)):
            row = table.loc[run.id, "trained", split]
            assert (row["method"], row["n_frames"]) == (run.config.method, run.config.frames)
            for key in METRICS:
                assert row[key] == pytest.approx(told[key], rel=1e-12)
    assert results.methods == ["refit", "residual"]
    assert results.about.is_model_labelled
    assert results.about.seconds > 0


def test_single_frames_are_what_an_evaluation_of_each_says(sweep):
    results = results_of(sweep)
    frames = open_dataset("small")
    single = results.frames["trained", "test"]
    run = sweep.existing_runs()[-1]
    place = single.runs.tolist().index(run.id)
    for number, row in enumerate(single.rows):
        alone = evaluate(run.best_checkpoint, frames, [row], device="cpu", threads=1)
        told = single.totals[place, number] / single.counts[number]
        assert told == pytest.approx([alone[key] for key in METRICS], rel=2e-4, abs=1e-4)
        assert single.materials[number] == frames.material_ids()[row]


def test_points_of_a_method_add_up_from_their_frames(sweep):
    results = results_of(sweep)
    for metric in METRICS:
        assert len(results.scaling_points("residual", metric=metric).zero) == 1
        points = results.scaling_points("residual", metric=metric, split="test")
        # The untrained model is not asked about test frames.
        assert len(points.zero) == 0
        assert points.n_frames.tolist() == [4, 8]
        assert points.unit == METRICS[metric].unit
        means = points.totals.sum(axis=1) / points.counts.sum()
        assert means == pytest.approx(points.error, rel=1e-6)
        assert len(points.materials) == points.totals.shape[1]
    zero = results.zero_point("residual", ENERGY)
    assert zero["n_frames"].tolist() == [8]
    untrained = results.points.query("stage == 'untrained' and n_frames == 8")
    chosen = untrained.loc[untrained["method"] == "residual", ENERGY]
    assert zero["error"].tolist() == chosen.tolist()
    with pytest.raises(LabError, match="has no Energy MAE of scratch"):
        results.scaling_points("scratch")


def test_runs_that_cannot_be_read_or_are_of_other_data_are_left_out(sweep, tmp_path):
    first, second, *_ = sweep.existing_runs()
    saved = first.checkpoints / "errors-test.npz", second.checkpoints / "errors-validation.npz"
    before = [path.read_bytes() for path in saved]
    try:
        saved[0].write_bytes(before[0][:100])
        rows = ErrorRows.load(saved[1])
        replace(rows, fingerprint="another").save(saved[1])
        results = results_of(sweep)
    finally:
        for path, content in zip(saved, before, strict=True):
            path.write_bytes(content)
    assert set(results.left_out) == {first.id, second.id}
    assert "delete the run" in results.left_out[first.id]
    assert "trained on other data under the name small" in results.left_out[second.id]
    assert set(results.points["run"]) == set(sweep.runs) - {first.id, second.id}
    assert results_of(sweep).left_out == {}


@given(st.binary(max_size=400), st.integers(0, 3000))
@settings(max_examples=60)
def test_damage_raises_nothing_else(sweep, tmp_path, junk, at):
    whole = (sweep.existing_runs()[0].checkpoints / "errors-test.npz").read_bytes()
    damaged = tmp_path / "errors-test.npz"
    damaged.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    with suppress(LabError):
        ErrorRows.load(damaged)


def test_from_where_atomref_has_settled(sweep):
    results = results_of(sweep)
    table = pd.DataFrame(
        {
            "method": "refit",
            "n_frames": [10, 20, 40, 80, 160],
            "seed": 0,
            "stage": "untrained",
            "split": "validation",
            ENERGY: [900.0, 100.0, 140.0, 109.0, 100.0],
        }
    )
    made = replace(results, points=table)
    assert made.settled_from("refit", ENERGY) == 80
    assert made.settled_from("residual", ENERGY) is None
    assert made.fitted_from("refit", ENERGY) == 80
    # A sixteenth of the largest.
    assert made.fitted_from("residual", ENERGY) == 10
    assert made.sizes == [10, 20, 40, 80, 160]


def test_kept_without_models_and_read_back(sweep, tmp_path):
    results = results_of(sweep)
    folder = tmp_path / "kept"
    save_results(results, folder, title="Kept")
    again = load_results(folder)
    assert again.about.title == "Kept"
    assert again.about.embedded
    assert again.about.sweep == results.about.sweep
    pd.testing.assert_frame_equal(again.points, results.points, rtol=1e-12)
    for key, one in results.frames.items():
        for name in one.__dataclass_fields__:
            assert np.array_equal(getattr(again.frames[key], name), getattr(one, name))
    with pytest.raises(LabError, match="exists already"):
        save_results(results, folder)
    (folder / "frames.npz").write_bytes(b"PK damaged")
    with pytest.raises(LabError, match="cannot be read as results of a sweep"):
        load_results(folder)
    (folder / "card.json").write_text("{}")
    with pytest.raises(LabError, match="cannot be read"):
        load_results(folder)


def test_an_unfinished_sweep_has_points_but_is_not_kept(sweep, tmp_path):
    grown = sweep.grow(seeds=[1])
    results = results_of(grown)
    assert results.about.seconds is None
    assert len(results.points) == 3 * len(sweep.runs)
    with pytest.raises(LabError, match="has not finished"):
        save_results(results, tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []
    assert (grown.id, grown.id, False) in list_results()
    assert open_results(grown.id).about.sweep == grown


def test_before_any_run_has_finished(small_lab):
    base = RunConfig(dataset="small", device="cpu", epochs=1)
    empty = results_of(Sweep.draft(base, sizes=[4], methods=["refit"], seeds=[0]).create())
    assert empty.points.empty
    assert empty.methods == []
    assert empty.about.seconds is None
    with pytest.raises(LabError, match="let its runs finish"):
        empty.scaling_points("refit")


@pytest.mark.parametrize("name", ["", "..", "../mp-structures", "nothing"])
def test_other_names_open_nothing(small_lab, name):
    with pytest.raises(LabError, match="no such sweep"):
        open_results(name)
