"""What a message does between its matrix products, row by row: gather, add, gate, weigh, sum.

Torch reads and writes every intermediate of it, and several times as many for the derivatives that
training on forces takes. A small library in C++ (``rows.cpp``) keeps a row in registers on its way
and computes it again for the derivatives, so that only what enters and leaves a product is held. It
is used in single precision on a CPU for the width of the released models, where a compiler is
found. Elsewhere torch computes the same.

Both halves of a gated perceptron, core and gate, have rows of h numbers. Of a message k from the
rows i, j and p of three tensors, with x and y the inputs of the layer norms LN (weight and bias
included),

    gathered  silu(a_i + b_j + c_p) or a_i + b_j + c_p,
    gated     φ_k = silu(LN(x_k)) ⊙ σ(LN(y_k)),
    summed    Σ_k w ⊙ φ_k over the messages of each receiver.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from core.potential.kernels import operators
from core.potential.kernels.library import computes
from core.potential.kernels.operators import WIDTH

Norms = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Weight and bias, (h,) each, of the core's and of the gate's layer norm."""


def gathered(
    a: Tensor, b: Tensor, c: Tensor, i: Tensor, j: Tensor, *, turns: int = 1, activated: bool
) -> tuple[Tensor, Tensor]:
    """Return the first layer's output for messages, of core and of gate.

    Args:
        a: first-layer products of one kind of row, core and gate side by side, (I, 2h).
        b: of another, (J, 2h).
        c: of the messages themselves, (P, 2h).
        i: row of ``a`` of each message, (n,).
        j: row of ``b`` of each message, (n,).
        turns: how often the rows of ``c`` repeat one after the other, n / P.
        activated: whether the sums go through silu.

    Returns:
        (n, h) and (n, h).
    """
    if _by_library(c, 2 * WIDTH):
        return operators.gathered(a, b, c, i, j, turns, activated)
    sums = a.index_select(0, i) + b.index_select(0, j)
    sums = (sums.view(turns, c.shape[0], -1) + c).flatten(0, 1)
    core, gate = (F.silu(sums) if activated else sums).chunk(2, dim=1)
    return core, gate


def gated(core: Tensor, gate: Tensor, norms: Norms) -> Tensor:
    """Return φ, (n, h), from the inputs of the layer norms of core and gate, (n, h) each."""
    if _by_library(core, WIDTH):
        return operators.gated(core, gate, _stacked(norms), None, None, None, 1, core.shape[0])
    core = F.layer_norm(core, core.shape[1:], *norms[0])
    gate = F.layer_norm(gate, gate.shape[1:], *norms[1])
    return F.silu(core) * torch.sigmoid(gate)


def summed(
    core: Tensor,
    gate: Tensor,
    norms: Norms,
    *,
    weights: Tensor,
    senders: Tensor | None = None,
    receivers: Tensor,
    like: Tensor,
    turns: int = 1,
) -> Tensor:
    """Return the sum of the weighted messages that each receiver gets.

    Args:
        core: input of the core's layer norm, (n, h).
        gate: input of the gate's, (n, h).
        norms: both layer norms.
        weights: factors of the messages, (P, h).
        senders: row of ``weights`` of each message, (n,); None where they repeat one after the
            other.
        receivers: row of the result of each message, (n,).
        like: a tensor with as many rows as the result.
        turns: how often the weights repeat, n / P.

    Returns:
        The sums, (rows of ``like``, h).
    """
    if _by_library(core, WIDTH):
        return operators.gated(
            core, gate, _stacked(norms), weights, senders, receivers, turns, like.shape[0]
        )
    messages = gated(core, gate, norms)
    if senders is None:
        messages = (messages.view(turns, weights.shape[0], -1) * weights).flatten(0, 1)
    else:
        messages = messages * weights.index_select(0, senders)
    total = messages.new_zeros(like.shape[0], messages.shape[1])
    return total.index_add(0, receivers, messages)


def _stacked(norms: Norms) -> Tensor:
    return torch.stack([*norms[0], *norms[1]])


def _by_library(rows: Tensor, width: int) -> bool:
    return rows.shape[1] == width and computes(rows)
