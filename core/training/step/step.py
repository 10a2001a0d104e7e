"""One training step."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam, Optimizer

from core.errors import LabError
from core.frames.schema import LABELS
from core.potential.batch import PackedBatch, collate
from core.potential.compiled import TrainingStep
from core.potential.examples import Example
from core.potential.forward import Wanted, predict_batch
from core.potential.models import get_atomref
from core.potential.weights import ATOMREF
from core.training.settings.config import LossRatios
from core.training.settings.metrics import MetricSums
from core.training.step.averaging import Anchor, Average
from core.training.step.loss import (
    combined_loss,
    make_targets,
    spread_scales,
    term_scales,
    trained_labels,
)
from core.training.step.offsets import has_offsets, of_functional
from core.training.step.optimizer import set_rate
from core.training.step.parallel import SINGLE_PROCESS, Team, shares
from core.training.step.pieces import Piece, Prepared, add_errors, not_finite
from core.training.step.probes import add_gradient_norms
from core.training.step.source_frames import (
    ONLY_TARGET,
    REPLAY,
    TARGET,
    PretrainedLabels,
    origin,
    per_value,
    table,
)

_DRIFTS = "drifts"
"""Name of the target that tells which energies follow a trained AtomRef."""

_NAMED = 5
"""Largest number of frames that a message names."""


_PIECE_ON_CPU = 16_000
"""Cost (`PackedGraph.cost`) of frames that a CPU computes at a time. Four or five frames of thirty
atoms: a layer's features then stay in its caches. Sixteen at once take a tenth longer and three
times the memory."""

_PIECE_ON_GPU = 150_000
"""The same for a GPU, which wants many rows at once; some 12 GB where the step is not compiled."""


class DivergedError(LabError):
    """Loss or gradient is not a finite number; the model is left as it was."""


class Stepper:
    """A model, its optimiser, and the step that connects them.

    Attributes:
        ratios: weights of the loss; the kinds of label that count stay the same.
        piece_cost: cost of the frames that are computed at a time; halved where memory runs out.
        average: a running average of the weights, or None.
        anchor: a pull toward the weights at the start, or None.

    Args:
        model: the model on its device; parameters that ask for gradients are trained.
        ratios: weights of the loss.
        baseline: AtomRef that energies are taken relative to, (94,) eV/atom; by default the
            model's own, as it is now.
        team: the processes that train together; all make the same steps.
        optimizer: of the model's trainable parameters; None for Adam.
        weights: weights of the origins of labels in the loss, the target's first.
        pretrained: predicts labels that are pending; None where none are.
        alike: whether all frames weigh the same.
    """

    def __init__(
        self,
        model: CHGNet,
        ratios: LossRatios,
        *,
        baseline: NDArray[np.float64] | None = None,
        team: Team = SINGLE_PROCESS,
        optimizer: Optimizer | None = None,
        weights: Mapping[str, float] = ONLY_TARGET,
        pretrained: PretrainedLabels | None = None,
        alike: bool = True,
    ) -> None:
        self.model = model
        self.baseline = get_atomref(model) if baseline is None else baseline
        self.optimizer = optimizer or Adam([p for p in model.parameters() if p.requires_grad])
        self.ratios = ratios
        self._team = team
        self._weights = weights
        self._alike = alike and len(weights) == 1
        self._pretrained = pretrained
        self.average: Average | None = None
        self.anchor: Anchor | None = None
        self._weight = model.get_parameter(ATOMREF)
        self._start = self._tensor(self.baseline)
        on_cpu = self._weight.device.type == "cpu"
        self.piece_cost = _PIECE_ON_CPU if on_cpu else _PIECE_ON_GPU
        self._differentiate = TrainingStep(model, self._objective)

    @property
    def result(self) -> CHGNet:
        """The model to use: that of the averaged weights, where they are averaged.

        Of several functionals it is that of the first.
        """
        latest = self.latest
        return of_functional(latest, 0, self.baseline) if has_offsets(latest) else latest

    @property
    def latest(self) -> CHGNet:
        """The model with all that is trained."""
        return self.model if self.average is None else self.average.model

    @property
    def eager_because(self) -> str | None:
        """Why steps are eager, or None once they are compiled."""
        return self._differentiate.eager_because

    def compile(self, candidates: Iterable[Prepared]) -> bool:
        """Compile the step for the labels of these batches, see `TrainingStep.compile`.

        The first process of the team goes first. The others ask for the same if the candidates are
        the same (`prepare` with a rank), and find the code in the compiler's cache.

        Raises:
            TeamError: if another process has ended.
        """
        examples = [
            (example.batch, example.targets)
            for prepared in candidates
            for example in prepared.pieces
        ]
        if not self._team.leads:
            self._team.vote(wish=False)
        compiled = self._differentiate.compile(examples)
        if self._team.leads:
            self._team.vote(wish=False)
        # no process continues before the last one has
        self._team.vote(wish=False)
        return compiled

    def prepare(self, frames: Sequence[Example], *, rank: int | None = None) -> Prepared:
        """Make a batch ready for `step`.

        Args:
            frames: the whole batch; each has a label that is trained on.
            rank: the rank whose share is prepared; None for this process.
        """
        names = tuple(example.frame_id for example in frames)
        labels = trained_labels(frames, self.ratios)
        scales = term_scales(frames, labels, self.ratios, self._weights)
        parts = shares([example.graph.cost for example in frames], self._team.size)
        share = [frames[place] for place in parts[self._team.rank if rank is None else rank]]
        if self._pretrained is not None:
            share = self._pretrained.complete(share)
        return Prepared(
            names=names,
            labels=tuple(labels),
            scales=scales,
            pieces=tuple(self._piece(part, labels, scales) for part in self._cut(share)),
        )

    def step(
        self,
        prepared: Prepared,
        rate: float,
        sums: Sequence[MetricSums],
        gradients: dict[str, float] | None = None,
        others: dict[str, MetricSums] | None = None,
    ) -> float:
        """Train on one batch, together with the team: all results are those of the whole batch.

        Args:
            prepared: the batch, or this process's share of it.
            rate: the learning rate.
            sums: running errors to which the batch's are added, as they were before the step.
            gradients: running norms to which those of the probed layers are added, see
                `core.training.step.probes`.
            others: the same as `sums` for labels of other origins than the target, by origin.

        Returns:
            The loss before the step.

        Where memory runs out, the share is computed once more in smaller pieces, and so are all
        later ones: the same gradient, but for rounding.

        Raises:
            DivergedError: if loss or gradient is not finite.
            LabError: if one frame alone needs more memory than there is; the model is left as it
                was.
            TeamError: if another process has ended.
        """
        while True:
            try:
                share, values, errors = self._accumulate(prepared)
                break
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
            # Outside the block, where the error no longer holds on to what the piece had computed.
            prepared = self._in_smaller_pieces(prepared)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        self._team.add_gradients(parameters)
        if self.anchor is not None:
            self.anchor.add_gradient(self.model)
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        vectors = [of_origin.vector() for of_origin in errors.values()]
        loss, *total = self._team.add(np.array([share, *np.concatenate(vectors)]))
        if not np.isfinite(loss + norm.item()):
            raise DivergedError(self._diverged(prepared, values))
        if gradients is not None:
            add_gradient_norms(self.model.named_parameters(), gradients)
        set_rate(self.optimizer, rate)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.model)
        found = np.array(total).reshape(len(errors), -1)
        for of_origin, vector in zip(errors, found, strict=True):
            so_far = sums if of_origin == TARGET else _sums_of(others, of_origin)
            for errors_so_far in so_far:
                errors_so_far.merge(MetricSums.from_vector(vector))
        return float(loss)

    def _accumulate(
        self, prepared: Prepared
    ) -> tuple[float, list[dict[str, NDArray[np.floating]]], dict[str, MetricSums]]:
        """Return loss, predictions per piece and errors by origin, and compute the gradient."""
        self.model.zero_grad()
        loss, values = 0.0, []
        errors = {of_origin: MetricSums() for of_origin in self._weights}
        for piece in prepared.pieces:
            part, predicted = self._differentiate(piece.batch, piece.targets)
            loss += part.item()
            values.append({kind: predicted[kind].cpu().numpy() for kind in piece.labelled})
            for of_origin, sums in errors.items():
                add_errors(sums, of_origin, piece, values[-1])
        return loss, values, errors

    def _in_smaller_pieces(self, prepared: Prepared) -> Prepared:
        """Halve the pieces, now and from now on."""
        self.model.zero_grad()
        if self._weight.device.type == "cuda":
            torch.cuda.empty_cache()
        if all(len(piece.examples) == 1 for piece in prepared.pieces):
            largest = max(
                (piece.examples[0] for piece in prepared.pieces),
                key=lambda example: example.graph.cost,
            )
            raise LabError(
                f"There is not enough memory for frame {largest.frame_id} alone "
                f"({largest.n_atoms} atoms, {largest.graph.cost:,} bonds and angles); free some "
                "memory, or leave such frames out of the data set."
            )
        most = max(
            sum(example.graph.cost for example in piece.examples) for piece in prepared.pieces
        )
        self.piece_cost = max(1, min(self.piece_cost, most) // 2)
        share = [example for piece in prepared.pieces for example in piece.examples]
        pieces = (self._piece(part, prepared.labels, prepared.scales) for part in self._cut(share))
        return replace(prepared, pieces=tuple(pieces))

    def _cut(self, share: Sequence[Example]) -> list[list[Example]]:
        """Cut a share into pieces of about the same cost, at least one frame each."""
        costs = [example.graph.cost for example in share]
        count = min(len(share), math.ceil(sum(costs) / self.piece_cost))
        return [[share[place] for place in part] for part in shares(costs, count) if part]

    def _piece(
        self,
        examples: list[Example],
        labels: Sequence[str],
        scales: Mapping[tuple[str, str], float],
    ) -> Piece:
        labelled = make_targets(examples, labels, atomref=self.baseline)
        spread = spread_scales(scales, examples, labels, alike=self._alike)
        if REPLAY in self._weights and self._weight.requires_grad:
            of_target = [origin(example, "energy") != REPLAY for example in examples]
            spread[_DRIFTS] = per_value(examples, "energy", of_target)
        return Piece(
            examples=tuple(examples),
            batch=collate(
                [example.graph for example in examples],
                dtype=self._weight.dtype,
                device=self._weight.device,
                tables=[table(example) for example in examples],
            ),
            targets={name: self._tensor(array) for name, array in (labelled | spread).items()},
            labelled=labelled,
        )

    def _diverged(
        self, prepared: Prepared, predicted: Sequence[Mapping[str, NDArray[np.floating]]]
    ) -> str:
        """Name the frames whose prediction or label is not finite, or else the whole batch."""
        pieces = zip(prepared.pieces, predicted, strict=True)
        names_here = [name for piece, values in pieces for name in not_finite(piece, values)]
        bad = {name for names in self._team.gather(names_here) for name in names}
        named = [name for name in prepared.names if name in bad] or list(prepared.names)
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return (
            f"Training diverged: loss or gradient is not a finite number for frames "
            f"{', '.join(named[:_NAMED])}{more}; check their labels and structures, or lower the "
            "learning rate."
        )

    def _tensor(self, array: NDArray[np.float64]) -> Tensor:
        # The type first: not every device has float64.
        return torch.from_numpy(array).to(self._weight.dtype).to(self._weight.device)

    def _objective(
        self, model: CHGNet, batch: PackedBatch, targets: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        labels = [kind for kind in LABELS if kind in targets]
        predicted = self._predict(model, batch, labels, targets.get(_DRIFTS))
        delta = self.ratios.huber_delta
        return combined_loss(predicted, targets, huber_delta=delta), predicted

    def _predict(
        self, model: CHGNet, batch: PackedBatch, labels: Sequence[str], drifts: Tensor | None
    ) -> dict[str, Tensor]:
        """Return the predictions of these kinds of label; energies are relative to the baseline.

        A trained AtomRef drifts from it; `drifts` is 0 for frames that have an AtomRef of their own
        and 1 for others, None where all are of the target.
        """
        wanted = Wanted.of(labels)
        prediction = predict_batch(
            model, batch, wanted, create_graph=wanted.forces or wanted.stress
        )
        energy = prediction.interaction
        # by name, not self._weight: while the step is captured, the model's tensors are exchanged
        weight = dict(model.named_parameters())[ATOMREF]
        if weight.requires_grad:
            drift = weight - self._start
            change = functional.linear(batch.fractions, drift).squeeze(1)
            energy = energy + (change if drifts is None else drifts * change)
        predicted = {
            "energy": energy,
            "force": prediction.forces,
            "stress": prediction.stress,
            "magmom": prediction.magmoms,
        }
        return {kind: value for kind, value in predicted.items() if value is not None}


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; torch has no separate error for that of the CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "DefaultCPUAllocator" in str(error)


def _sums_of(others: dict[str, MetricSums] | None, of_origin: str) -> Sequence[MetricSums]:
    return () if others is None else (others.setdefault(of_origin, MetricSums()),)
