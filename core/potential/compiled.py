"""The training step: eager, or captured and compiled, with the same gradients either way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from chgnet.model import CHGNet
from torch import Tensor
from torch.fx import GraphModule

from core.potential.batch import PackedBatch
from core.potential.compiled_capture import (
    NotCapturableError,
    Signature,
    Targets,
    capture,
    is_typical,
)

COMPILE_SECONDS = 50.0
"""A cold compilation on the reference machine, one thread."""

SAVED_SECONDS = 1.2e-6
"""What a compiled step saves there for each directed bond and each angle of its batch."""

_MARGIN = 2.0
"""How often compiling must pay for itself: an estimate should not cost a run time."""

_REPAIRS = 8
"""Broken libraries that are removed from the compiler's cache before it is given up."""

Backend = Literal["inductor", "none"]
Example = tuple[PackedBatch, Targets]
Objective = Callable[[CHGNet, PackedBatch, Targets], tuple[Tensor, dict[str, Tensor]]]
"""Maps model, batch and targets to the loss, a scalar, and to further results of the step by name;
pure, as any ``Function`` that is captured."""

Run = Callable[..., Sequence[Tensor]]


def compilation_pays_off(n_steps: int, mean_cost: float) -> bool:
    """Return whether a run is long enough to compile its step.

    The rule is n_steps · mean_cost · saved seconds a unit of cost > 2 · seconds to compile, with
    figures measured on one CPU core. It asks for no measurement, so a run that is interrupted and
    continues makes the same decision.

    Args:
        n_steps: steps of the whole run, also those done before an interruption.
        mean_cost: mean cost of a batch, the sum of ``PackedGraph.cost`` over its frames.
    """
    return n_steps * mean_cost * SAVED_SECONDS > _MARGIN * COMPILE_SECONDS


class TrainingStep:
    """Computes loss and parameter gradients of a batch.

    Without ``compile`` every step is eager. After it, steps are compiled, except for a batch that
    the compiled step does not hold for: no or one angle, other kinds of target than the
    example's, another set of trainable parameters, another type or device. These are computed
    eagerly, with the same result.

    Attributes:
        eager_because: why steps are eager, in a phrase for the log; None once they are compiled.

    Args:
        model: the model; parameters that ask for gradients get them.
        objective: the loss, and other results of the step that are wanted.
    """

    def __init__(self, model: CHGNet, objective: Objective) -> None:
        self.eager_because: str | None = "compiling would take longer than it saves"
        self._model = model
        self._objective = objective
        self._compiled: Compiled | None = None

    def __call__(self, batch: PackedBatch, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """Add to the gradient of every trainable parameter, as `Tensor.backward` does.

        Args:
            batch: the frames.
            targets: targets of the objective.

        Returns:
            The loss, and the objective's other results, all detached.
        """
        compiled = self._compiled
        if compiled is None or not compiled.signature.holds_for(self._model, batch, targets):
            return self._eager(batch, targets)
        results = iter(compiled.run(*compiled.signature.arguments(self._model, batch, targets)))
        loss = next(results)
        outputs = {name: next(results) for name in compiled.outputs}
        parameters = dict(self._model.named_parameters())
        for name in compiled.with_gradient:
            before, gradient = parameters[name].grad, next(results)
            parameters[name].grad = gradient if before is None else before.add_(gradient)
        return loss, outputs

    def compile(self, examples: Sequence[Example], *, backend: Backend = "inductor") -> bool:
        """Compile the step; where that fails, steps stay eager and ``eager_because`` says why.

        Args:
            examples: batches with targets as they will come; one with angles, several frames and
                no two sizes alike is enough. Code is laid out for the sizes of the first such.
            backend: "none" only captures, which is slow but needs no compiler: for tests.

        Returns:
            Whether steps are compiled now.
        """
        example = next((pair for pair in examples if is_typical(pair[0])), None)
        try:
            if example is None:
                raise NotCapturableError("no example batch has several frames and angles")  # noqa: TRY301
            self._compiled = self._captured(*example, backend)
        except Exception as error:  # noqa: BLE001 - a compiler may raise anything; eager is right
            self._compiled, self.eager_because = None, reason(error)
            return False
        self.eager_because = None
        return True

    def _captured(self, batch: PackedBatch, targets: Targets, backend: Backend) -> "Compiled":
        outputs: list[str] = []
        with_gradient: list[str] = []

        def step(model: CHGNet, batch: PackedBatch, targets: Targets) -> list[Tensor]:
            loss, extra = self._objective(model, batch, targets)
            weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
            gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            available = {
                name: gradient
                for name, gradient in zip(weights, gradients, strict=True)
                if gradient is not None
            }
            outputs[:], with_gradient[:] = extra, available
            detached = (value.detach() for value in extra.values())
            return [loss.detach(), *detached, *available.values()]

        graph, signature = capture(self._model, step, batch, targets)
        return Compiled(
            run=compiled_graph(graph, signature, backend),
            signature=signature,
            outputs=tuple(outputs),
            with_gradient=tuple(with_gradient),
        )

    def _eager(self, batch: PackedBatch, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        loss, outputs = self._objective(self._model, batch, targets)
        loss.backward()
        return loss.detach(), {name: value.detach() for name, value in outputs.items()}


@dataclass(kw_only=True, frozen=True, slots=True)
class Compiled:
    """A compiled training step, or compiled inference.

    Attributes:
        run: returns the outputs; in a training step, the loss before and the gradients after them.
        signature: what it takes.
        outputs: names of the outputs.
        with_gradient: names of the parameters whose gradients are returned.
    """

    run: Run
    signature: Signature
    outputs: tuple[str, ...]
    with_gradient: tuple[str, ...] = ()


def compiled_graph(graph: GraphModule, signature: Signature, backend: Backend) -> Run:
    """Compile a captured graph for symbolic sizes.

    Args:
        graph: the graph.
        signature: what it takes.
        backend: as in ``TrainingStep.compile``.

    Raises:
        Exception: if the compiler fails.
        NotCapturableError: if the compiler has assumed something about sizes.
    """
    run = graph if backend == "none" else _by_inductor(graph, signature)
    signature.check()
    return run


def reason(error: Exception) -> str:
    """Return why something could not be compiled, in a phrase for the log."""
    first = (str(error).strip().splitlines() or [""])[0]
    return first if isinstance(error, NotCapturableError) else f"{type(error).__name__}: {first}"


def _by_inductor(graph: GraphModule, signature: Signature) -> Run:
    # The compiler takes seconds to import, and most processes compile nothing.
    from torch._inductor import standalone_compile  # noqa: PLC0415
    from torch._inductor.exc import InductorError  # noqa: PLC0415

    def attempt() -> Run:
        return standalone_compile(graph, list(signature.inputs), dynamic_shapes="from_graph")

    for _ in range(_REPAIRS):
        try:
            return attempt()
        except InductorError as error:
            if not _removed_broken_library(error.inner_exception):
                raise
    return attempt()


def _removed_broken_library(cause: Exception) -> bool:
    """Repair the compiler's cache, and return whether it held a broken library.

    A compilation that is killed may leave half a library there, on which every later one fails.
    """
    if not isinstance(cause, ImportError) or cause.path is None:
        return False
    Path(cause.path).unlink(missing_ok=True)
    return True
