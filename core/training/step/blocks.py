"""The network's blocks, which may be frozen or have separate learning rates."""

from collections.abc import Collection

from chgnet.model import CHGNet

from core.potential.weights import ATOMREF, OFFSETS
from core.training.settings.config import BLOCKS

_LEVELS = 4
_PREFIXES: dict[str, tuple[str, ...]] = {
    "embedding": (
        "atom_embedding.",
        "bond_basis_expansion.",
        "bond_embedding.",
        "bond_weights_ag.",
        "bond_weights_bg.",
        "angle_basis_expansion.",
        "angle_embedding.",
    ),
    **{
        f"conv{level}": (
            f"atom_conv_layers.{level}.",
            f"bond_conv_layers.{level}.",
            f"angle_layers.{level}.",
        )
        for level in range(_LEVELS)
    },
    "magmom": ("site_wise.",),
    "readout": ("readout_norm.", "mlp."),
}


def block_of(parameter: str) -> str | None:
    """Return the block of a parameter; None for AtomRef and the offsets of functionals."""
    if parameter in {ATOMREF, OFFSETS}:
        return None
    return next(block for block in BLOCKS if parameter.startswith(_PREFIXES[block]))


def freeze(model: CHGNet, blocks: Collection[str]) -> None:
    """Make every block of the network trainable except these; AtomRef does not change.

    Args:
        model: the model to change.
        blocks: keys of BLOCKS.
    """
    for name, parameter in model.named_parameters():
        block = block_of(name)
        if block is not None:
            parameter.requires_grad_(block not in blocks)
