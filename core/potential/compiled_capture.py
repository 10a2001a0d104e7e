"""A whole training step as one graph of tensor operations, for batches of every size.

Autograd runs inside the trace: the forward pass, the force and virial gradient, the loss and the
gradient of the loss by every trainable parameter become one flat graph. A compiler that sees all
of it can fuse across what would otherwise be the border between forward and backward, and frees
each intermediate result after its last use.

The five numbers that size a batch (frames, atoms, bonds, short bonds, angles) are symbols in the
trace. Torch assumes of such a symbol that it is at least two. Whatever else the traced code would
have to assume, that two sizes are equal, say, or that one has the value it had in the example,
torch records as a guard; a graph with any guard is refused, so a captured graph holds for every
batch whose five sizes are at least two.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

import torch
from chgnet.model import CHGNet
from torch import SymInt, Tensor, nn
from torch._dynamo.source import ConstantSource
from torch._inductor.decomposition import select_decomp_table
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv

from core.potential.batch import PackedBatch

Targets = Mapping[str, Tensor]
Objective = Callable[[CHGNet, PackedBatch, Targets], tuple[Tensor, dict[str, Tensor]]]
"""Model, batch and targets to the loss, a scalar, and whatever else is wanted of the step, by name.

A pure function: it reads parameters through the model that it is given (as attributes or from
``named_parameters``) and takes no decision that depends on a tensor's values. Tensors that it
brings along itself are constants of the step.
"""

SMALLEST = 2
"""Torch's symbolic sizes begin here: one and zero have meanings of their own in broadcasting."""

_BATCH_FIELDS = tuple(field.name for field in fields(PackedBatch))


class NotCapturableError(Exception):
    """The step cannot become one graph that holds for every batch; the message says why."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Signature:
    """What a captured training step takes and returns.

    It takes all parameters in the model's order, the tensors of the batch in the order of its
    fields, and the targets; it returns the loss, the outputs and the gradients that exist.

    Attributes:
        inputs: Tensors without content, with symbolic sizes, one for each input.
        shapes: Where torch records guards, also those that a compiler adds later.
        targets: Of each target its name and which size its first dimension is, or None for a
            scalar.
        outputs: Names of the objective's outputs.
        with_gradient: Names of the parameters whose gradients are returned.
        trained: Names of the parameters that were trainable.
    """

    inputs: tuple[Tensor, ...]
    shapes: ShapeEnv
    targets: Mapping[str, str | None]
    outputs: tuple[str, ...]
    with_gradient: tuple[str, ...]
    trained: tuple[str, ...]

    def check(self) -> None:
        """Refuse the step if it, or a compiler since, has assumed anything about sizes.

        Raises:
            NotCapturableError: There are assumptions.
        """
        guards = [str(guard.expr) for guard in self.shapes.guards]
        guards += [f"{size} = {value}" for size, value in self.shapes.replacements.items()]
        if guards:
            raise NotCapturableError(
                f"the step depends on the sizes of a batch beyond all being at least {SMALLEST} "
                f"({', '.join(guards[:3])})"
            )


def sizes(batch: PackedBatch) -> dict[str, int]:
    """Return the five independent sizes of a batch."""
    return {
        "frames": batch.atoms_per_frame.shape[0],
        "atoms": batch.species.shape[0],
        "bonds": batch.bond_lengths.shape[0],
        "short bonds": batch.short_bonds.shape[0],
        "angles": batch.angles.shape[0],
    }


def is_typical(batch: PackedBatch) -> bool:
    """Tell whether a batch can serve as the example: no size too small, no two alike."""
    known = sizes(batch)
    lengths = {*known.values(), 2 * known["bonds"], 2 * known["short bonds"]}
    return min(known.values()) >= SMALLEST and len(lengths) == len(known) + 2


def trainable(model: CHGNet) -> tuple[str, ...]:
    """Return the names of the parameters that ask for gradients."""
    return tuple(name for name, parameter in model.named_parameters() if parameter.requires_grad)


def tensors(batch: PackedBatch) -> list[Tensor]:
    """Return the tensors of a batch in the order in which a captured graph takes them."""
    return [getattr(batch, name) for name in _BATCH_FIELDS]


def capture(
    model: CHGNet, objective: Objective, batch: PackedBatch, targets: Targets
) -> tuple[GraphModule, Signature]:
    """Trace the training step.

    Args:
        model: The model; its parameters that ask for gradients get some.
        objective: What to differentiate.
        batch: An example for which ``is_typical``. Its sizes only guide a compiler, and only
            shapes and types are looked at.
        targets: Targets of the example; the first dimension of each is one of the batch's sizes.

    Returns:
        The graph, and what it takes and returns.

    Raises:
        NotCapturableError: The graph would not hold for every batch.
    """
    bound = _Bound(model, objective)
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

    outputs: list[str] = []
    with_gradient: list[str] = []

    def step(*inputs: Tensor) -> list[Tensor]:
        rest = iter(inputs)
        weights = {name: next(rest).detach().requires_grad_(name in trained) for name in parameters}
        packed = PackedBatch(**_take(rest, _BATCH_FIELDS))
        swapped = {f"model.{name}": weight for name, weight in weights.items()}
        loss, extra = torch.func.functional_call(
            bound, swapped, (packed, _take(rest, tuple(targets)))
        )
        gradients = torch.autograd.grad(
            loss, [weights[name] for name in trained], allow_unused=True
        )
        known = {
            name: gradient
            for name, gradient in zip(trained, gradients, strict=True)
            if gradient is not None
        }
        outputs[:], with_gradient[:] = extra, known
        return [loss.detach(), *(value.detach() for value in extra.values()), *known.values()]

    weights = [
        fake.from_tensor(parameter.detach(), static_shapes=True)
        for parameter in parameters.values()
    ]
    inputs = (*weights, *map(sized, tensors(batch)), *map(sized, targets.values()))
    graph = make_fx(
        step,
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
        outputs=tuple(outputs),
        with_gradient=tuple(with_gradient),
        trained=trained,
    )
    signature.check()
    return graph, signature


class _Bound(nn.Module):
    """The objective as a module around the model, so that parameters can be swapped by name."""

    def __init__(self, model: CHGNet, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: PackedBatch, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        return self.objective(self.model, batch, targets)


def _take(tensors: Iterator[Tensor], names: tuple[str, ...]) -> dict[str, Tensor]:
    return {name: next(tensors) for name in names}


def _symbols(shapes: ShapeEnv, known: Mapping[str, int]) -> dict[str, int | SymInt]:
    """Return one independent symbol a size, with the example's value as the compiler's hint."""
    found: dict[str, int | SymInt] = {}
    for name, length in known.items():
        source = ConstantSource(name.replace(" ", "_"))
        symbol = shapes.create_symbol(
            length, source, dynamic_dim=DimDynamic.DYNAMIC, constraint_dim=None
        )
        found[name] = shapes.create_symintnode(symbol, hint=length, source=source)
    return found
