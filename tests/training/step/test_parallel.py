"""Two processes that share a batch do what one does with the whole of it."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.potential.threads import compute_settings
from core.process import usable_cores
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS, MetricSums
from core.training.settings.processes import default_processes
from core.training.step.loss import scale_of
from core.training.step.parallel import SINGLE_PROCESS, Team, shares
from tests.forked import run_team
from tests.training.step import team_script


@pytest.fixture(scope="module")
def team(home, tmp_path_factory):
    """What a team of two found, and where its gradients are."""
    folder = tmp_path_factory.mktemp("team")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        run_team(2, team_script.main, folder)
    return json.loads((folder / "found.json").read_text()), folder


@pytest.mark.parametrize("name", list(team_script.CASES))
def test_shares_add_up_to_the_whole_batch(team, name):
    found, folder = team[0]["cases"][name], team[1]
    stepper, _, told = team_script.step_of(name, SINGLE_PROCESS)
    whole = team_script.gradients_of(stepper)
    shared = torch.load(folder / found["gradients"], weights_only=True)
    assert shared.keys() == whole.keys()
    ours, theirs = (torch.cat([one[key].flatten() for key in whole]) for one in (shared, whole))
    assert theirs.norm() > 0
    assert (ours - theirs).norm() / theirs.norm() < 1e-10
    assert found["loss"] == pytest.approx(told["loss"], rel=1e-12)
    assert (found["n_frames"], found["counts"]) == (told["n_frames"], told["counts"])
    assert found["totals"] == pytest.approx(told["totals"], rel=1e-10)


def test_models_stay_alike_without_being_compared(team):
    for found in team[0]["cases"].values():
        assert len(set(found["models"])) == 1


def test_every_frame_is_one_ranks(team):
    cases = team[0]["cases"]
    assert sorted(len(one) for one in cases["complete"]["shares"]) == [3, 3]
    assert sorted(len(one) for one in cases["one frame"]["shares"]) == [0, 1]
    for found in cases.values():
        names = [name for part in found["shares"] for name in part]
        assert len(names) == len(set(names))
        # a teacher's copies have no label of the target
        assert sum("displaced" not in name for name in names) == found["n_frames"]


def test_what_ranks_say_to_each_other(team):
    talk = team[0]["talk"]
    assert talk["add"] == [2.0, 1.0]
    assert talk["vote"] == [True, False]
    assert talk["gather"] == [[""], ["é" * 10]]
    assert talk["share"] == [{"from": 0}, {"from": 0}]


def test_divergence_is_seen_by_all_and_names_the_frame(team):
    (one, kept), (other, other_kept) = team[0]["talk"]["divergence"]
    assert one == other == team_script.divergence(SINGLE_PROCESS)[0]
    assert "for frames NaCl-1;" in one
    assert kept
    assert other_kept


def test_one_process_talks_to_itself():
    assert SINGLE_PROCESS.add(np.array([2.0])) == [2.0]
    assert SINGLE_PROCESS.gather({"a": 1}) == [{"a": 1}]
    assert SINGLE_PROCESS.share({"a": 1}) == {"a": 1}
    assert SINGLE_PROCESS.vote(wish=True)
    assert not SINGLE_PROCESS.vote(wish=False)
    assert SINGLE_PROCESS.place(torch.device("cuda")) == torch.device("cuda")


def test_each_process_has_a_gpu_or_all_the_cpu():
    second = Team(rank=3, size=4, local_rank=1, local_size=2)
    assert second.place(torch.device("cuda")) == torch.device("cuda", 1)
    assert second.place(torch.device("cpu")) == torch.device("cpu")


def test_any_share_can_be_made_ready():
    """As for compiling, for which all processes take the same example."""
    stepper, examples = team_script.stepper_of("missing labels", Team(rank=1, size=2))
    parts = [stepper.prepare(examples, rank=rank) for rank in (0, 1)]
    own = stepper.prepare(examples)
    own_names, first, second = (
        [one.frame_id for piece in part.pieces for one in piece.examples] for part in (own, *parts)
    )
    assert own_names == second
    assert sorted(first + second) == sorted(own.names) == sorted(one.frame_id for one in examples)
    for kind in ("energy", "force", "stress", "magmom"):
        scales = {float(part.pieces[0].targets[scale_of(kind)]) for part in parts}
        assert len(scales) == 1


@given(st.lists(st.integers(1, 10**6), max_size=60), st.integers(1, 9))
def test_shares_are_a_balanced_partition(costs, size):
    parts = shares(costs, size)
    assert len(parts) == size
    assert sorted(place for part in parts for place in part) == list(range(len(costs)))
    assert all(part == sorted(part) for part in parts)
    loads = [sum(costs[place] for place in part) for part in parts]
    assert max(loads) - min(loads) <= max(costs, default=0)
    # Graham's bound for any rule that gives to whom has least
    assert max(loads) <= sum(costs) / size + (1 - 1 / size) * max(costs, default=0) + 1e-6
    assert shares(costs, size) == parts


sums = st.builds(
    MetricSums,
    n_frames=st.integers(0, 10**9),
    totals=st.fixed_dictionaries({key: st.floats(0, 1e9) for key in METRICS}),
    counts=st.fixed_dictionaries({key: st.integers(0, 10**9) for key in METRICS}),
)


@given(sums, sums)
def test_sums_travel_as_a_vector(one, other):
    assert MetricSums.from_vector(one.vector()) == one
    together = MetricSums.from_vector(one.vector() + other.vector())
    one.merge(other)
    assert asdict(together) == asdict(one)
    assert isinstance(together.n_frames, int)


class _Frames:
    """A data set of so many frames of ten atoms."""

    def __init__(self, n):
        self._n = n

    def __len__(self):
        return self._n

    def n_atoms(self):
        return np.full(self._n, 10)


def processes(n, device="cpu", gpus=0, **config):
    config = RunConfig(dataset="any", **config)
    return default_processes(config, _Frames(n), device=device, n_gpus=gpus)


def test_default_is_one_process_where_more_do_not_pay(monkeypatch):
    monkeypatch.setattr("core.training.settings.processes.usable_cores", lambda: 4)
    # 3 ms · 10 atoms · 20 epochs: a minute with 100 frames
    assert [processes(n, epochs=20) for n in (0, 99, 101, 10**6)] == [1, 1, 4, 4]
    assert processes(10**6, epochs=20, frames=50) == 1
    assert [processes(10**6, batch_size=size) for size in (1, 3, 8, 15, 64)] == [1, 1, 2, 3, 4]
    assert processes(10**6, device="mps", gpus=8) == 1
    assert processes(10**6, device="cuda", gpus=8, batch_size=32) == 8
    assert processes(10**6, device="cuda", gpus=0) == 1
    assert processes(1000, device="cuda", gpus=8, epochs=20) == 1


def test_processes_share_the_cores():
    cpu = torch.device("cpu")
    with compute_settings(None, cpu, processes=10**6) as threads:
        assert threads == 1
    with compute_settings(None, cpu, processes=1) as threads:
        assert threads == usable_cores()
