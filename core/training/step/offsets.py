"""One network for several functionals: the atom features of each differ by a learned offset.

The network is shared. The initial features of an atom of element z are E_z + Δ_kz, where E is the
embedding that all functionals share and Δ_k the offset of functional k; with the AtomRef of that
functional, the model of each is an ordinary CHGNet with the embedding E + Δ_k.
"""

import copy
from collections.abc import Mapping

import torch
from chgnet.model import CHGNet
from numpy.typing import ArrayLike
from torch import Tensor, nn

from core.potential.models import set_atomref
from core.potential.weights import EMBEDDING, OFFSETS

_MODULE, _, _NAME = OFFSETS.rpartition(".")


def add_offsets(model: CHGNet, n: int) -> None:
    """Give a model one offset of its atom embedding per functional; zeros at first.

    Args:
        model: the model to change; stock's own forward pass ignores the offsets.
        n: number of functionals.
    """
    shared = model.get_parameter(EMBEDDING)
    offsets = nn.Parameter(shared.new_zeros(n, *shared.shape), requires_grad=True)
    model.get_submodule(_MODULE).register_parameter(_NAME, offsets)


def shared_state(model: CHGNet) -> dict[str, Tensor] | None:
    """Return what `of_functional` of the first functional does not tell of a model with offsets.

    Returns:
        The shared embedding and the offsets, by name; None for a model without.
    """
    if not has_offsets(model):
        return None
    return {name: model.get_parameter(name).detach() for name in (EMBEDDING, OFFSETS)}


def set_shared_state(model: CHGNet, state: Mapping[str, Tensor]) -> None:
    """Make an ordinary model one with offsets.

    Args:
        model: the model of the first functional, which is changed.
        state: as `shared_state` returns it.
    """
    add_offsets(model, len(state[OFFSETS]))
    with torch.no_grad():
        for name, value in state.items():
            model.get_parameter(name).copy_(value)


def has_offsets(model: CHGNet) -> bool:
    """Return whether a model has atom features of several functionals."""
    return hasattr(model.get_submodule(_MODULE), _NAME)


def of_functional(model: CHGNet, table: int, atomref: ArrayLike) -> CHGNet:
    """Return the ordinary CHGNet of one functional.

    Args:
        model: a model with offsets, which stays as it is.
        table: number of the functional.
        atomref: its AtomRef, (94,) eV/atom.
    """
    alone = copy.deepcopy(model)
    offsets = alone.get_parameter(OFFSETS)
    with torch.no_grad():
        alone.get_parameter(EMBEDDING).add_(offsets[table])
    delattr(alone.get_submodule(_MODULE), _NAME)
    set_atomref(alone, atomref)
    return alone
