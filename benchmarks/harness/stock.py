"""Stock chgnet's side of training, as its own trainer goes about it."""

from collections.abc import Sequence
from typing import Any

import torch
from chgnet.data.dataset import StructureData
from chgnet.graph import CrystalGraph
from chgnet.model import CHGNet
from chgnet.trainer.trainer import CombinedLoss

from core.frames.schema import Frame
from core.training.settings.config import LossRatios
from harness.worker import Work
from harness.workload import structures_of

TASK = "efsm"
_KBAR_PER_GPA = -10.0
"""StructureData takes VASP's stresses and turns them itself."""


def make_model(work: Work) -> CHGNet:
    """Return the released model with frozen AtomRef, as chgnet's trainer freezes it."""
    model = CHGNet.load(model_name="0.3.0", use_device=str(work.device), verbose=False)
    model.composition_model.requires_grad_(requires_grad=False)
    return model


def make_loss() -> CombinedLoss:
    """Return chgnet's loss with the lab's weights."""
    return CombinedLoss(target_str=TASK, criterion="Huber", **loss_weights())


def loss_weights() -> dict[str, float]:
    """Return the lab's default weights of the loss under chgnet's names."""
    ratios = LossRatios()
    return {
        "energy_loss_ratio": ratios.energy,
        "force_loss_ratio": ratios.force,
        "stress_loss_ratio": ratios.stress,
        "mag_loss_ratio": ratios.magmom,
        "delta": ratios.huber_delta,
    }


def make_data(frames: Sequence[Frame]) -> StructureData:
    """Return a fresh chgnet data set, which converts a structure when it is first asked for."""
    # The cache of converted structures belongs to the class and would keep every former data set.
    StructureData.__getitem__.cache_clear()
    return StructureData(
        structures_of(frames),
        [frame.energy_per_atom for frame in frames],
        [frame.forces for frame in frames],
        stresses=[frame.stress * _KBAR_PER_GPA for frame in frames],
        magmoms=[frame.magmoms for frame in frames],
        shuffle=False,
    )


def on_device(
    graphs: Sequence[CrystalGraph], targets: dict[str, Any], device: torch.device
) -> tuple[list[CrystalGraph], dict[str, Any]]:
    """Send a collated batch to the device, its coordinates ready for forces."""
    for graph in graphs:
        graph.atom_frac_coord.requires_grad = True
    moved = {
        kind: value.to(device) if torch.is_tensor(value) else [one.to(device) for one in value]
        for kind, value in targets.items()
    }
    return [graph.to(str(device)) for graph in graphs], moved
