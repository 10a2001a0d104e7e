"""Products of many rows with a small matrix, which take half of the network's time.

In single precision on a CPU the library (``products.cpp``) computes them. Torch would ask MKL,
which on some processors does not use their widest vectors, or oneDNN, which makes code for each
number of rows anew: a batch of another size then waits a millisecond for each of its products, and
some 1,000 such codes stay in memory. Sums over rows, the gradients by a matrix, are 1.2 times as
fast as MKL's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from core.potential.kernels import operators
from core.potential.kernels.library import computes

_by_rows_alone: ContextVar[bool] = ContextVar("_by_rows_alone", default=False)


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + β for every row x, as ``torch.nn.functional.linear``.

    Args:
        rows: (n, k).
        weight: (m, k).
        bias: (m,).

    Returns:
        (n, m).
    """
    if not computes(rows):
        return F.linear(rows, weight, bias)
    result: Tensor = _Linear.apply(rows, weight, bias)
    return result


@contextmanager
def by_rows_alone() -> Iterator[None]:
    """Leave out gradients by weights and biases where a derivative by geometry is taken.

    Torch does not tell a function which of its gradients will be used.
    """
    token = _by_rows_alone.set(True)
    try:
        yield
    finally:
        _by_rows_alone.reset(token)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows if weight.requires_grad else None, weight)
        return operators.product(rows, weight.t(), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        by_rows, by_weight, by_bias = ctx.needs_input_grad
        if _by_rows_alone.get():
            by_weight = by_bias = False
        return (
            linear(gradient, weight.t()) if by_rows else None,
            _sum_over_rows(gradient, rows) if by_weight else None,
            gradient.sum(0) if by_bias else None,
        )


def _sum_over_rows(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right, differentiable where torch records operations."""
    if torch.is_grad_enabled():
        return left.t() @ right
    if right.shape[1] < left.shape[1]:
        # a narrow right side would leave vectors partly empty
        return operators.sum_of_products(right, left).t()
    return operators.sum_of_products(left, right)
