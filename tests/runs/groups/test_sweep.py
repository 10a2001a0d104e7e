"""Sweeps: nested sizes × methods × seeds, the cheapest first, growing without repeating."""

import math
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.frames.registry import open_dataset
from core.runs.groups.progress import GroupProgress
from core.runs.groups.sweep import Sweep
from core.runs.process import local, slots
from core.runs.record.listing import list_runs
from core.training.settings.config import RunConfig
from core.training.settings.partition import partition

DATA = "mp-frames-r2scan"
BASE = RunConfig(dataset=DATA, device="cpu", epochs=2, name="0")


def made(sizes=(8, 4), methods=("residual", "scratch"), seeds=(0, 1), *, steps=None, base=BASE):
    return Sweep.draft(base, sizes=sizes, methods=methods, seeds=seeds, steps=steps).create()


def cells(sweep):
    return [(c.frames, c.seed, c.method) for c in (run.config for run in sweep.existing_runs())]


def test_the_cheapest_runs_go_first(lab):
    one = made()
    assert cells(one) == [
        (4, 0, "scratch"), (4, 0, "residual"), (4, 1, "scratch"), (4, 1, "residual"),
        (8, 0, "scratch"), (8, 0, "residual"), (8, 1, "scratch"), (8, 1, "residual"),
    ]  # fmt: skip
    queued = [run.status().queued for run in one.existing_runs()]
    assert queued == sorted(queued)
    assert Sweep.load(one.id) == one
    assert one.command == (
        "atomref sweep run --sizes 4,8 --methods scratch,residual --seeds 0,1 "
        f"--dataset {DATA} --epochs 2 --device cpu --name 0"
    )
    assert one.versions["torch"].startswith("2.")
    assert "cores" in one.machine


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 200), min_size=2, max_size=5, unique=True),
    seed=st.integers(0, 1000),
)
def test_smaller_sizes_are_part_of_larger_ones(sizes, seed):
    data = open_dataset(DATA)
    rows = [
        set(partition(BASE.model_copy(update={"frames": n, "seed": seed}), data).train.tolist())
        for n in sorted(sizes)
    ]
    assert [len(one) for one in rows] == sorted(sizes)
    assert all(small <= large for small, large in pairwise(rows))


def test_fixed_steps_settle_the_epochs(lab):
    one = made(sizes=(5, 16, 40), methods=("refit",), seeds=(0,), steps=10)
    epochs = {run.config.frames: run.config.epochs for run in one.existing_runs()}
    assert epochs == {5: 10, 16: 10, 40: 4}
    assert all(n * math.ceil(size / 16) >= 10 for size, n in epochs.items())
    assert "--steps 10" in one.command


def test_growing_makes_only_what_is_missing(lab):
    one = made(sizes=(4,), methods=("residual",), seeds=(0,))
    (first,) = one.runs
    grown = one.grow(sizes=(8,), methods=("refit",), seeds=(3,))
    assert (grown.sizes, grown.methods, grown.seeds) == ([4, 8], ["refit", "residual"], [0, 3])
    assert grown.runs[0] == first
    assert len(set(cells(grown))) == len(grown.runs) == 8
    assert cells(grown)[1:4] == [(4, 0, "refit"), (4, 3, "refit"), (4, 3, "residual")]
    assert Sweep.load(one.id) == grown
    assert grown.grow() == grown
    # A run that somebody deleted is made again.
    before, run = cells(grown), grown.existing_runs()[2]
    local.cancel(run)
    local.delete(run)
    again = grown.grow()
    assert sorted(cells(again)) == sorted(before)
    assert len(set(again.runs) - set(grown.runs)) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sizes": []}, "sizes of at least one frame"),
        ({"sizes": [0, 4]}, "sizes of at least one frame"),
        ({"sizes": [4, 4]}, "given twice"),
        ({"sizes": [4, 5000]}, r"has 1919 training frames.*got 5000"),
        ({"methods": ["magic"]}, "magic: is not a method"),
        ({"methods": []}, "at least one method and one seed"),
        ({"seeds": range(400)}, "too many at once"),
        ({"base": BASE.model_copy(update={"frames": 8})}, "leave --frames out"),
        ({"base": BASE.model_copy(update={"patience": 3}), "steps": 9}, "leave --patience"),
        ({"base": BASE.model_copy(update={"dataset": "mp-structures"})}, "holds pairs"),
        ({"base": BASE.model_copy(update={"frozen": ("conv0",)})}, "cannot be frozen"),
    ],
)
def test_what_cannot_be_swept_is_refused(lab, changes, told):
    with pytest.raises(LabError, match=told):
        made(**changes)
    assert list_runs() == []
    assert Sweep.load_all() == []


def test_a_growth_that_is_refused_leaves_all_as_it_was(lab):
    one = made()
    with pytest.raises(LabError, match="1919 training frames"):
        one.grow(sizes=(16, 10**6))
    assert Sweep.load(one.id) == one
    assert len(list_runs()) == len(one.runs)


def test_two_who_grow_one_sweep_both_get_what_they_asked_for(lab):
    one = made(sizes=(4,), methods=("refit",), seeds=(0,))
    one.grow(sizes=(8,))
    # From a record that is out of date by now.
    both = one.grow(seeds=(1,))
    assert sorted(cells(both)) == [(n, seed, "refit") for n in (4, 8) for seed in (0, 1)]
    assert len(list_runs()) == 4


def test_one_run_that_refuses_does_not_keep_the_others(lab, monkeypatch):
    one = made(sizes=(4, 8), methods=("refit",), seeds=(0, 1))
    runs, cancel = one.existing_runs(), local.cancel

    def not_mine(run):
        if run == runs[-1]:
            raise LabError("process 7 belongs to another user, who has to cancel it.")
        cancel(run)

    monkeypatch.setattr(local, "cancel", not_mine)
    with pytest.raises(LabError, match="belongs to another user"):
        one.cancel()
    assert [run.status().state for run in runs] == ["cancelled"] * 3 + ["queued"]


def test_runs_that_were_made_long_ago_and_never_started_are_launched(lab):
    one = made(sizes=(4,), methods=("refit",), seeds=(0,))
    (run,) = one.existing_runs()
    run.update(queued=run.status().queued - 1000)
    assert run.status().state == "failed"
    one.launch()
    lab.wait(run, "finished", seconds=60)


def test_a_run_that_left_the_queue_and_came_back_holds_nobody_up(lab):
    """It stood before this one and stands behind it now, so each would wait for the other."""
    first, second = made(sizes=(4,), methods=("refit",), seeds=(0, 1)).existing_runs()
    turns = []

    def wait():
        lock = slots.wait_for_slot(second, "cpu", lambda: False)
        turns.append(lock.is_locked)
        lock.release()

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(3 * slots.POLL_SECONDS)
    assert turns == []
    first.update(queued=time.time())
    waiting.join(timeout=20)
    assert turns == [True]


def test_progress_and_the_time_left(lab):
    one = made(sizes=(4, 12), methods=("refit",), seeds=(0, 1))
    assert one.progress() == GroupProgress(finished=0, active=4, of=4, share=0.0, eta_s=None)
    small, _, large, _ = one.existing_runs()
    # 8 frames at 2 a second, and 6 seconds besides
    small.update(state="finished", epoch=2.0, started=100.0, ended=110.0)
    line = '{"kind":"epoch","epoch":%d,"step":%d,"frames_per_second":2.0}\n'
    (small.path / "metrics.jsonl").write_text(line % (1, 1) + line % (2, 2))
    large.update(epoch=1.0)
    far = one.progress()
    assert (far.finished, far.active, far.of) == (1, 3, 4)
    assert far.share == pytest.approx((8 + 12) / 64)
    assert far.eta_s == pytest.approx((4 + 6) + (12 + 6) / 2 + (12 + 6))


def test_trained_in_order_stopped_and_resumed(lab):
    one = made(sizes=(4, 8), methods=("refit",), seeds=(0,), base=BASE)
    one.launch()
    runs = one.existing_runs()
    for run in runs:
        lab.wait(run, "finished", seconds=60)
    first, second = (run.status() for run in runs)
    assert first.ended <= second.started
    assert one.progress().share == 1.0
    grown = one.grow(seeds=(1,))
    grown.cancel()
    assert [run.status().state for run in grown.existing_runs()[2:]] == ["cancelled"] * 2
    grown.resume()
    for run in grown.existing_runs():
        lab.wait(run, "finished", seconds=60)
    assert np.unique([len(run.metrics("start")) for run in runs]) == [1]
    grown.delete()
    assert list_runs() == []
    assert Sweep.load_all() == []
