"""Matched experiments: made whole, queued, averaged over seeds, deleted together."""

import os
import time

import numpy as np
import pytest

from core.errors import LabError
from core.home import experiments_dir
from core.runs.groups.experiment import Experiment
from core.runs.groups.leftovers import remove_unlaunched
from core.runs.process import local
from core.runs.process.restart import restart_lost
from core.runs.record.listing import list_runs
from core.runs.results.curves import gradient_norms
from core.runs.results.matched import errors_of, matched_table
from core.sweeping import DAY
from core.training.settings.config import RunConfig

BASE = RunConfig(dataset="toy", device="cpu", epochs=2, name="0")


def made(methods=("residual", "refit"), seeds=(0, 1), base=BASE):
    return Experiment.draft(base, methods=methods, seeds=seeds).create()


def test_runs_differ_in_method_and_seed_alone(lab):
    one = made(seeds=(3, 5))
    configs = [run.config for run in one.existing_runs()]
    assert [(c.seed, c.method) for c in configs] == [
        (3, "refit"), (3, "residual"), (5, "refit"), (5, "residual"),
    ]  # fmt: skip
    rest = {c.model_copy(update={"method": "", "seed": 0}).model_dump_json() for c in configs}
    assert len(rest) == 1
    assert Experiment.load(one.id) == one
    assert one.command == (
        "atomref experiment run --methods refit,residual --seeds 3,5 "
        "--dataset toy --epochs 2 --device cpu --name 0"
    )
    assert all(run.status().pid is None for run in one.existing_runs())


@pytest.mark.parametrize(
    ("methods", "seeds", "told"),
    [
        (["magic"], [0], "magic: is not a method"),
        ([], [0], "at least one method"),
        (["refit"], [], "at least one method and one seed"),
        (["refit", "refit"], [0], "given twice"),
        (["refit"], range(600), "too many"),
    ],
)
def test_what_cannot_be_matched_is_refused(lab, methods, seeds, told):
    with pytest.raises(LabError, match=told):
        made(methods, list(seeds))
    assert list_runs() == []


def test_all_runs_are_made_or_none(lab, monkeypatch):
    create = local.create

    def fail_at_last(config, **_):
        if (config.method, config.seed) == ("residual", 1):
            raise LabError("the disk is full; free some space.")
        return create(config)

    monkeypatch.setattr(local, "create", fail_at_last)
    with pytest.raises(LabError, match="disk is full"):
        made()
    assert list_runs() == []
    assert Experiment.load_all() == []


def test_what_a_killed_creation_leaves_is_never_trained_and_removed_after_a_day(lab, monkeypatch):
    create = local.create

    def killed_at_last(config, **_):
        if (config.method, config.seed) == ("residual", 1):
            os._exit(9)
        return create(config)

    kept = made(seeds=(7,))
    lone = lab.new_run()
    lone.update(state="finished")
    child = os.fork()
    if child == 0:
        local.create = killed_at_last
        made()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert len(list_runs()) == 6
    assert [one.id for one in Experiment.load_all()] == [kept.id]
    monkeypatch.setattr("core.runs.record.directory.START_GRACE", 0.0)
    now = time.time()
    assert restart_lost() == remove_unlaunched(now) == []
    assert len(remove_unlaunched(now + DAY + 60)) == 3
    assert {run.id for run in list_runs()} == {*kept.runs, lone.id}


def test_settings_that_one_method_refuses_stop_all(lab):
    with pytest.raises(LabError, match=r"scratch: .*cannot be frozen"):
        made(("scratch", "refit"), base=BASE.model_copy(update={"frozen": ("conv0",)}))
    assert list_runs() == []


def test_queued_trained_and_averaged(lab):
    one = made()
    one.launch()
    one.launch()  # a second click starts nothing twice
    runs = one.existing_runs()
    for run in runs:
        lab.wait(run, "finished", seconds=60)
    assert {len(run.metrics("start")) for run in runs} == {1}
    # The slot of the device let them train one after another, in their order.
    starts = [run.status().started for run in runs]
    ends = [run.status().ended for run in runs]
    assert starts == sorted(starts)
    assert all(begin >= end for begin, end in zip(starts[1:], ends[:-1], strict=True))
    table = matched_table(runs, "test").set_index("method")
    assert list(table.index) == ["refit", "residual"]
    assert (table["n"] == 2).all()
    assert (table["energy_mae_mev_per_atom"] == 90.0).all()
    assert (table["energy_mae_mev_per_atom_spread"] == 0).all()
    assert table.loc["refit", "energy_mae_mev_per_atom_paper"] == 17
    assert np.isnan(table.loc["residual", "energy_mae_mev_per_atom_paper"])
    assert table["stress_mae_gpa"].isna().all()
    train = matched_table(runs, "train").set_index("method")
    assert train.loc["refit", "energy_mae_mev_per_atom_paper"] == 11.82


def test_mean_and_spread_by_numpy(lab):
    one = made(("refit",), (0, 1, 2))
    values = [30.0, 34.0, 41.0]
    for run, value in zip(one.existing_runs(), values, strict=True):
        test = {"n_frames": 3, "energy_mae_mev_per_atom": value, "stress_mae_gpa": None}
        run.update(state="finished", test=test, best_epoch=2)
    row = matched_table(one.existing_runs(), "test").iloc[0]
    assert row["energy_mae_mev_per_atom"] == pytest.approx(np.mean(values))
    assert row["energy_mae_mev_per_atom_spread"] == pytest.approx(np.std(values, ddof=1))
    assert errors_of(one.existing_runs()[0], "train") is None


def test_cancel_resume_and_delete_together(lab):
    one = made(base=BASE.model_copy(update={"name": "0.3"}))
    one.launch()
    runs = one.existing_runs()
    lab.wait(runs[0], "running")
    with pytest.raises(LabError, match="cancel it first"):
        one.delete()
    one.cancel()
    for run in runs:
        lab.wait(run, "cancelled")
    one.resume()
    assert all(run.status().is_active for run in runs)
    one.cancel()
    for run in runs:
        lab.wait(run, "cancelled")
    one.delete()
    assert list_runs() == []
    assert Experiment.load_all() == []


def test_a_deleted_run_and_a_damaged_file_break_nothing(lab):
    one = made()
    first = one.existing_runs()[0]
    local.cancel(first)
    local.delete(first)
    assert len(one.existing_runs()) == 3
    (experiments_dir() / "broken.json").write_text("{")
    assert [other.id for other in Experiment.load_all()] == [one.id]
    with pytest.raises(LabError, match="no such experiment"):
        Experiment.load("broken")


def test_gradients_of_several_runs(lab):
    one = made(("frozen", "refit"), (0,))
    for run, norm in zip(one.existing_runs(), (9.0, 1.0), strict=True):
        event = f'{{"kind": "step", "step": 1, "epoch": 0.1, "gradients": {{"AtomEmb": {norm}}}}}\n'
        (run.path / "metrics.jsonl").write_text(event)
    table = gradient_norms(one.existing_runs())
    assert table[["method", "probe", "norm"]].to_numpy().tolist() == [
        ["frozen", "AtomEmb", 9.0], ["refit", "AtomEmb", 1.0],
    ]  # fmt: skip
