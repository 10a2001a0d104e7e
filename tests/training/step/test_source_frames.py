"""Labels of the source functional beside the target's: against stock chgnet and separate steps."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from pymatgen.core import Structure

from core.errors import LabError
from core.potential.compiled import TrainingStep
from core.potential.examples import Example, load_examples
from core.potential.models import get_atomref, load_model, set_atomref
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.metrics import MetricSums
from core.training.settings.source import Replay, Teacher
from core.training.step import feed as feed_module
from core.training.step.feed import make_feed
from core.training.step.replay import Drawn, replayed_labels, replayed_rows, replayed_set
from core.training.step.source_frames import PretrainedLabels, Taught
from core.training.step.step import Stepper
from tests.shallow_network import shallow_network

SOURCE = "chgnet-0.3.0"
TEACHER = Teacher(weight=0.7, copies=2, displacement=0.05)


def taught_stepper(frame_set, rows, teacher=TEACHER, *, model=None, **loss):
    examples = load_examples(frame_set, rows)
    config = RunConfig(dataset="any", teacher=teacher, loss=LossRatios(**loss))
    feed = make_feed(config, examples, load_model(SOURCE))
    model = model or load_model("chgnet-r2scan")
    stepper = Stepper(model, config.loss, weights=feed.weights, pretrained=feed.pretrained)
    return stepper, feed.batch(np.arange(len(examples)), 0, 0)


def gradient(stepper, examples, **more):
    loss = stepper.step(stepper.prepare(examples), 0.0, (), **more)
    found = [torch.zeros_like(p) if p.grad is None else p.grad for p in stepper.model.parameters()]
    return loss, torch.cat([one.flatten() for one in found])


def plain_example(example):
    return Example(**{one.name: getattr(example, one.name) for one in fields(Example)})


def test_the_teacher_is_stock_chgnet(energies_only, stock):
    _, frames = taught_stepper(energies_only, [0, 5])
    assert len(frames) == 2 + 2 * TEACHER.copies
    completed = PretrainedLabels(model=load_model(SOURCE)).complete(frames)
    for example in completed:
        graph = example.graph
        found = stock.predict_structure(
            Structure(graph.lattice, graph.atomic_numbers, graph.frac_coords)
        )
        np.testing.assert_allclose(example.forces, found["f"], atol=1e-4)
        np.testing.assert_allclose(example.stress, found["s"], atol=1e-3)
        assert example.magmoms is None
    assert [np.isnan(example.energy) for example in completed] == [False] * 2 + [True] * 4


def test_copies_are_displaced_by_their_size_and_anew_in_every_epoch(energies_only):
    examples = load_examples(energies_only, range(8))[:]
    settings = Teacher(weight=1, copies=50, displacement=0.08)
    ask = Taught(settings, LossRatios(), seed=3)
    moved = []
    for epoch in (0, 1):
        frames = ask(examples, epoch)
        copies = frames[len(examples) :]
        assert len(copies) == 50 * len(examples)
        start = np.repeat([one.graph.frac_coords for one in examples], 50, axis=0)
        shift = np.array([one.graph.frac_coords for one in copies]) - start
        moved.append(
            np.array([s @ one.graph.lattice for s, one in zip(shift, copies, strict=True)])
        )
    assert moved[0].std() == pytest.approx(0.08, rel=0.05)
    assert not np.allclose(moved[0], moved[1])
    again = ask(examples, 1)[len(examples) :]
    np.testing.assert_array_equal(again[7].graph.frac_coords, frames[8 + 7].graph.frac_coords)


def test_frames_with_forces_are_not_taught(mixed):
    examples = load_examples(mixed, range(8))[:]
    frames = Taught(replace_copies(0), LossRatios(), 0)(examples, 0)
    for before, after in zip(examples, frames, strict=True):
        assert (after is before) == (before.forces is not None)


def replace_copies(copies):
    return TEACHER.model_copy(update={"copies": copies})


def test_gradients_of_the_joint_loss_are_those_of_its_parts(energies_only):
    """Energies by themselves, and forces and stresses by themselves times their weight."""
    stepper, frames = taught_stepper(energies_only, [0, 5, 9], energy=2, force=3, stress=0.2)
    others = {}
    loss, joint = gradient(stepper, frames, others=others)
    completed = PretrainedLabels(model=load_model(SOURCE)).complete(frames)
    plain = Stepper(load_model("chgnet-r2scan"), LossRatios(energy=2, force=3, stress=0.2))
    labelled = [plain_example(one) for one in completed]
    energies = [replace(one, forces=None, stress=None) for one in labelled[:3]]
    forces = [replace(one, energy=np.nan) for one in labelled]
    of_energy, first = gradient(plain, energies)
    of_force, second = gradient(plain, forces)
    assert loss == pytest.approx(of_energy + 0.7 * of_force, rel=1e-5)
    torch.testing.assert_close(joint, first + 0.7 * second, rtol=1e-4, atol=1e-5)
    sums = MetricSums()
    plain.step(plain.prepare(forces), 0.0, [sums])
    assert others["teacher"].n_frames == 9
    np.testing.assert_allclose(others["teacher"].vector(), sums.vector(), rtol=1e-5)


def test_errors_on_the_target_are_of_the_target_alone(energies_only):
    stepper, frames = taught_stepper(energies_only, [0, 5, 9])
    sums = MetricSums()
    stepper.step(stepper.prepare(frames), 0.0, [sums])
    assert sums.n_frames == 3
    assert sums.result()["force_mae_mev_per_angstrom"] is None
    assert sums.result()["energy_mae_mev_per_atom"] > 0


def test_replayed_energies_count_from_their_own_atomref(complete):
    """The loss of frames with an AtomRef of their own is that of a model with this AtomRef."""
    examples = load_examples(complete, range(6))
    own = np.linspace(-3, 4, 94)
    config = RunConfig(dataset="any", replay=Replay(dataset="complete", ratio=0.25, weight=0.3))
    replay = feed_module.Replay(
        examples=examples, held_out=np.zeros(0, np.int64), atomref=own, data=complete
    )
    feed = make_feed(config, examples, None, replay)
    frames = feed.batch(np.arange(3), 0, 1)
    assert len(frames) == 3 + 4
    model = load_model("chgnet-r2scan")
    set_atomref(model, get_atomref(model), trainable=True)
    stepper = Stepper(model, config.loss, weights=feed.weights)
    # a trained AtomRef that has moved moves the target's energies alone
    with torch.no_grad():
        model.composition_model.fc.weight += 0.5
    loss, joint = gradient(stepper, frames)

    plain = load_model("chgnet-r2scan")
    before = get_atomref(plain)
    set_atomref(plain, before, trainable=True)
    target = Stepper(plain, config.loss)
    with torch.no_grad():
        plain.composition_model.fc.weight += 0.5
    of_target, first = gradient(target, [plain_example(one) for one in frames[:3]])
    set_atomref(plain, before)
    source = Stepper(plain, config.loss, baseline=own)
    of_replay, second = gradient(source, [plain_example(one) for one in frames[3:]])
    assert loss == pytest.approx(of_target + 0.3 * of_replay, rel=1e-5)
    torch.testing.assert_close(joint, first + 0.3 * second, rtol=1e-4, atol=1e-4)


def test_every_frame_is_replayed_as_often(complete):
    examples = load_examples(complete, range(7))
    labelled = replayed_labels(np.zeros(94), LossRatios())
    draw = Drawn(examples, labelled, random=(4, 2), per_step=3)
    drawn = [example.index for step in range(14) for example in draw(step)]
    assert np.bincount(drawn).tolist() == [6] * 7
    assert drawn[:7] != drawn[7:14]
    assert [example.index for example in draw(5)] == drawn[15:18]


def test_the_compiled_step_is_the_eager_one(energies_only, monkeypatch):
    compiling = TrainingStep.compile
    monkeypatch.setattr(
        TrainingStep, "compile", lambda self, examples: compiling(self, examples, backend="none")
    )
    rows = [0, 5, 9, 14, 20]
    stepper, frames = taught_stepper(energies_only, rows, model=shallow_network(2))
    eager = gradient(stepper, frames)
    assert stepper.compile([stepper.prepare(frames)]), stepper.eager_because
    loss, compiled = gradient(stepper, frames[1:])
    stepper, _ = taught_stepper(energies_only, rows, model=shallow_network(2))
    expected = gradient(stepper, frames[1:])
    assert loss == pytest.approx(expected[0], rel=1e-5)
    torch.testing.assert_close(compiled, expected[1], rtol=1e-3, atol=1e-5)
    assert loss != eager[0]


def test_pairs_are_replayed_with_pseudolabels_alone():
    config = RunConfig(dataset="energies", epochs=5, replay=Replay(dataset="mp-structures"))
    with pytest.raises(LabError, match="holds pairs"):
        replayed_set(config)
    pseudo = Replay(dataset="mp-structures", labels="pretrained")
    config = config.model_copy(update={"replay": pseudo})
    data = replayed_set(config)
    rows, held_out = replayed_rows(config, data, 32)
    # no more than two steps in each of five epochs can take, eight at a time
    assert len(rows) == 5 * 2 * 8
    assert len(held_out) == int(data.structure_flags().sum()) // 10
    assert not set(rows) & set(held_out)
