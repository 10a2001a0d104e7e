"""The optimiser of a run."""

import torch
from chgnet.model import CHGNet
from torch.optim import Adam, AdamW, Optimizer, RAdam

from core.training.settings.config import RunConfig
from core.training.step.blocks import block_of

_FACTOR = "factor"


class NoOptimizer(Optimizer):
    """Leaves a model as it is.

    The first of PyTorch's own optimisers imports its compiler, 1.6 s of processor time, for which
    nobody who asks how long a run takes has to wait.
    """

    def __init__(self) -> None:
        self.param_groups = []

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        """Do nothing."""


def make_optimizer(model: CHGNet, config: RunConfig) -> Optimizer:
    """Return the optimiser of a model's trainable parameters, a group for each rate.

    Args:
        model: the model; parameters that ask for gradients are trained.
        config: names the optimiser, its weight decay and the rates of blocks.
    """
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            factor = config.block_rates.get(block_of(name) or "", 1.0)
            groups.setdefault(factor, []).append(parameter)
    parameters = [{"params": members, _FACTOR: factor} for factor, members in groups.items()]
    if config.optimizer == "adamw":
        return AdamW(parameters, weight_decay=config.weight_decay)
    return (Adam if config.optimizer == "adam" else RAdam)(parameters)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of the next step; each group takes it times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(_FACTOR, 1.0)
