"""The embedded sweep: complete, of the embedded data, and of one piece with its own frames."""

import numpy as np
import pytest

from core.frames.registry import open_dataset
from core.scaling.analysis import analyse_sweep
from core.scaling.cost import Cost
from core.scaling.law import fit_law
from core.scaling.planner import DataPlan
from core.scaling.sweep_files import list_results, open_results
from core.training.settings.metrics import METRICS

METHODS = ["scratch", "refit", "residual"]


@pytest.fixture(scope="module")
def results():
    name, title, embedded = list_results()[0]
    assert embedded
    assert title
    return open_results(name)


def test_it_is_complete_and_says_how_it_was_made(results):
    about, sweep = results.about, results.about.sweep
    assert len(sweep.sizes) >= 6
    assert max(sweep.sizes) >= 1600
    assert (sweep.methods, sweep.seeds) == (METHODS, [0, 1, 2])
    assert len(results.points) == 3 * len(sweep.runs) == 27 * len(sweep.sizes)
    assert not results.points[list(METRICS)].isna().any(axis=None)
    assert about.is_model_labelled
    assert about.seconds > 60
    assert sweep.versions["chgnet"]
    assert "cores" in sweep.machine
    assert sweep.command.startswith("atomref sweep run --sizes ")


def test_it_is_of_the_embedded_data_as_they_are(results):
    data = open_dataset(results.about.sweep.base.dataset)
    assert results.about.data.fingerprint == data.fingerprint
    split = data.split()
    single = results.frames["trained", "test"]
    assert np.array_equal(single.rows, split.test)
    assert np.array_equal(results.frames["untrained", "validation"].rows, split.validation)
    assert single.materials.tolist() == data.material_ids()[split.test].tolist()
    assert results.about.n_train == len(split.train)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_its_points_add_up_from_its_frames(results, split, metric):
    for method in METHODS:
        points = results.scaling_points(method, metric=metric, split=split)
        means = points.totals.sum(axis=1) / points.counts.sum()
        assert means == pytest.approx(points.error, rel=1e-5)


def test_what_it_teaches(results):
    """Transfer beats scratch at every size; residual AtomRef beats refitting while data are few."""
    means = {
        method: results.points.query("stage == 'trained' and split == 'test'")
        .query(f"method == '{method}'")
        .groupby("n_frames")["energy_mae_mev_per_atom"]
        .mean()
        for method in METHODS
    }
    assert (means["refit"] < means["scratch"]).all()
    assert (means["residual"].loc[:400] < means["refit"].loc[:400] / 2).all()
    law = fit_law(results.scaling_points("residual"), min_frames=100)
    assert law.falls


def test_laws_start_where_the_untrained_model_has_settled(results):
    """Below 400 frames energies fall because training sets lack elements; forces do not."""
    energy = analyse_sweep("embedded", results, metric="energy_mae_mev_per_atom")
    assert energy.fitted_from == dict.fromkeys(METHODS, 400)
    assert {law.smallest for law in energy.laws.values()} == {400}
    (note,) = energy.start_notes
    assert note.startswith("scratch, refit, residual: with fewer than 400 frames")
    assert energy.arguments == ["embedded"]
    force = analyse_sweep("embedded", results, metric="force_mae_mev_per_angstrom")
    assert force.fitted_from == dict.fromkeys(METHODS, 100)
    lower = analyse_sweep("embedded", results, metric="energy_mae_mev_per_atom", min_frames=100)
    assert "describes how elements enter the training set" in lower.start_notes[0]
    assert lower.arguments == ["embedded", "--min-frames", "100"]


def test_a_plan_says_no_more_than_it_determines(results):
    analysis = analyse_sweep("embedded", results, metric="energy_mae_mev_per_atom")
    plans = {
        target: DataPlan(laws=analysis.laws, target=target, cost=Cost(hours=20), n_atoms=[10])
        for target in (20, 50)
    }
    assert plans[20].verdict() == ([], [])
    assert plans[20].table()[["frames", "core_hours"]].isna().all(axis=None)
    assert plans[50].verdict() == (["residual"], ["scratch", "refit"])
    known = plans[50].table().set_index("method")["frames"]
    # The mean error is 58 with 400 frames and 48 with 800.
    assert 400 < known["residual"] < 800
    assert known[["scratch", "refit"]].isna().all()
