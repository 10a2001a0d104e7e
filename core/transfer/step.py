"""One training step."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.errors import LabError
from core.potential.batch import PackedBatch, collate
from core.potential.forward import predict_batch
from core.potential.models import get_atomref
from core.potential.weights import ATOMREF
from core.transfer.config import LossRatios
from core.transfer.data import Example
from core.transfer.loss import combined_loss, make_targets, trained_labels
from core.transfer.metrics import MetricSums

_NAMED = 5
"""Frames named in a message; more would drown it."""


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

    def step(self, examples: Sequence[Example], rate: float, sums: Sequence[MetricSums]) -> float:
        """Train on one batch.

        Args:
            examples: the frames; each has a label that is trained on.
            rate: the learning rate.
            sums: running errors to which the batch's are added, as they were before the step.

        Returns:
            The loss before the step.

        Raises:
            LabError: if loss or gradient is not finite; the model is left as it was.
        """
        labels = trained_labels(examples, self._ratios)
        labelled = make_targets(examples, labels, atomref=self.baseline)
        targets = {kind: self._tensor(target) for kind, target in labelled.items()}
        batch = collate(
            [one.graph for one in examples], dtype=self._weight.dtype, device=self._weight.device
        )
        predicted = self._predict(batch, labels)
        loss = combined_loss(predicted, targets, self._ratios)
        self.optimizer.zero_grad()
        loss.backward()
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        values = {kind: predicted[kind].detach().cpu().numpy() for kind in labels}
        if not torch.isfinite(loss.detach() + norm):
            raise LabError(_diverged(examples, values, labelled))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        for one in sums:
            one.n_frames += len(examples)
            for kind in labels:
                one.add(kind, values[kind], labelled[kind])
        return loss.item()

    def _tensor(self, array: NDArray[np.float64]) -> Tensor:
        # The type first: not every device has float64.
        return torch.from_numpy(array).to(self._weight.dtype).to(self._weight.device)

    def _predict(self, batch: PackedBatch, labels: Sequence[str]) -> dict[str, Tensor]:
        """Return what is predicted of the wanted labels; energies relative to the baseline."""
        forces, stress = "force" in labels, "stress" in labels
        prediction = predict_batch(
            self.model,
            batch,
            forces=forces,
            stress=stress,
            magmoms="magmom" in labels,
            create_graph=forces or stress,
        )
        energy = prediction.interaction
        if self._weight.requires_grad:
            drift = self._weight - self._start
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
