"""The functions of the library as operators of torch, which autograd and the compiler know.

Those of ``rows.cpp`` have a value, its slope (what `backward` computes) and the slope of that (what
training on forces asks for). No training asks for more, so a third derivative, or the second one by
layer norms, is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.potential.kernels.library import call

WIDTH = 64
"""Features of core and of gate, h."""

Inputs = Sequence[Any]
"""Of an operator, as its schema names them."""

_LIBRARY = torch.library.Library("atomref_kernels", "DEF")
_OPS = torch.ops.atomref_kernels
_GATHERED = "Tensor a, Tensor b, Tensor c, Tensor i, Tensor j, int turns, bool activated"
_GATED = (
    "Tensor core, Tensor gate, Tensor norms, Tensor? weights, Tensor? senders, Tensor? receivers, "
    "int turns"
)
_LIBRARY.define("product(Tensor rows, Tensor matrix, Tensor? bias) -> Tensor")
_LIBRARY.define("sum_of_products(Tensor left, Tensor right) -> Tensor")
_LIBRARY.define(f"gathered({_GATHERED}) -> (Tensor, Tensor)")
_LIBRARY.define(
    f"gathered_slope({_GATHERED}, Tensor core, Tensor gate) -> (Tensor, Tensor, Tensor)"
)
_LIBRARY.define(
    f"gathered_twice({_GATHERED}, Tensor core, Tensor gate, Tensor by_a, Tensor by_b, Tensor by_c)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)
_LIBRARY.define(f"gated({_GATED}, SymInt n_out) -> Tensor")
_LIBRARY.define(f"gated_slope({_GATED}, Tensor slope) -> (Tensor, Tensor, Tensor, Tensor)")
_LIBRARY.define(
    f"gated_twice({_GATED}, Tensor slope, Tensor by_core, Tensor by_gate, Tensor? by_weights)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)


def product(rows: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """Return rows, (n, k), times a matrix, (k, m), plus a bias, (m,); not differentiable."""
    result: Tensor = _OPS.product(rows, matrix, bias)
    return result


def sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """Return leftᵀ right, (k, m), of (n, k) and (n, m); not differentiable."""
    result: Tensor = _OPS.sum_of_products(left, right)
    return result


def gathered(*inputs: Any) -> tuple[Tensor, Tensor]:
    """Return both halves of ``gathered``, (n, h) each; inputs as in the schema above."""
    core, gate = _Gathered.apply(*inputs)
    return core, gate


def gated(*inputs: Any) -> Tensor:
    """Return the sums of ``summed``, or φ of ``gated`` without weights and receivers."""
    result: Tensor = _Gated.apply(*inputs)
    return result


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        *tensors, ctx.turns, ctx.activated = inputs
        ctx.save_for_backward(*tensors)
        return _OPS.gathered(*inputs)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        by = _GatheredSlope.apply(*ctx.saved_tensors, ctx.turns, ctx.activated, *slopes)
        return (*by, None, None, None, None)


class _GatheredSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
        *tensors, ctx.turns, ctx.activated, core, gate = inputs
        ctx.save_for_backward(*tensors, core, gate)
        return _OPS.gathered_slope(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by: Tensor) -> tuple[Tensor | None, ...]:
        *tensors, core, gate = ctx.saved_tensors
        inputs = (*tensors, ctx.turns, ctx.activated, core, gate)
        a, b, c, core, gate = _OPS.gathered_twice(*inputs, *by)
        return a, b, c, None, None, None, None, core, gate


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        *tensors, ctx.turns, _n_out = inputs
        ctx.save_for_backward(*tensors)
        return _OPS.gated(*inputs)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        # asked for once: where messages are computed again, they are given once
        tensors = ctx.saved_tensors
        core, gate, norms, weights = _GatedSlope.apply(*tensors, ctx.turns, slope)
        weights = None if tensors[3] is None else weights
        return core, gate, norms, weights, None, None, None, None


class _GatedSlope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, ...]:
        *tensors, ctx.turns, slope = inputs
        ctx.save_for_backward(*tensors, slope)
        ctx.set_materialize_grads(False)
        return _OPS.gated_slope(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, slope = ctx.saved_tensors
        by_core, by_gate, by_norms, by_weights = by
        if by_norms is not None:
            raise RuntimeError("The slope by a layer norm has no slope here.")
        by_core = torch.zeros_like(tensors[0]) if by_core is None else by_core
        by_gate = torch.zeros_like(tensors[1]) if by_gate is None else by_gate
        core, gate, norms, weights, slope = _OPS.gated_twice(
            *tensors, ctx.turns, slope, by_core, by_gate, by_weights
        )
        weights = None if tensors[3] is None else weights
        return core, gate, norms, weights, None, None, None, slope


def _contiguous(tensors: Iterable[Tensor | None]) -> list[Tensor | None]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def _like(rows: Tensor) -> Tensor:
    return torch.empty_like(rows, memory_format=torch.contiguous_format)


def _of_product(inputs: Inputs) -> list[Tensor | int | None]:
    rows, matrix, bias = inputs
    if matrix.shape[0] != rows.shape[1] or matrix.dtype != rows.dtype:
        raise ValueError(
            f"{rows.dtype} rows of {rows.shape[1]} times {matrix.dtype} {matrix.shape}"
        )
    sizes = (len(rows), *matrix.shape, *matrix.stride())
    return [rows.contiguous(), matrix, *_contiguous((bias,)), *sizes]


def _of_sum(inputs: Inputs) -> list[Tensor | int | None]:
    left, right = inputs
    if len(left) != len(right):
        raise ValueError(f"a sum over {len(left)} and {len(right)} rows")
    return [*_contiguous(inputs), *left.shape, right.shape[1]]


def _of_gathered(inputs: Inputs) -> list[Tensor | int | None]:
    a, b, c, i, j, turns, activated, *rest = inputs
    if len(i) != turns * len(c) or len(j) != len(i):
        raise ValueError(f"{len(i)} and {len(j)} rows to gather for {turns} × {len(c)} messages")
    sizes = (len(a), len(b), len(c), turns, int(activated))
    return [*_contiguous((a, b, c, i, j)), *sizes, *_contiguous(rest)]


def _of_gated(inputs: Inputs) -> list[Tensor | int | None]:
    *tensors, turns, result = inputs[:8]
    core, _, _, weights, senders, receivers = tensors
    n_weights = 0 if weights is None else len(weights)
    n = len(core) if weights is None or senders is not None else turns * n_weights
    if any(len(rows) != n for rows in (*inputs[:2], senders, receivers) if rows is not None):
        raise ValueError(f"rows that do not belong to {n} messages")
    n_out, rest = (result, []) if isinstance(result, int) else (len(result), inputs[7:])
    sizes = (len(core) // turns, turns, n_weights, n_out)
    return [*_contiguous(tensors), *sizes, *_contiguous(rest)]


def _empty(left: Tensor, dimension: int, right: Tensor) -> Tensor:
    return left.new_empty(left.shape[dimension], right.shape[1])


def _hidden(inputs: Inputs) -> tuple[Tensor, ...]:
    n = inputs[3].shape[0]
    return tuple(inputs[2].new_empty(n, WIDTH) for _ in range(2))


def _result(inputs: Inputs) -> tuple[Tensor, ...]:
    return (inputs[0].new_empty(inputs[7], WIDTH),)


def _slopes(inputs: Inputs) -> tuple[Tensor, ...]:
    core, gate, norms, weights = inputs[:4]
    none = core.new_empty(0, WIDTH)
    return _like(core), _like(gate), _like(norms), none if weights is None else _like(weights)


def _register(
    name: str,
    arguments: Callable[[Inputs], list[Tensor | int | None]],
    results: Callable[[Inputs], tuple[Tensor, ...]],
) -> None:
    """Let a function of the library compute an operator, and tell torch the results' shapes."""

    def shapes(*inputs: Any) -> Tensor | tuple[Tensor, ...]:
        out = results(inputs)
        return out if len(out) > 1 else out[0]

    def compute(*inputs: Any) -> Tensor | tuple[Tensor, ...]:
        out = results(inputs)
        call(name, *arguments(inputs), *out)
        return out if len(out) > 1 else out[0]

    _LIBRARY.impl(name, compute, "CPU")
    torch.library.register_fake(f"atomref_kernels::{name}", shapes)


_register("product", _of_product, lambda inputs: (_empty(inputs[0], 0, inputs[1]),))
_register("sum_of_products", _of_sum, lambda inputs: (_empty(inputs[0], 1, inputs[1]),))
_register("gathered", _of_gathered, _hidden)
_register("gathered_slope", _of_gathered, lambda inputs: tuple(map(_like, inputs[:3])))
_register(
    "gathered_twice",
    _of_gathered,
    lambda inputs: tuple(map(_like, (*inputs[:3], *inputs[7:9]))),
)
_register("gated", _of_gated, _result)
_register("gated_slope", _of_gated, _slopes)
_register("gated_twice", _of_gated, lambda inputs: (*_slopes(inputs), _like(inputs[7])))
