"""Several functionals at once: against stock chgnet, separate steps and an uninterrupted run."""

import contextlib
import io
import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from chgnet.model import CHGNet
from pymatgen.core import Structure

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.store import write_frames
from core.potential.compiled import TrainingStep
from core.potential.examples import Example, load_examples
from core.potential.models import get_atomref, load_model, read_extra, set_atomref
from core.potential.prediction import predict
from core.potential.weights import EMBEDDING, OFFSETS
from core.runs.process import local
from core.runs.record.named_models import split_for_model
from core.training.loop.loop import fit
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.functionals import Functionals
from core.training.settings.partition import further_sets
from core.training.step.averaging import Anchor
from core.training.step.feed import Level, make_feed
from core.training.step.offsets import add_offsets, of_functional
from core.training.step.step import Stepper
from tests.shallow_network import shallow_network

RUN = RunConfig(
    dataset="mixed,second,third",
    epochs=2,
    batch_size=6,
    functionals=Functionals(weights={"second": 0.5}, ratios={"third": 0.5}, pull=0.1),
    ema=0.9,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module", autouse=True)
def further(home, complete_frames):
    """The same materials in a second functional, and two others beside some of them in a third."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        second = [
            replace(one, energy_per_atom=one.energy_per_atom + 0.7, forces=0.9 * one.forces)
            for one in complete_frames
        ]
        third = [
            replace(one, energy_per_atom=one.energy_per_atom - 2.0, material_id=name)
            for one, name in zip(
                complete_frames[::2],
                [*"abcdef", *(one.material_id for one in second[12::2])],
                strict=True,
            )
        ]
        other = [replace(one, material_id=f"x{one.material_id}") for one in second]
        sets = {"second": second, "third": third, "renamed": other}
        for name, frames in sets.items():
            card = Card(name=name, kind="frames", functional=f"F-{name}", split_seed=5)
            write_frames(home / "datasets" / name, card, frames)


def trained(path, *, resume=False, stop_after=None):
    told = []

    def stop():
        steps = [event for event in told if event["kind"] == "step"]
        return stop_after is not None and len(steps) >= stop_after

    outcome = fit(
        RUN,
        open_dataset("mixed"),
        checkpoints=path,
        emit=lambda event: told.append(json.loads(json.dumps(event, allow_nan=False))),
        should_stop=stop,
        resume=resume,
    )
    return outcome, told


@pytest.fixture(scope="module")
def whole(home, further, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        path = tmp_path_factory.mktemp("whole")
        return *trained(path), path


def joint(weights=(0.5, 2.0), rows=((0, 3), (1, 4)), model=None, **loss):
    """A stepper of three functionals with offsets that are not zero, its frames and levels."""
    config = RunConfig(
        dataset="mixed,second,third",
        loss=LossRatios(**loss),
        batch_size=len(rows[0]),
        functionals=Functionals(weights=dict(zip(["second", "third"], weights, strict=True))),
    )
    train = load_examples(open_dataset("mixed"), rows[0])
    levels = []
    for table, name in enumerate(config.functionals.datasets, start=1):
        data = open_dataset(name)
        atomref = np.random.default_rng(table).normal(0, 2, 94)
        levels.append(
            Level(
                functional=name,
                data=data,
                split=data.split(),
                examples=load_examples(data, rows[1]),
                atomref=atomref,
                table=table,
            )
        )
    feed = make_feed(config, train, levels=levels)
    model = model or load_model("chgnet-r2scan")
    add_offsets(model, 3)
    with torch.no_grad():
        noise = np.random.default_rng(0).normal(0, 0.05, (3, 94, 64))
        model.get_parameter(OFFSETS).copy_(torch.from_numpy(noise))
    return Stepper(model, config.loss, weights=feed.weights), feed, config


def gradients(stepper, examples):
    loss = stepper.step(stepper.prepare(examples), 0.0, ())
    return loss, {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in stepper.model.named_parameters()
    }


def test_gradients_of_the_joint_loss_are_those_of_its_parts():
    """Each functional by itself, with the ordinary model that it exports."""
    stepper, feed, config = joint(force=2.0)
    frames = feed.batch(np.arange(2), 0, 0)
    assert len(frames) == 6
    loss, found = gradients(stepper, frames)
    parts = []
    for table, weight in enumerate((1.0, 0.5, 2.0)):
        atomref = stepper.baseline if table == 0 else feed.levels[table - 1].atomref
        alone = of_functional(stepper.model, table, atomref)
        own = Stepper(alone, config.loss, baseline=atomref)
        plain = [
            Example(**{one.name: getattr(frame, one.name) for one in fields(Example)})
            for frame in frames[2 * table : 2 * table + 2]
        ]
        parts.append((weight, *gradients(own, plain)))
    assert loss == pytest.approx(sum(weight * own for weight, own, _ in parts), rel=1e-5)
    for name in parts[0][2]:
        total = sum(weight * of_part[name] for weight, _, of_part in parts)
        torch.testing.assert_close(found[name], total, rtol=1e-4, atol=2e-5)
    for table, (weight, _, of_part) in enumerate(parts):
        expected = weight * of_part[EMBEDDING]
        torch.testing.assert_close(found[OFFSETS][table], expected, rtol=1e-4, atol=2e-5)


def test_the_compiled_step_is_the_eager_one(monkeypatch):
    compiling = TrainingStep.compile
    monkeypatch.setattr(
        TrainingStep, "compile", lambda self, examples: compiling(self, examples, backend="none")
    )
    rows = (0, 5, 9), (1, 4, 10)
    stepper, feed, _ = joint(rows=rows, model=shallow_network(2), force=0, stress=0, magmom=0)
    frames = feed.batch(np.arange(3), 0, 0)
    expected = gradients(stepper, frames)
    assert stepper.compile([stepper.prepare(frames)]), stepper.eager_because
    loss, found = gradients(stepper, frames)
    assert loss == pytest.approx(expected[0], rel=1e-5)
    for name, value in expected[1].items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5)


def test_stock_chgnet_predicts_what_the_lab_does_per_functional(whole):
    outcome, events, path = whole
    assert outcome.state == "finished"
    (start,) = [event for event in events if event["kind"] == "start"]
    names = [one["functional"] for one in start["functionals"]]
    assert names == ["F-second", "F-third"]
    embeddings = []
    for number, name in enumerate(["test", *names], start=1):
        file = path / (f"best-{number}.pth.tar" if number > 1 else "best.pth.tar")
        assert read_extra(file)["functional"] == name
        with contextlib.redirect_stdout(io.StringIO()):
            stock = CHGNet.from_file(file)
        ours = load_model(file)
        embeddings.append(ours.get_parameter(EMBEDDING).detach().numpy())
        example = load_examples(open_dataset("complete"), [5])[0]
        graph = example.graph
        found = stock.predict_structure(
            Structure(graph.lattice, graph.atomic_numbers, graph.frac_coords)
        )
        (own,) = predict(ours, [graph])
        assert own.energy == pytest.approx(float(found["e"]), abs=1e-5)
        np.testing.assert_allclose(own.forces, found["f"], atol=1e-4)
    moved = [np.abs(one - embeddings[0]).max() for one in embeddings[1:]]
    assert min(moved) > 0
    atomrefs = [get_atomref(load_model(path / f"best-{n}.pth.tar")) for n in (2, 3)]
    np.testing.assert_allclose((atomrefs[0] - atomrefs[1])[[10, 16]], 2.7, atol=0.6)


def test_events_tell_of_each_functional(whole):
    _, events, _ = whole
    epochs = [event for event in events if event["kind"] == "epoch"]
    for event in epochs:
        assert set(event["functionals"]) == {"F-second", "F-third"}
        assert event["functionals"]["F-second"]["train"]["n_frames"] > 0
        assert event["functionals"]["F-second"]["validation"]["n_frames"] > 0
        assert event["source_functional"] == {}
    (end,) = [event for event in events if event["kind"] == "end"]
    assert end["functionals"]["F-second"]["test"]["energy_mae_mev_per_atom"] > 0


def test_resumed_is_bit_for_bit_uninterrupted(whole, tmp_path):
    expected, events, path = whole
    told = []
    for stop in (1, 2, None):
        outcome, part = trained(tmp_path, resume=True, stop_after=stop)
        told += part
    assert outcome.test == expected.test
    for name in ("last.pt", "best.pth.tar", "best-2.pth.tar", "best-3.pth.tar"):
        ours, theirs = (load_model(one / name).state_dict() for one in (tmp_path, path))
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items()), name
    shared = [torch.load(one / "last.pt", weights_only=True) for one in (tmp_path, path)]
    for key in ("shared", "average"):
        assert all(torch.equal(value, shared[1][key][n]) for n, value in shared[0][key].items())

    def of(all_events, kind, key):
        return [event[key] for event in all_events if event["kind"] == kind]

    assert of(told, "epoch", "functionals") == of(events, "epoch", "functionals")
    assert of(told, "end", "functionals") == of(events, "end", "functionals")


def test_a_changed_data_set_is_not_resumed(whole, tmp_path, monkeypatch):
    trained(tmp_path, stop_after=1)
    second = open_dataset("second")
    changed = second.card.model_copy(update={"fingerprint": "other"})
    monkeypatch.setattr(second, "card", changed)
    with pytest.raises(LabError, match="second, which this run trains on, has changed"):
        trained(tmp_path, resume=True)


@pytest.mark.parametrize("names", [("second", "third"), ("second", "renamed")])
def test_no_functional_trains_on_what_another_is_tested_on(names):
    """By material id, and by formula where no id is shared."""
    mixed = open_dataset("mixed")
    config = RunConfig(dataset="mixed", method="multifidelity", functionals={"datasets": names})
    parts = ("train", "validation", "test")
    first = mixed.split()
    seen = {part: set(mixed.material_ids()[getattr(first, part)]) for part in parts}
    formulas = {part: set(mixed.formulas()[getattr(first, part)]) for part in parts}
    run = local.create(config)
    for data, split in further_sets(config, mixed):
        np.testing.assert_array_equal(split_for_model(run.id, data).test, split.test)
        rows = np.concatenate([getattr(split, part) for part in parts])
        assert sorted(rows) == list(range(len(data)))
        for part in parts:
            for other in set(parts) - {part}:
                assert not seen[other] & set(data.material_ids()[getattr(split, part)])
                if data.card.name == "renamed":
                    assert not formulas[other] & set(data.formulas()[getattr(split, part)])
            seen[part] |= set(data.material_ids()[getattr(split, part)])


def test_data_sets_of_one_functional_are_refused():
    config = RunConfig(dataset="mixed,complete")
    with pytest.raises(LabError, match="are both in the functional test"):
        further_sets(config, open_dataset("mixed"))


def test_offsets_are_pulled_to_zero():
    """Without any gradient of labels, the pull alone shrinks them."""
    model = load_model("chgnet-0.3.0")
    set_atomref(model, np.zeros(94))
    add_offsets(model, 2)
    anchor = Anchor(model, 0.0, of_offsets=0.25)
    assert list(anchor.start) == [OFFSETS]
    offsets = model.get_parameter(OFFSETS)
    with torch.no_grad():
        offsets.fill_(2.0)
    offsets.grad = torch.zeros_like(offsets)
    anchor.add_gradient(model)
    assert torch.equal(offsets.grad, torch.full_like(offsets, 0.5))
