"""Weights beside those that are trained: their running average, and those they started from."""

import copy
from collections.abc import Mapping

import torch
from chgnet.model import CHGNet
from torch import Tensor

from core.potential.weights import ATOMREF, OFFSETS


class Average:
    """An exponential moving average of the trained weights.

    After the t-th step it takes w̄ ← d w̄ + (1 − d) w with d = min(decay, t / (9 + t)): the first
    steps, which a short run would otherwise never forget, count less. The idea: Polyak and
    Juditsky 1992, doi:10.1137/0330046; the rise of the decay is that of TensorFlow's
    ExponentialMovingAverage.

    Attributes:
        model: the model with the averaged weights.
        n_updates: steps averaged over so far.

    Args:
        model: the model that is trained.
        decay: limit of the decay per step.
    """

    def __init__(self, model: CHGNet, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.n_updates = 0
        self._decay = decay

    def update(self, model: CHGNet) -> None:
        """Take in the weights after one more step."""
        self.n_updates += 1
        decay = min(self._decay, self.n_updates / (9 + self.n_updates))
        trained = dict(model.named_parameters())
        with torch.no_grad():
            for name, average in self.model.named_parameters():
                if trained[name].requires_grad:
                    average.lerp_(trained[name], 1 - decay)


class Anchor:
    """A pull of the weights toward those that training started from (L2-SP).

    The loss gains ½ α Σ (w − w₀)² over the trained weights of the network, AtomRef left out. Li et
    al. 2018, arXiv:1802.01483. The offsets of functionals begin at zero and have a strength of
    their own. The loss that a run reports is that of the labels alone.

    Attributes:
        start: the weights w₀, by name.

    Args:
        model: the model as training starts.
        strength: α.
        of_offsets: the same for the offsets of functionals.
        start: the weights, where the model has moved already.
    """

    def __init__(
        self,
        model: CHGNet,
        strength: float,
        start: Mapping[str, Tensor] | None = None,
        *,
        of_offsets: float = 0.0,
    ) -> None:
        weights = dict(model.named_parameters())
        self._strength = {name: strength for name in weights if name != ATOMREF}
        self._strength |= {OFFSETS: of_offsets}
        self.start = {
            name: (weight if start is None else start[name]).detach().clone().to(weight.device)
            for name, weight in weights.items()
            if weight.requires_grad and self._strength.get(name)
        }

    def add_gradient(self, model: CHGNet) -> None:
        """Add the pull to the gradients of the loss; a weight without one has not moved."""
        weights = dict(model.named_parameters())
        with torch.no_grad():
            for name, start in self.start.items():
                gradient = weights[name].grad
                if gradient is not None:
                    gradient.add_(weights[name] - start, alpha=self._strength[name])
