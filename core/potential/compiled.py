"""The training step: eager, or captured and compiled, with the same gradients either way."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from chgnet.model import CHGNet
from torch import Tensor
from torch._inductor import standalone_compile
from torch._inductor.exc import InductorError
from torch.fx import GraphModule

from core.potential.batch import PackedBatch
from core.potential.compiled_capture import (
    SMALLEST,
    NotCapturableError,
    Objective,
    Signature,
    Targets,
    capture,
    is_typical,
    sizes,
    tensors,
    trainable,
)
from core.potential.products import use_onednn

COMPILE_SECONDS = 150.0
"""A cold compilation on the reference machine, one thread to spare."""

SAVED_SECONDS = 1.5e-5
"""What a compiled step saves there for each directed bond and each angle of its batch."""

_MARGIN = 2.0
"""How often compiling must pay for itself: an estimate should not cost a run time."""

_REPAIRS = 8
"""Broken libraries that are removed from the compiler's cache before it is given up."""

Backend = Literal["inductor", "none"]
Example = tuple[PackedBatch, Targets]
_Run = Callable[..., Sequence[Tensor]]


def worth_compiling(n_steps: int, mean_cost: float) -> bool:
    """Tell whether a run is long enough to compile its step.

    The rule is n_steps · mean_cost · saved seconds a unit of cost > 2 · seconds to compile, with
    figures measured on one CPU core. It asks for no measurement, so a run that is interrupted and
    goes on decides the same again.

    Args:
        n_steps: Steps of the whole run, also those done before an interruption.
        mean_cost: Mean cost of a batch, the sum of ``PackedGraph.cost`` over its frames.
    """
    return n_steps * mean_cost * SAVED_SECONDS > _MARGIN * COMPILE_SECONDS


class TrainingStep:
    """Computes loss and parameter gradients of a batch.

    Without ``compile`` every step is eager. After it, steps are compiled, except for a batch that
    the compiled step does not hold for: one frame, no or one angle, other kinds of target than the
    example's, another set of trainable parameters, another type or device. These are computed
    eagerly, with the same result.

    Attributes:
        eager_because: Why steps are eager, in a phrase for the log; None once they are compiled.

    Args:
        model: The model; parameters that ask for gradients get them.
        objective: The loss, and other results of the step that are wanted.
    """

    def __init__(self, model: CHGNet, objective: Objective) -> None:
        self.eager_because: str | None = "it was not compiled"
        self._model = model
        self._objective = objective
        self._compiled: tuple[_Run, Signature] | None = None

    def __call__(self, batch: PackedBatch, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """Add to the gradient of every trainable parameter, as `Tensor.backward` does.

        Args:
            batch: The frames.
            targets: Targets of the objective.

        Returns:
            The loss, and the objective's other results, all detached.
        """
        if self._compiled is None or not self._holds_for(self._compiled[1], batch, targets):
            return self._eager(batch, targets)
        run, signature = self._compiled
        parameters = dict(self._model.named_parameters())
        results = iter(
            run(
                *(parameter.detach() for parameter in parameters.values()),
                *tensors(batch),
                *(targets[name].contiguous() for name in signature.targets),
            )
        )
        loss = next(results)
        outputs = {name: next(results) for name in signature.outputs}
        for name in signature.with_gradient:
            before, gradient = parameters[name].grad, next(results)
            parameters[name].grad = gradient if before is None else before.add_(gradient)
        return loss, outputs

    def compile(self, examples: Sequence[Example], *, backend: Backend = "inductor") -> bool:
        """Compile the step; where that fails, steps stay eager and ``eager_because`` says why.

        Args:
            examples: Batches with targets as they will come; one with angles, several frames and
                no two sizes alike is enough. Code is laid out for the sizes of the first such.
            backend: "none" only captures, which is slow but needs no compiler: for tests.

        Returns:
            Whether steps are compiled now.
        """
        try:
            example = next((one for one in examples if is_typical(one[0])), None)
            if example is None:
                raise NotCapturableError("no example batch has several frames and angles")  # noqa: TRY301
            graph, signature = capture(self._model, self._objective, *example)
            use_onednn(graph)
            run = graph if backend == "none" else _compile(graph, signature)
            signature.check()
        except Exception as error:  # noqa: BLE001 - a compiler may raise anything; eager is right
            lines = str(error).strip().splitlines() or [""]
            name = "" if isinstance(error, NotCapturableError) else f"{type(error).__name__}: "
            self._compiled, self.eager_because = None, f"{name}{lines[0]}"
            return False
        self._compiled, self.eager_because = (run, signature), None
        return True

    def _holds_for(self, signature: Signature, batch: PackedBatch, targets: Targets) -> bool:
        """Tell whether the compiled step gives the right result for these arguments."""
        known = sizes(batch)
        if (
            min(known.values()) < SMALLEST
            or targets.keys() != signature.targets.keys()
            or trainable(self._model) != signature.trained
        ):
            return False
        given = [
            *self._model.parameters(),
            *tensors(batch),
            *(targets[name] for name in signature.targets),
        ]
        return all(
            tuple(targets[name].shape[:1]) == (() if size is None else (known[size],))
            for name, size in signature.targets.items()
        ) and all(
            (one.dtype, one.device, one.shape[1:]) == (other.dtype, other.device, other.shape[1:])
            for one, other in zip(given, signature.inputs, strict=True)
        )

    def _eager(self, batch: PackedBatch, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        loss, outputs = self._objective(self._model, batch, targets)
        loss.backward()
        return loss.detach(), {name: value.detach() for name, value in outputs.items()}


def _compile(graph: GraphModule, signature: Signature) -> _Run:
    """Compile a captured step with inductor, for symbolic sizes."""

    def attempt() -> _Run:
        return standalone_compile(graph, list(signature.inputs), dynamic_shapes="from_graph")

    with _plain_sums():
        for _ in range(_REPAIRS):
            try:
                return attempt()
            except InductorError as error:
                if not _removed_broken_library(error.inner_exception):
                    raise
        return attempt()


def _removed_broken_library(cause: Exception) -> bool:
    """Mend the compiler's cache: a compilation that is killed may leave half a library there.

    Every later compilation would find it and fail. Tells whether there was one.
    """
    if not isinstance(cause, ImportError) or cause.path is None:
        return False
    Path(cause.path).unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def _plain_sums() -> Iterator[None]:
    """Let the compiler use its own scatter loops where these are reproducible anyway.

    Asked for deterministic algorithms, inductor calls torch's slow serial ones. With one thread its
    own loops add in a fixed order.
    """
    asked = torch.are_deterministic_algorithms_enabled()
    if torch.get_num_threads() == 1:
        torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(asked)
