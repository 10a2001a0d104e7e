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
from torch.fx import GraphModule, Node

_LIBRARY = torch.library.Library("atomref_lab", "DEF")
_LIBRARY.define("product(Tensor rows, Tensor matrix, Tensor? bias=None) -> Tensor")
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and platform.machine() in {"x86_64", "AMD64"}


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + β for every row x, as ``torch.nn.functional.linear``.

    oneDNN computes it where weight and bias are constants, as in inference.

    Args:
        rows: (n, k).
        weight: (m, k).
        bias: (m,).

    Returns:
        (n, m).
    """
    trained = weight.requires_grad or (bias is not None and bias.requires_grad)
    if trained or not _is_row_by_row(rows):
        return F.linear(rows, weight, bias)
    return _ConstantLinear.apply(rows, weight, bias)


def use_onednn(graph: GraphModule) -> None:
    """Let oneDNN compute a captured graph's products of rows with a matrix.

    Args:
        graph: a captured step, which is changed in place.
    """
    for node in graph.graph.nodes:
        if node.target is torch.ops.aten.mm.default:
            (rows, matrix), bias = node.args, None
        elif node.target is torch.ops.aten.addmm.default and not node.kwargs:
            bias, rows, matrix = node.args
        else:
            continue
        if isinstance(rows, Node) and _is_row_by_row(rows.meta["val"]):
            node.target = torch.ops.atomref_lab.product.default
            node.args = (rows, matrix, bias)
    graph.recompile()


class _ConstantLinear(torch.autograd.Function):
    """x Wᵀ + β for constant W and β; its gradient by x is one of these again."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        # by its name, under which a capture records it
        return torch.ops.atomref_lab.product(rows, weight.t(), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return linear(gradient, weight.t()), None, None


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
