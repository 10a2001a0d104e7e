"""Gradients of the layers that the paper looks at, by the names it gives them.

Source: Huang et al. 2025, Figure 3a, doi:10.1038/s41524-025-01796-y: gradients of some layers, ten
times in the first epoch of a transfer, with and without refitted AtomRef.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from core.potential.weights import ATOMREF

PROBES: dict[str, str] = {
    "AtomRef": ATOMREF,
    "AtomEmb": "atom_embedding.embedding.weight",
    "BondEmb": "bond_embedding.weight",
    "AngleEmb": "angle_embedding.weight",
    "AtomConv0_W0": "atom_conv_layers.0.twoBody_atom.mlp_core.layers.0.weight",
    "AtomConv3_W3": "atom_conv_layers.3.twoBody_atom.mlp_core.layers.3.weight",
    "BondConv0_W0": "bond_conv_layers.0.twoBody_bond.mlp_core.layers.0.weight",
    "BondConv2_W3": "bond_conv_layers.2.twoBody_bond.mlp_core.layers.3.weight",
    "MLP_Layer0": "mlp.layers.0.weight",
}
"""The probe's name to the name of a parameter in the stock module."""


def add_gradient_norms(parameters: Iterable[tuple[str, Tensor]], sums: dict[str, float]) -> None:
    """Add the Euclidean norm of each probed layer's gradient to running sums.

    A layer without a gradient, such as a frozen AtomRef, is passed over.

    Args:
        parameters: names and parameters of a model, after its backward pass.
        sums: by probe, in the loss's unit over the parameter's; changed in place.
    """
    by_name = dict(parameters)
    gradients = {
        probe: gradient
        for probe, name in PROBES.items()
        if (gradient := by_name[name].grad) is not None
    }
    if not gradients:
        return
    # One transfer from an accelerator instead of one per layer.
    norms = torch.stack([gradient.norm() for gradient in gradients.values()]).tolist()
    for probe, norm in zip(gradients, norms, strict=True):
        sums[probe] = sums.get(probe, 0.0) + norm
