"""Inference or a whole training step as one graph of tensor operations, for batches of every size.

Autograd runs inside the trace: in a training step the forward pass, the force and virial gradient,
the loss and the gradient of the loss by every trainable parameter become one flat graph. A compiler
that sees all of it can fuse across what would otherwise be the border between forward and backward,
and frees each intermediate result after its last use.

The five numbers that size a batch (frames, atoms, bonds, short bonds, angles) are symbols in the
trace. Torch assumes of such a symbol that it is at least two. Whatever else the traced code would
have to assume, that two sizes are equal, say, or that one has the value it had in the example,
torch records as a guard; a graph with any guard is refused, so a captured graph holds for every
batch whose sizes are large enough.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from chgnet.model import CHGNet
from torch import SymInt, Tensor, nn
from torch.fx import GraphModule

from core.potential.batch import PackedBatch

if TYPE_CHECKING:
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

Targets = Mapping[str, Tensor]
Function = Callable[[CHGNet, PackedBatch, Targets], list[Tensor]]
"""What can be captured.

It is pure: it reads parameters through its model argument (as attributes or from
``named_parameters``) and takes no decision that depends on a tensor's values. Other tensors that it
refers to are constants.
"""

_SMALLEST = {"frames": 1}
"""Below this a graph does not hold for a batch; other sizes have to be 2 at least.

Torch's symbolic sizes begin at two, since one and zero have meanings of their own in broadcasting.
But tensors with one row per frame are combined only with each other, so that a single frame works
as well as any number.
"""

_BATCH_FIELDS = tuple(field.name for field in fields(PackedBatch))


class NotCapturableError(Exception):
    """Raised with the reason why a function has no single graph that holds for every batch."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Signature:
    """What a captured graph takes.

    It takes all parameters in the model's order, the tensors of the batch in the order of its
    fields, and the targets.

    Attributes:
        inputs: tensors without content, with symbolic sizes, one for each input.
        shapes: where torch records guards, also those that a compiler adds later.
        targets: of each target its name and which size its first dimension is, or None for a
            scalar.
        trained: names of the parameters that were trainable.
    """

    inputs: tuple[Tensor, ...]
    shapes: "ShapeEnv"
    targets: Mapping[str, str | None]
    trained: tuple[str, ...]

    def check(self) -> None:
        """Refuse the graph if it, or a compiler since, has assumed anything about sizes.

        Raises:
            NotCapturableError: if there are assumptions.
        """
        guards = [str(guard.expr) for guard in self.shapes.guards]
        guards += [f"{size} = {value}" for size, value in self.shapes.replacements.items()]
        if guards:
            raise NotCapturableError(
                "the step depends on the sizes of a batch beyond all being at least 2 "
                f"({', '.join(guards[:3])})"
            )

    def holds_for(self, model: CHGNet, batch: PackedBatch, targets: Targets) -> bool:
        """Return whether the graph gives the right result for these arguments."""
        lengths = sizes(batch)
        if (
            not _are_enough(lengths)
            or targets.keys() != self.targets.keys()
            or trainable(model) != self.trained
        ):
            return False
        arguments = [
            *model.parameters(),
            *tensors(batch),
            *(targets[name] for name in self.targets),
        ]
        return all(
            tuple(targets[name].shape[:1]) == (() if size is None else (lengths[size],))
            for name, size in self.targets.items()
        ) and all(
            (tensor.dtype, tensor.device, tensor.shape[1:])
            == (expected.dtype, expected.device, expected.shape[1:])
            for tensor, expected in zip(arguments, self.inputs, strict=True)
        )

    def arguments(self, model: CHGNet, batch: PackedBatch, targets: Targets) -> list[Tensor]:
        """Return the tensors that the graph takes, in its order."""
        return [
            *(parameter.detach() for parameter in model.parameters()),
            *tensors(batch),
            *(targets[name].contiguous() for name in self.targets),
        ]


def sizes(batch: PackedBatch) -> dict[str, int]:
    """Return the five independent sizes of a batch."""
    return {
        "frames": batch.atoms_per_frame.shape[0],
        "atoms": batch.species.shape[0],
        "bonds": batch.bond_lengths.shape[0],
        "short bonds": batch.short_bonds.shape[0],
        "angles": batch.angles.shape[0],
    }


def _are_enough(lengths: Mapping[str, int]) -> bool:
    return all(length >= _SMALLEST.get(name, 2) for name, length in lengths.items())


def is_typical(batch: PackedBatch) -> bool:
    """Return whether a batch can serve as the example: no size too small, no two alike."""
    lengths = sizes(batch)
    distinct = {*lengths.values(), 2 * lengths["bonds"], 2 * lengths["short bonds"]}
    return min(lengths.values()) >= 2 and len(distinct) == len(lengths) + 2


def trainable(model: CHGNet) -> tuple[str, ...]:
    """Return the names of the parameters that ask for gradients."""
    return tuple(name for name, parameter in model.named_parameters() if parameter.requires_grad)


def tensors(batch: PackedBatch) -> list[Tensor]:
    """Return the tensors of a batch in the order in which a captured graph takes them."""
    return [getattr(batch, name) for name in _BATCH_FIELDS]


def capture(
    model: CHGNet, function: Function, batch: PackedBatch, targets: Targets
) -> tuple[GraphModule, Signature]:
    """Trace a function of model and batch.

    Args:
        model: the model.
        function: what to trace.
        batch: an example for which ``is_typical``. Its sizes only guide a compiler, and only
            shapes and types are looked at.
        targets: targets of the example; the first dimension of each is one of the batch's sizes.

    Returns:
        The graph, which returns a list as the function does, and what it takes.

    Raises:
        NotCapturableError: if the graph would not hold for every batch.
    """
    # These bring the compiler and sympy, which take seconds to import; most processes capture
    # nothing.
    from torch._inductor.decomposition import select_decomp_table  # noqa: PLC0415
    from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: PLC0415
    from torch.fx.experimental.proxy_tensor import make_fx  # noqa: PLC0415
    from torch.fx.experimental.symbolic_shapes import ShapeEnv  # noqa: PLC0415

    bound = _Bound(model, function)
    parameters = dict(model.named_parameters())
    trained = trainable(model)
    shapes = ShapeEnv()
    fake = FakeTensorMode(shape_env=shapes, allow_non_fake_inputs=True)
    length_name = {length: name for name, length in sizes(batch).items()}
    symbol = _symbols(shapes, sizes(batch))
    dims = {length: symbol[name] for length, name in length_name.items()}
    for name in ("bonds", "short bonds"):
        # directed bonds are twice as many
        dims[2 * sizes(batch)[name]] = 2 * symbol[name]

    def sized(tensor: Tensor) -> Tensor:
        shape = [dims[tensor.shape[0]], *tensor.shape[1:]] if tensor.ndim else []
        with fake:
            return torch.empty(shape, dtype=tensor.dtype, device=tensor.device)

    def flat(*inputs: Tensor) -> list[Tensor]:
        rest = iter(inputs)
        weights = {name: next(rest).detach().requires_grad_(name in trained) for name in parameters}
        packed = PackedBatch(**_take(rest, _BATCH_FIELDS))
        swapped = {f"model.{name}": weight for name, weight in weights.items()}
        arguments = (packed, _take(rest, tuple(targets)))
        results: list[Tensor] = torch.func.functional_call(bound, swapped, arguments)
        return results

    weights = [
        fake.from_tensor(parameter.detach(), static_shapes=True)
        for parameter in parameters.values()
    ]
    inputs = (*weights, *map(sized, tensors(batch)), *map(sized, targets.values()))
    graph = make_fx(
        flat,
        tracing_mode="symbolic",
        decomposition_table=select_decomp_table(),
        _allow_non_fake_inputs=True,
    )(*inputs)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    signature = Signature(
        inputs=inputs,
        shapes=shapes,
        targets={
            name: length_name[target.shape[0]] if target.ndim else None
            for name, target in targets.items()
        },
        trained=trained,
    )
    signature.check()
    return graph, signature


class _Bound(nn.Module):
    """The function as a module around the model, so that parameters can be swapped by name."""

    def __init__(self, model: CHGNet, function: Function) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, batch: PackedBatch, targets: Targets) -> list[Tensor]:
        return self.function(self.model, batch, targets)


def _take(tensors: Iterator[Tensor], names: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: next(tensors) for name in names}


def _symbols(shapes: "ShapeEnv", lengths: Mapping[str, int]) -> dict[str, int | SymInt]:
    """Return one independent symbol per size, with the example's value as the compiler's hint."""
    from torch._dynamo.source import ConstantSource  # noqa: PLC0415 - see `capture`
    from torch.fx.experimental.symbolic_shapes import DimDynamic  # noqa: PLC0415

    symbols: dict[str, int | SymInt] = {}
    for name, length in lengths.items():
        source = ConstantSource(name.replace(" ", "_"))
        symbol = shapes.create_symbol(
            length, source, dynamic_dim=DimDynamic.DYNAMIC, constraint_dim=None
        )
        symbols[name] = shapes.create_symintnode(symbol, hint=length, source=source)
    return symbols
