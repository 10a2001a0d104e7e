"""Matrix products by the faster of the two libraries that come with torch.

Half of the network's time goes into products of many rows with a small matrix. In single precision
on a CPU torch takes them from MKL, which on some processors does not use their widest vectors;
oneDNN does, and is there more than twice as fast. Products that sum over the rows, the gradients by
a weight, stay with torch: for these oneDNN is no faster and less exact.
"""

import platform
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

_LIBRARY = torch.library.Library("atomref_lab", "DEF")
_LIBRARY.define("product(Tensor rows, Tensor matrix, Tensor? bias=None) -> Tensor")
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and platform.machine() in {"x86_64", "AMD64"}


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + β for every row x, as ``torch.nn.functional.linear``.

    Args:
        rows: (n, k).
        weight: (m, k).
        bias: (m,).

    Returns:
        (n, m).
    """
    if not _is_row_by_row(rows):
        return F.linear(rows, weight, bias)
    result: Tensor = _Linear.apply(rows, weight, bias)
    return result


class _Linear(torch.autograd.Function):
    """x Wᵀ + β, whose derivatives by W and β are torch's, and by x one of these again."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows if weight.requires_grad else None, weight)
        # by its name, under which a capture records it
        return torch.ops.atomref_lab.product(rows, weight.t(), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        by_rows, by_weight, by_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.t()) if by_rows else None,
            _sum_over_rows(gradient, rows) if by_weight else None,
            gradient.sum(0) if by_bias else None,
        )


def _sum_over_rows(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right; MKL is faster with the narrower of them on the left."""
    if right.shape[1] < left.shape[1]:
        return (right.t() @ left).t()
    return left.t() @ right


@torch.library.impl(_LIBRARY, "product", "CPU")
def _product(rows: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    linear_of = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - there is no public way to it
    # a matrix cut out of a wider one would send it to its slow reference code
    return linear_of(rows, matrix.t().contiguous(), bias, "none", [], "")


@torch.library.register_fake("atomref_lab::product")
def _shape(rows: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: ARG001
    return rows.new_empty(rows.shape[0], matrix.shape[1])


def _is_row_by_row(rows: Tensor) -> bool:
    """Return whether oneDNN is the better choice for a left factor."""
    return (
        _HAS_ONEDNN
        and rows.dtype == torch.float32
        and rows.device.type == "cpu"
        and rows.stride(1) == 1
    )
