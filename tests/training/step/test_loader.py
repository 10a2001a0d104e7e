import threading
from contextlib import closing

import pytest
import torch

from core.potential.compiled_capture import tensors
from core.potential.examples import load_examples
from core.potential.models import load_model
from core.training.loop.loop import fit
from core.training.settings.config import LossRatios, RunConfig
from core.training.step import loader
from core.training.step.loader import ahead, load
from core.training.step.step import Stepper

DEPTHS = pytest.mark.parametrize("depth", [0, 1, 2, 7])


def n_threads():
    return sum(thread.name.startswith("ahead") for thread in threading.enumerate())


@DEPTHS
def test_everything_comes_in_order(depth):
    assert list(ahead(range(20), lambda item: item**2, depth)) == [item**2 for item in range(20)]
    assert list(ahead([], str, depth)) == []
    assert n_threads() == 0


@DEPTHS
def test_an_error_comes_where_its_result_would(depth):
    def prepare(item):
        if item == 3:
            raise ValueError("the fourth")
        return item

    items = ahead(range(9), prepare, depth)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the fourth"):
        next(items)
    assert n_threads() == 0


@DEPTHS
def test_leaving_early_ends_the_thread(depth):
    begun = []
    with closing(ahead(range(1000), begun.append, depth)) as items:
        next(items)
        next(items)
    assert n_threads() == 0
    assert len(begun) <= 2 + depth


def test_it_is_as_far_ahead_as_asked_and_no_farther():
    begun, third = [], threading.Event()

    def prepare(item):
        begun.append(item)
        if item == 2:
            third.set()
        return threading.current_thread().name

    with closing(ahead(range(10), prepare, 2)) as items:
        assert next(items).startswith("ahead")
        assert third.wait(5)
        assert begun == [0, 1, 2]
    assert set(ahead(range(3), lambda _: threading.current_thread().name, 0)) == {
        threading.current_thread().name
    }


def test_training_ahead_is_bit_for_bit_training_in_step(energies_only, tmp_path, monkeypatch):
    config = RunConfig(
        dataset="energies", method="refit", epochs=1, batch_size=6, device="cpu", threads=1
    )
    weights, events = [], []
    for depth in (0, 2):
        monkeypatch.setattr(loader, "ahead", lambda s, p, _, depth=depth: ahead(s, p, depth))
        path = tmp_path / str(depth)
        fit(config, energies_only, checkpoints=path, emit=events.append, should_stop=lambda: False)
        weights.append(load_model(path / "last.pt").state_dict())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, which CI lacks")
def test_batches_on_cuda_are_those_on_the_cpu(complete):
    examples = load_examples(complete, range(24))
    groups = [examples[begin : begin + 4] for begin in range(0, 24, 4)] * 5
    here = Stepper(load_model("chgnet-0.3.0"), LossRatios())
    there = Stepper(load_model("chgnet-0.3.0", "cuda"), LossRatios())
    device = torch.device("cuda", torch.cuda.current_device())
    for group, moved in zip(groups, load(groups, there.prepare, device), strict=True):
        (ours_there,), (ours_here,) = moved.pieces, here.prepare(group).pieces
        torch.cuda._sleep(10_000_000)
        pairs = zip(tensors(ours_there.batch), tensors(ours_here.batch), strict=True)
        for ours, theirs in pairs:
            assert ours.is_cuda
            assert ours.cpu().equal(theirs)
        for name, target in ours_here.targets.items():
            torch.testing.assert_close(ours_there.targets[name].cpu(), target, equal_nan=True)
