from dataclasses import replace

import numpy as np
import pytest
import torch
from chgnet.graph import CrystalGraphConverter
from chgnet.trainer.trainer import CombinedLoss
from pymatgen.core import Structure

from core.errors import LabError
from core.potential.batch import collate
from core.potential.examples import load_examples
from core.potential.forward import Wanted, predict_batch
from core.potential.models import get_atomref, load_model
from core.potential.prediction import predict
from core.training.settings.config import LossRatios
from core.training.settings.metrics import METRICS, MetricSums
from core.training.step.loss import (
    combined_loss,
    make_targets,
    spread_scales,
    term_scales,
    trained_labels,
)
from core.training.step.probes import PROBES
from core.training.step.step import Stepper

ALL = ["energy", "force", "stress", "magmom"]
ZERO = np.zeros(94)


def stock_loss(ratios):
    return CombinedLoss(
        target_str="efsm",
        criterion="Huber",
        energy_loss_ratio=ratios.energy,
        force_loss_ratio=ratios.force,
        stress_loss_ratio=ratios.stress,
        mag_loss_ratio=ratios.magmom,
        delta=ratios.huber_delta,
    )


def stock_form(examples):
    """Labels as chgnet's data loader gives them."""

    def values(one, kind, shape):
        known = one.label(kind)
        return torch.full(shape, torch.nan) if known is None else torch.tensor(known)

    magmoms = [one.label("magmom") for one in examples]
    return {
        "e": torch.tensor([one.energy for one in examples], dtype=torch.float64),
        "f": [values(one, "force", (one.n_atoms, 3)) for one in examples],
        "s": [values(one, "stress", (3, 3)) for one in examples],
        "m": [None if one is None else torch.tensor(one) for one in magmoms],
    }


def scales_of(examples, ratios):
    spread = spread_scales(term_scales(examples, ALL, ratios), examples, ALL, alike=True)
    return {name: torch.from_numpy(scale) for name, scale in spread.items()}


@pytest.mark.parametrize("name", ["complete", "mixed"])
def test_loss_is_chgnets(request, name):
    examples = load_examples(request.getfixturevalue(name), range(8))[:]
    rng = np.random.default_rng(0)
    labelled = make_targets(examples, ALL, atomref=ZERO)
    targets = {kind: torch.from_numpy(values) for kind, values in labelled.items()}
    predicted = {
        kind: torch.nan_to_num(value) + torch.from_numpy(rng.normal(0, 0.2, value.shape))
        for kind, value in targets.items()
    }
    atoms = [one.n_atoms for one in examples]
    prediction = {
        "e": predicted["energy"],
        "f": list(torch.split(predicted["force"], atoms)),
        "s": list(predicted["stress"]),
        "m": list(torch.split(predicted["magmom"], atoms)),
    }
    ratios = LossRatios(energy=3, force=2, stress=0.3, magmom=0.7, huber_delta=0.15)
    expected = stock_loss(ratios)(stock_form(examples), prediction)["loss"]
    scales = scales_of(examples, ratios)
    loss = combined_loss(predicted, targets | scales, huber_delta=ratios.huber_delta)
    torch.testing.assert_close(loss, expected)


def test_missing_labels_give_no_gradient(mixed):
    examples = load_examples(mixed, [2, 3])[:]
    labelled = make_targets(examples, ALL, atomref=ZERO)
    targets = {kind: torch.from_numpy(values) for kind, values in labelled.items()}
    scales = scales_of(examples, LossRatios())
    predicted = {k: torch.ones_like(v).requires_grad_() for k, v in targets.items()}
    combined_loss(predicted, targets | scales, huber_delta=0.1).backward()
    for kind, target in targets.items():
        missing = torch.isnan(target)
        assert (predicted[kind].grad[missing] == 0).all()
        assert (predicted[kind].grad[~missing] != 0).all()
        assert kind == "energy" or missing.any()


def test_nothing_is_trained_that_does_not_exist(energies_only, mixed):
    assert trained_labels(load_examples(energies_only, [0])[:], LossRatios()) == ["energy"]
    some = load_examples(mixed, range(4))[:]
    assert trained_labels(some, LossRatios(stress=0)) == ["energy", "force", "magmom"]


def test_energy_only_batches_skip_the_force_pass(energies_only, monkeypatch):
    asked = []

    def spy(model, batch, wanted, *, create_graph):
        asked.append((wanted, create_graph))
        return predict_batch(model, batch, wanted, create_graph=create_graph)

    monkeypatch.setattr("core.training.step.step.predict_batch", spy)
    stepper = Stepper(load_model("chgnet-0.3.0"), LossRatios())
    stepper.step(stepper.prepare(load_examples(energies_only, [0, 1])[:]), 1e-3, ())
    assert asked[0] == (Wanted(forces=False, stress=False, magmoms=False), False)


def test_gradients_are_those_of_chgnets_own_loss(complete, stock):
    """Through the whole step, AtomRef baseline included."""
    examples = load_examples(complete, [0, 5, 13])[:]
    stepper = Stepper(load_model("chgnet-0.3.0"), LossRatios())
    probed = {"AtomEmb": 1.0}
    loss = stepper.step(stepper.prepare(examples), 0.0, (), probed)

    converter = CrystalGraphConverter(on_isolated_atoms="error", verbose="")
    frames = complete.frames([0, 5, 13])
    graphs = [
        converter(Structure(one.lattice, one.atomic_numbers.tolist(), one.frac_coords))
        for one in frames
    ]
    for graph in graphs:
        graph.atom_frac_coord.requires_grad_()
    stock.zero_grad()
    targets = stock_form(examples)
    targets["e"] = targets["e"].float()
    expected = stock_loss(LossRatios())(targets, stock(graphs, task="efsm"))["loss"]
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    ours = dict(stepper.model.named_parameters())
    difference = total = 0.0
    for name, parameter in stock.named_parameters():
        if parameter.grad is not None and ours[name].grad is not None:
            difference += float(((ours[name].grad - parameter.grad) ** 2).sum())
            total += float((parameter.grad**2).sum())
    assert difference < 1e-6 * total
    # The probes of Figure 3a add up. These frames have no angles, and AtomRef is frozen.
    assert {"AtomEmb", "BondEmb", "AtomConv0_W0", "AtomConv3_W3", "MLP_Layer0"} <= probed.keys()
    for probe, name in PROBES.items():
        theirs = stock.get_parameter(name).grad
        norm = 0.0 if theirs is None or probe == "AtomRef" else theirs.norm().item()
        before = 1.0 if probe == "AtomEmb" else 0.0
        assert probed.get(probe, 0.0) - before == pytest.approx(norm, rel=1e-3, abs=1e-9)


def test_targets_lose_no_digits(complete):
    """A target is energy minus AtomRef in double precision; float32 sees the difference only."""
    one = replace(load_examples(complete, [0])[:][0], energy=-123456.78901234567)
    atomref = np.full(94, -123456.0)
    target = make_targets([one], ["energy"], atomref=atomref)["energy"][0]
    assert float(np.float32(target)) == pytest.approx(-0.78901234567, abs=1e-7)


def test_metrics_against_numpy():
    rng = np.random.default_rng(1)
    sums, errors = MetricSums(), {kind: [] for kind in ALL}
    shapes = {"energy": (3,), "force": (7, 3), "stress": (3, 3, 3), "magmom": (7,)}
    for _ in range(4):
        sums.n_frames += 3
        for kind, shape in shapes.items():
            target, predicted = rng.normal(size=(2, *shape))
            target[rng.random(shape) < 0.3] = np.nan
            sums.add(kind, predicted, target)
            errors[kind].append(np.abs(predicted - target).ravel())
    result = sums.result()
    assert result["n_frames"] == 12
    for kind, key, scale in zip(ALL, METRICS, (1000, 1000, 1, 1), strict=True):
        assert result[key] == pytest.approx(scale * np.nanmean(np.concatenate(errors[kind])))
    assert set(MetricSums().result().values()) == {0, None}


def test_a_step_that_diverges_names_its_frames_and_changes_nothing(complete):
    examples = load_examples(complete, [0, 1, 2])[:]
    broken = [*examples[:2], replace(examples[2], forces=np.full((2, 3), np.inf, np.float32))]
    stepper = Stepper(load_model("chgnet-0.3.0"), LossRatios())
    before = {name: value.clone() for name, value in stepper.model.state_dict().items()}
    with pytest.raises(LabError, match=rf"frames {examples[2].frame_id};"):
        stepper.step(stepper.prepare(broken), 1e-3, ())
    assert all(torch.equal(v, before[k]) for k, v in stepper.model.state_dict().items())


def test_a_trained_atomref_moves_and_its_drift_counts(energies_only):
    examples = load_examples(energies_only, range(4))[:]
    # a step of this size would throw the network's weights, and with them the energies, far off
    model = load_model("chgnet-0.3.0").requires_grad_(requires_grad=False)
    model.composition_model.fc.weight.requires_grad_()
    stepper = Stepper(model, LossRatios())
    sums = MetricSums()
    stepper.step(stepper.prepare(examples), 1.0, [sums])
    moved = get_atomref(model) - stepper.baseline
    present = np.unique(np.concatenate([one.graph.atomic_numbers for one in examples])) - 1
    assert (np.abs(moved[present]) > 0.5).all()
    assert (np.delete(moved, present) == 0).all()
    graphs = [one.graph for one in examples]
    relative = stepper._predict(model, collate(graphs), ["energy"], None)["energy"].detach().numpy()
    total = relative + [one.contribution(stepper.baseline) for one in examples]
    np.testing.assert_allclose(total, [one.energy for one in predict(model, graphs)], atol=2e-5)
