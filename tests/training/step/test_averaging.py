"""Running average and pull of weights, against numpy and autograd."""

import numpy as np
import torch

from core.potential.examples import load_examples
from core.potential.models import load_model
from core.training.settings.config import LossRatios
from core.training.step.averaging import Anchor, Average
from core.training.step.step import Stepper

SOURCE = "chgnet-0.3.0"


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).double().numpy()


def test_the_average_is_numpys(energies_only):
    examples = load_examples(energies_only, range(3))[:]
    stepper = Stepper(load_model(SOURCE), LossRatios())
    stepper.average = Average(stepper.model, 0.3)
    assert stepper.result is stepper.average.model
    expected = flat(stepper.model)
    for step in range(1, 9):
        stepper.step(stepper.prepare(examples), 1e-3, ())
        decay = min(0.3, step / (9 + step))
        expected = decay * expected + (1 - decay) * flat(stepper.model)
    assert not np.allclose(flat(stepper.result), flat(stepper.model), atol=1e-4)
    np.testing.assert_allclose(flat(stepper.result), expected, atol=1e-6)


def test_the_pull_is_the_gradient_of_half_the_squared_distance(energies_only):
    examples = load_examples(energies_only, range(3))[:]
    stepper = Stepper(load_model(SOURCE), LossRatios())
    stepper.anchor = Anchor(stepper.model, 0.7)
    start = {name: p.detach().clone() for name, p in stepper.model.named_parameters()}
    stepper.step(stepper.prepare(examples), 1e-3, ())
    stepper.step(stepper.prepare(examples), 0.0, ())
    pulled = {name: p.grad.clone() for name, p in trained(stepper.model)}
    stepper.anchor = None
    stepper.step(stepper.prepare(examples), 0.0, ())
    weights = dict(trained(stepper.model))
    copies = {name: p.detach().clone().requires_grad_() for name, p in weights.items()}
    penalty = sum(((copies[name] - start[name]) ** 2).sum() for name in copies)
    (0.35 * penalty).backward()
    for name, copy in copies.items():
        torch.testing.assert_close(pulled[name], weights[name].grad + copy.grad)
    assert max(float(copy.grad.abs().max()) for copy in copies.values()) > 1e-4


def trained(model):
    return [(name, p) for name, p in model.named_parameters() if p.grad is not None]


def test_a_pull_that_is_resumed_keeps_its_start():
    model = load_model(SOURCE)
    first = Anchor(model, 1.0)
    with torch.no_grad():
        model.mlp.layers[0].weight += 1
    again = Anchor(model, 1.0, first.start)
    name = "mlp.layers.0.weight"
    torch.testing.assert_close(again.start[name], first.start[name])
    assert not torch.equal(again.start[name], model.mlp.layers[0].weight)
