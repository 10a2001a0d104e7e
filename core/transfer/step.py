"""One training step."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.errors import LabError
from core.potential.batch import PackedBatch, collate
from core.potential.compiled import TrainingStep
from core.potential.forward import predict_batch
from core.potential.models import get_atomref
from core.potential.weights import ATOMREF
from core.transfer.config import LossRatios
from core.transfer.data import LABELS, Example
from core.transfer.loss import combined_loss, make_scales, make_targets, trained_labels
from core.transfer.metrics import MetricSums

_NAMED = 5
"""Frames named in a message; more would drown it."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Prepared:
    """A batch as `Stepper.step` takes it.

    Attributes:
        examples: its frames.
        batch: their structures.
        targets: what `combined_loss` takes.
        labelled: the same labels in double precision, as `make_targets` returns them.
    """

    examples: tuple[Example, ...]
    batch: PackedBatch
    targets: dict[str, Tensor]
    labelled: dict[str, NDArray[np.float64]]


class Stepper:
    """A model, its optimiser, and the step that connects them.

    Args:
        model: the model on its device; parameters that ask for gradients are trained.
        ratios: weights of the loss.
        baseline: AtomRef that energies are taken relative to, (94,) eV/atom; by default the
            model's own, as it is now.
    """

    def __init__(
        self, model: CHGNet, ratios: LossRatios, *, baseline: NDArray[np.float64] | None = None
    ) -> None:
        self.model = model
        self.baseline = get_atomref(model) if baseline is None else baseline
        self.optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
        self._ratios = ratios
        self._weight = model.get_parameter(ATOMREF)
        self._start = self._tensor(self.baseline)
        self._differentiate = TrainingStep(model, self._objective)

    @property
    def eager_because(self) -> str | None:
        """Why steps are eager, or None once they are compiled."""
        return self._differentiate.eager_because

    def compile(self, candidates: Iterable[Prepared]) -> bool:
        """Compile the step for the labels of these batches, see `TrainingStep.compile`."""
        return self._differentiate.compile([(one.batch, one.targets) for one in candidates])

    def prepare(self, frames: Sequence[Example]) -> Prepared:
        """Make a batch ready for `step`.

        Args:
            frames: the batch; each has a label that is trained on.
        """
        labels = trained_labels(frames, self._ratios)
        labelled = make_targets(frames, labels, atomref=self.baseline)
        scaled = labelled | make_scales(labelled, self._ratios)
        targets = {name: self._tensor(array) for name, array in scaled.items()}
        batch = collate(
            [one.graph for one in frames], dtype=self._weight.dtype, device=self._weight.device
        )
        return Prepared(examples=tuple(frames), batch=batch, targets=targets, labelled=labelled)

    def step(self, prepared: Prepared, rate: float, sums: Sequence[MetricSums]) -> float:
        """Train on one batch.

        Args:
            prepared: the batch.
            rate: the learning rate.
            sums: running errors to which the batch's are added, as they were before the step.

        Returns:
            The loss before the step.

        Raises:
            LabError: if loss or gradient is not finite; the model is left as it was.
        """
        examples, labelled = prepared.examples, prepared.labelled
        loss, predicted = self._differentiate(prepared.batch, prepared.targets)
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        values = {kind: predicted[kind].cpu().numpy() for kind in labelled}
        if not torch.isfinite(loss + norm):
            raise LabError(_diverged(examples, values, labelled))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        for one in sums:
            one.n_frames += len(examples)
            for kind in labelled:
                one.add(kind, values[kind], labelled[kind])
        return loss.item()

    def _tensor(self, array: NDArray[np.float64]) -> Tensor:
        # The type first: not every device has float64.
        return torch.from_numpy(array).to(self._weight.dtype).to(self._weight.device)

    def _objective(
        self, model: CHGNet, batch: PackedBatch, targets: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        labels = [kind for kind in LABELS if kind in targets]
        predicted = self._predict(model, batch, labels)
        delta = self._ratios.huber_delta
        return combined_loss(predicted, targets, huber_delta=delta), predicted

    def _predict(
        self, model: CHGNet, batch: PackedBatch, labels: Sequence[str]
    ) -> dict[str, Tensor]:
        """Return what is predicted of the wanted labels; energies relative to the baseline."""
        forces, stress = "force" in labels, "stress" in labels
        prediction = predict_batch(
            model,
            batch,
            forces=forces,
            stress=stress,
            magmoms="magmom" in labels,
            create_graph=forces or stress,
        )
        energy = prediction.interaction
        # by name, not self._weight: while the step is captured, the model's tensors are exchanged
        weight = dict(model.named_parameters())[ATOMREF]
        if weight.requires_grad:
            drift = weight - self._start
            energy = energy + functional.linear(batch.fractions, drift).squeeze(1)
        known = {
            "energy": energy,
            "force": prediction.forces,
            "stress": prediction.stress,
            "magmom": prediction.magmoms,
        }
        return {kind: value for kind, value in known.items() if value is not None}


def _diverged(
    examples: Sequence[Example],
    predicted: Mapping[str, NDArray[np.floating]],
    labelled: Mapping[str, NDArray[np.floating]],
) -> str:
    """Name the frames whose prediction or label is not finite, or else the whole batch."""
    sizes = [one.n_atoms for one in examples]
    frame_of_atom = np.repeat(np.arange(len(examples)), sizes)
    bad = np.zeros(len(examples), dtype=bool)
    for kind, values in predicted.items():
        wrong = ~np.isfinite(values) | np.isinf(labelled[kind])
        rows = wrong.reshape(len(wrong), -1).any(axis=1)
        bad[frame_of_atom[rows] if kind in {"force", "magmom"} else np.flatnonzero(rows)] = True
    if not bad.any():
        bad[:] = True
    names = [one.frame_id for one, is_bad in zip(examples, bad, strict=True) if is_bad]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"Training diverged: loss or gradient is not a finite number for frames "
        f"{', '.join(names[:_NAMED])}{more}; check their labels and structures, or lower the "
        "learning rate."
    )
