"""Choices of a run: frozen blocks, rates of blocks, optimisers, warm-up, early ends, time."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import LabError
from core.potential.examples import load_examples
from core.potential.forward import Wanted
from core.potential.models import get_atomref, load_model, read_extra
from core.potential.prediction import predict
from core.potential.weights import ATOMREF
from core.runs.record.events import StatusTracker
from core.training.loop import rate_finder
from core.training.loop.loop import fit
from core.training.loop.schedule import learning_rate
from core.training.scoring.error_rows import ErrorRows
from core.training.settings.config import BLOCKS, LossRatios, RunConfig
from core.training.settings.metrics import MetricSums
from core.training.settings.partition import partition
from core.training.step.blocks import block_of, freeze
from core.training.step.frame_weights import frame_weights
from core.training.step.optimizer import make_optimizer, set_rate
from core.training.step.step import Stepper

SOURCE = "chgnet-0.3.0"
SHORT = {
    "dataset": "energies", "method": "refit", "frames": 12, "batch_size": 6, "device": "cpu",
    "threads": 1,
}  # fmt: skip


def run(path, frame_set, *, stop_after=None, resume=False, **settings):
    config = RunConfig(**{**SHORT, **settings})
    events = []

    def stop():
        steps = sum(event["kind"] == "step" for event in events)
        return stop_after is not None and steps >= stop_after

    outcome = fit(
        config,
        frame_set,
        checkpoints=path,
        emit=lambda event: events.append(json.loads(json.dumps(event))),
        should_stop=stop,
        resume=resume,
    )
    return outcome, events


def moved(path):
    """Blocks of the network that differ from the source model, and whether AtomRef does."""
    before, after = load_model(SOURCE).state_dict(), load_model(path / "last.pt").state_dict()
    names = {name for name, value in after.items() if not torch.equal(value, before[name])}
    return {block_of(name) for name in names if name in dict(load_model(SOURCE).named_parameters())}


def test_every_parameter_has_a_block():
    model = load_model(SOURCE)
    blocks = [block_of(name) for name, _ in model.named_parameters()]
    assert blocks.count(None) == 1
    assert set(blocks) - {None} == set(BLOCKS)
    freeze(model, ["conv2", "readout"])
    for name, parameter in model.named_parameters():
        expected = name != ATOMREF and block_of(name) not in {"conv2", "readout"}
        assert parameter.requires_grad == expected


def test_frozen_blocks_keep_their_weights(energies_only, tmp_path):
    frozen = ("embedding", "conv0", "conv1")
    run(tmp_path, energies_only, epochs=1, frozen=frozen)
    # No label of these frames reaches the magnetic readout.
    assert moved(tmp_path) == {None, "conv2", "conv3", "readout"}
    outcome, events = run(tmp_path, energies_only, epochs=1, frozen=frozen, resume=True)
    assert outcome.state == "finished"
    assert events[0]["step"] == events[0]["steps"]


@pytest.mark.parametrize(
    ("name", "decay", "kind"),
    [("adam", 0.0, "Adam"), ("adamw", 0.01, "AdamW"), ("radam", 0.0, "RAdam")],
)
def test_the_optimiser_and_the_rates_of_blocks(name, decay, kind):
    model = load_model(SOURCE)
    config = RunConfig(
        dataset="x", optimizer=name, weight_decay=decay, block_rates={"readout": 2.0, "conv0": 0.1}
    )
    optimizer = make_optimizer(model, config)
    assert type(optimizer).__name__ == kind
    assert {group["weight_decay"] for group in optimizer.param_groups} == {decay}
    set_rate(optimizer, 0.5)
    rates = {
        id(parameter): group["lr"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    expected = {"readout": 1.0, "conv0": 0.05}
    for parameter_name, parameter in model.named_parameters():
        if parameter_name != ATOMREF:
            assert rates[id(parameter)] == expected.get(block_of(parameter_name), 0.5)


def assert_resumed_is_uninterrupted(frame_set, path, **settings):
    """Train in one go, and stopped and resumed; return outcome and events of the first."""
    whole, events = run(path / "whole", frame_set, **settings)
    run(path / "parts", frame_set, stop_after=3, **settings)
    parts, _ = run(path / "parts", frame_set, resume=True, **settings)
    assert parts == whole
    for file in ("last.pt", "best.pth.tar"):
        states = [load_model(path / one / file).state_dict() for one in ("whole", "parts")]
        assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    return whole, events


def test_a_taught_run_is_resumed_bit_for_bit_and_says_what_taught_it(energies_only, tmp_path):
    settings = {
        "epochs": 2,
        "teacher": {"weight": 0.5, "copies": 1},
        "optimizer": "radam",
        "warmup_epochs": 0.5,
        "block_rates": {"readout": 3.0},
        "frozen": ("embedding",),
    }
    _, events = assert_resumed_is_uninterrupted(energies_only, tmp_path, **settings)
    start = next(event for event in events if event["kind"] == "start")
    teacher = start["source_functional"]["teacher"]
    assert (teacher["labels"], teacher["n_frames"]) == (SOURCE, start["n_train"])
    log = [StatusTracker(epochs=2).line(event) for event in events]
    assert any("chgnet-0.3.0 (source functional GGA/GGA+U)" in line for line in log)
    epochs = [event for event in events if event["kind"] == "epoch"]
    forces = [one["source_functional"]["teacher"]["force_mae_mev_per_angstrom"] for one in epochs]
    assert all(0 < force < 1000 for force in forces)
    assert epochs[0]["train"]["force_mae_mev_per_angstrom"] is None


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        ("own", {"method": "residual", "optimizer": "adamw", "weight_decay": 0.01}),
        ("pretrained", {"method": "trainable", "teacher": {"weight": 0.1}}),
    ],
    ids=["own", "pretrained"],
)
def test_a_run_with_replay_is_resumed_bit_for_bit(energies_only, tmp_path, labels, settings):
    replay = {"dataset": "complete", "labels": labels, "ratio": 0.4, "weight": 0.5}
    settings = {"epochs": 2, "replay": replay, **settings}
    _, events = assert_resumed_is_uninterrupted(energies_only, tmp_path, **settings)
    start = next(event for event in events if event["kind"] == "start")
    told = start["source_functional"]["replay"]
    assert told["pseudolabels"] == (labels == "pretrained")
    epochs = [event for event in events if event["kind"] == "epoch"]
    errors = epochs[0]["source_functional"]["replay"]
    # two frames in each step
    assert errors["n_frames"] == 2 * len([one for one in events if one["kind"] == "step"]) / 2
    assert errors["energy_mae_mev_per_atom"] < 1000
    line = StatusTracker(epochs=2).line(start)
    assert ("pseudolabels of chgnet-0.3.0, not DFT" in line) == (labels == "pretrained")


def test_weights_beside_the_trained_ones_are_resumed_bit_for_bit(energies_only, tmp_path):
    settings = {"epochs": 2, "ema": 0.9, "l2_sp": 0.5, "atomref_after": "solved"}
    whole, events = assert_resumed_is_uninterrupted(energies_only, tmp_path, **settings)
    last, best = (load_model(tmp_path / "whole" / file) for file in ("last.pt", "best.pth.tar"))
    assert not torch.equal(last.mlp.layers[0].weight, best.mlp.layers[0].weight), "an average"

    # what the best network adds, solved by numpy
    again = events[-1]["atomref_after"]
    rows = partition(RunConfig(**SHORT), energies_only).train
    X, y = energies_only.fractions()[rows], energies_only.energies()[rows]
    found = predict(best, energies_only.frames(rows), Wanted.of([]))
    prior = get_atomref(last)
    left = y - [one.interaction for one in found] - X @ prior
    solved = prior + np.linalg.solve(X.T @ X + 1e-2 * np.eye(94), X.T @ left)
    expected = solved if again["taken"] else prior
    np.testing.assert_allclose(get_atomref(best), expected, atol=1e-4)
    assert again["taken"] == (again["after_mev_per_atom"] < again["before_mev_per_atom"])
    error = whole.validation["energy_mae_mev_per_atom"]
    assert error == min(again["before_mev_per_atom"], again["after_mev_per_atom"])


def test_a_found_rate_later_ratios_and_weights_are_resumed_bit_for_bit(
    energies_only, tmp_path, monkeypatch
):
    monkeypatch.setattr(rate_finder, "STEPS", 14)
    settings = {
        "epochs": 3,
        "rate_from": "found",
        "later": {"epoch": 3, "loss": {"energy": 50.0}},
        "frame_weights": "materials",
    }
    _, events = assert_resumed_is_uninterrupted(energies_only, tmp_path, **settings)
    start = next(event for event in events if event["kind"] == "start")
    found = start["rate"]
    assert found["rates"][0] == pytest.approx(1e-7)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    expected = found["suggestion"] or 1e-3
    steps = [event for event in events if event["kind"] == "step"]
    assert steps[0]["learning_rate"] == pytest.approx(expected)
    of_epochs = [[one for one in steps if n < one["epoch"] <= n + 1] for n in range(3)]
    ratios = [
        [one["loss"] / one["train"]["energy_mae_mev_per_atom"] for one in part]
        for part in of_epochs
    ]
    assert min(ratios[2]) > 5 * max(ratios[1]), "energies alone, in the loss with another ratio"


def test_the_finder_leaves_the_run_as_it_would_have_been(energies_only, tmp_path, monkeypatch):
    """A rate that is found and not used changes no weight."""
    monkeypatch.setattr(rate_finder, "suggestion", lambda *_: None)
    monkeypatch.setattr(rate_finder, "STEPS", 3)
    for name, how in (("with", "found"), ("without", "given")):
        run(tmp_path / name, energies_only, epochs=1, rate_from=how)
    states = [load_model(tmp_path / name / "last.pt").state_dict() for name in ("with", "without")]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_the_suggested_rate_is_where_the_loss_falls_most():
    """As Lightning's finder: the first ten steps and the last one do not count."""
    rates = np.geomspace(1e-7, 1, 60)
    smoothed = 3 - 2 / (1 + np.exp(-8 * np.log10(rates / 1e-4)))
    smoothed[3] = -9.0
    smoothed[-1] = -99.0
    assert rate_finder.suggestion(rates, smoothed) == pytest.approx(1e-4, rel=0.2)
    assert rate_finder.suggestion(rates, np.linspace(1, 2, 60)) is None
    assert rate_finder.suggestion(rates[:11], smoothed[:11]) is None


def test_weights_of_frames(energies_only, tmp_path):
    rows = np.arange(len(energies_only))
    weights = frame_weights("materials", energies_only, rows)
    names = energies_only.material_ids().astype(str)
    for name in set(names):
        assert weights[names == name].sum() == pytest.approx(len(rows) / len(set(names)))
    ids = energies_only.table()["frame_id"].tolist()
    path = tmp_path / "mine.csv"
    path.write_text(f"frame_id,weight\n{ids[1]},3\nnobody,7\n")
    weights = frame_weights(str(path), energies_only, rows[:3])
    np.testing.assert_allclose(weights, np.array([1, 3, 1]) * 3 / 5)
    for text, told in (
        ("frame_id\n1", "a column weight"),
        (f"frame_id,weight\n{ids[0]},-1", "row 2: the weight should be"),
        ("frame_id,weight\nnobody,1", "names none of the training frames"),
    ):
        path.write_text(text)
        with pytest.raises(LabError, match=told):
            frame_weights(str(path), energies_only, rows)
    with pytest.raises(LabError, match="cannot be read"):
        frame_weights(str(tmp_path / "none.csv"), energies_only, rows)


def test_a_weight_counts_as_so_many_copies_of_the_frame(complete):
    """The gradient of a batch with weights 1 and 2 is that of one with the second frame twice."""
    one, two = load_examples(complete, range(2))[:]
    batches = ([replace(one, weight=1.0), replace(two, weight=2.0)], [one, two, two])
    gradients = []
    for number, frames in enumerate(batches):
        model = load_model(SOURCE)
        stepper = Stepper(model, LossRatios(), alike=bool(number))
        stepper.step(stepper.prepare(frames), 1e-3, ())
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        if gradient is not None:
            torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-3, atol=1e-5)


def test_there_is_nothing_to_teach_where_all_frames_have_forces(complete, tmp_path):
    with pytest.raises(LabError, match="nothing to teach"):
        run(tmp_path, complete, dataset="complete", epochs=1, teacher={"weight": 0.5})


def test_the_rate_rises_during_the_warm_up_and_is_the_cosine_after_it():
    steps, epochs = 40, 6
    at = [(epoch, step) for epoch in range(epochs) for step in range(steps)]

    def rates(warmup):
        given = {"steps_per_epoch": steps, "epochs": epochs, "warmup_epochs": warmup}
        return [learning_rate(1e-3, epoch=epoch, step=step, **given) for epoch, step in at]

    plain, warmed = rates(0.0), rates(1.5)
    assert warmed[60:] == plain[60:]
    for n, (low, full) in enumerate(zip(warmed[:60], plain[:60], strict=True), start=1):
        assert low == pytest.approx(full * n / 60)


def test_it_ends_when_validation_no_longer_improves_and_keeps_models_on_its_way(
    energies_only, tmp_path, monkeypatch
):
    metrics = ErrorRows.metrics
    monkeypatch.setattr(
        ErrorRows, "metrics", lambda self: {**metrics(self), "energy_mae_mev_per_atom": 7.0}
    )
    outcome, events = run(tmp_path, energies_only, epochs=9, patience=2, keep_every=2)
    epochs = [event["epoch"] for event in events if event["kind"] == "epoch"]
    assert (outcome.state, outcome.best_epoch, epochs) == ("finished", 1, [1, 2, 3])
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".npz") == [
        "best.pth.tar", "epoch-2.pth.tar", "last.pt",
    ]  # fmt: skip
    assert read_extra(tmp_path / "epoch-2.pth.tar")["epoch"] == 2
    states = [load_model(tmp_path / name).state_dict() for name in ("epoch-2.pth.tar", "last.pt")]
    assert any(not torch.equal(value, states[1][key]) for key, value in states[0].items())
    # Interrupted before its test, it does not train on.
    outcome, events = run(tmp_path, energies_only, epochs=9, patience=2, keep_every=2, resume=True)
    assert outcome.state == "finished"
    assert not [event for event in events if event["kind"] == "epoch"]


def test_a_limit_of_time_settles_the_epochs(energies_only, tmp_path):
    outcome, events = run(tmp_path, energies_only, epochs=50, minutes=1e-4)
    (plan,) = [event for event in events if event["kind"] == "plan"]
    assert plan["epochs"] == 1
    steps = [event for event in events if event["kind"] == "step"]
    assert {event["steps"] for event in steps} == {plan["steps"]} == {steps[-1]["step"]}
    assert outcome.state == "finished"
    # With time enough, all epochs that were asked for; the plan outlives an interruption.
    settings = {"epochs": 3, "minutes": 1e6}
    run(tmp_path / "long", energies_only, stop_after=4, **settings)
    outcome, events = run(tmp_path / "long", energies_only, resume=True, **settings)
    assert not [event for event in events if event["kind"] == "plan"]
    assert max(event.get("epoch", 0) for event in events) == 3


def test_a_checkpoint_from_before_these_settings_still_goes_on(energies_only, tmp_path):
    run(tmp_path, energies_only, epochs=2, stop_after=1)
    last = tmp_path / "last.pt"
    content = torch.load(last, weights_only=True)
    for newer in ("optimizer", "minutes", "frozen", "block_rates"):
        content["config"].pop(newer)
    content["position"].pop("epochs")
    content["position"].pop("tenth_gradients")
    for group in content["optimizer"]["param_groups"]:
        group.pop("factor")
    torch.save(content, last)
    outcome, _ = run(tmp_path, energies_only, epochs=2, resume=True)
    assert outcome.state == "finished"


class Full:
    """Stands for a step that has memory for so many frames at a time."""

    eager_because = "this is a test"

    def __init__(self, differentiate, frames):
        self.differentiate, self.frames = differentiate, frames

    def __call__(self, batch, targets):
        if len(batch.fractions) > self.frames:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: no memory")
        return self.differentiate(batch, targets)


def test_out_of_memory_is_met_with_smaller_pieces(complete):
    examples = load_examples(complete, range(8))[:]
    free, tight = (Stepper(load_model(SOURCE), LossRatios()) for _ in range(2))
    tight._differentiate = Full(tight._differentiate, 2)
    sums = MetricSums(), MetricSums()
    losses = [
        stepper.step(stepper.prepare(examples), 1e-3, [own])
        for stepper, own in zip((free, tight), sums, strict=True)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert sums[1].n_frames == 8
    for name, gradient in free.model.named_parameters():
        if gradient.grad is not None:
            other = tight.model.get_parameter(name).grad
            torch.testing.assert_close(other, gradient.grad, rtol=1e-3, atol=1e-5)
    # From now on pieces are small from the beginning.
    assert max(len(piece.examples) for piece in tight.prepare(examples).pieces) <= 2


def test_a_frame_that_memory_cannot_hold_is_named(complete):
    examples = load_examples(complete, range(4))[:]
    stepper = Stepper(load_model(SOURCE), LossRatios())
    stepper._differentiate = Full(stepper._differentiate, 0)
    with pytest.raises(LabError, match=r"not enough memory for frame .* alone \(2 atoms"):
        stepper.step(stepper.prepare(examples), 1e-3, ())


def test_a_run_says_that_memory_was_short(energies_only, tmp_path, monkeypatch):
    begin = Stepper.__init__

    def tight(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        self._differentiate = Full(self._differentiate, 4)

    monkeypatch.setattr(Stepper, "__init__", tight)
    outcome, events = run(tmp_path, energies_only, epochs=1)
    assert outcome.state == "finished"
    told = [event for event in events if event["kind"] == "memory"]
    assert told
    assert "smaller pieces" in StatusTracker(epochs=1).changes(told[0])["message"]
    assert "out of memory" in StatusTracker(epochs=1).line(told[0])
