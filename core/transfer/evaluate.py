"""How well a model does on labelled frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.compiled_prediction import Wanted, compile_where_worth
from core.potential.evaluate import FramePrediction, predict
from core.potential.models import get_atomref, load_model, resolve_device
from core.transfer.data import LABELS, Example, label_flags, load_examples, within
from core.transfer.graph_store import ProgressCallback
from core.transfer.loss import make_targets
from core.transfer.metrics import Metrics, MetricSums
from core.transfer.runtime import compute_settings

_CHUNK = 512
"""Frames whose graphs and predictions are held at a time."""


def evaluate(
    model: CHGNet | str | Path,
    frame_set: FrameSet,
    indices: NDArray[np.integer] | Sequence[int],
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> Metrics:
    """Compare a model's predictions with the labels of some frames.

    Args:
        model: a model, a released model's name, or the path of a checkpoint.
        frame_set: the data set.
        indices: rows of the data set.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None takes the physical cores.
        progress: called with (done, total) frames.

    Returns:
        The metrics; None where none of the frames has the label.

    Raises:
        LabError: if the checkpoint cannot be read or a prediction is not finite.
    """
    where = resolve_device(device)
    if not isinstance(model, CHGNet):
        model = load_model(model)
    model = model.to(where)
    sums = MetricSums()
    rows = np.asarray(indices)
    has = {kind: bool(flags[rows].any()) for kind, flags in label_flags(frame_set).items()}
    wanted = Wanted(forces=has["force"], stress=has["stress"], magmoms=has["magmom"])
    with compute_settings(threads, where):
        compile_where_worth(model, wanted, int(frame_set.n_atoms()[rows].sum()))
        for begin in range(0, len(rows), _CHUNK):
            examples = load_examples(frame_set, rows[begin : begin + _CHUNK])
            add_errors(sums, model, examples[:], progress=within(progress, begin, len(rows)))
    return sums.result()


def score(
    model: CHGNet, examples: Sequence[Example], *, progress: ProgressCallback | None = None
) -> Metrics:
    """Compare a model's predictions with the labels of some frames; see `sum_errors`."""
    return sum_errors(model, examples, progress=progress).result()


def sum_errors(
    model: CHGNet, examples: Sequence[Example], *, progress: ProgressCallback | None = None
) -> MetricSums:
    """Add up the errors of a model's predictions, some hundreds of frames at a time.

    Args:
        model: the model, on its device.
        examples: the frames.
        progress: called with (done, total) frames.

    Returns:
        The sums, from which metrics follow.

    Raises:
        LabError: if a prediction is not finite.
    """
    sums = MetricSums()
    for begin in range(0, len(examples), _CHUNK):
        add_errors(
            sums,
            model,
            examples[begin : begin + _CHUNK],
            progress=within(progress, begin, len(examples)),
        )
    return sums


def add_errors(
    sums: MetricSums,
    model: CHGNet,
    examples: Sequence[Example],
    *,
    progress: ProgressCallback | None = None,
) -> None:
    """Add the errors of these frames to running sums; energies are compared in double precision.

    Args:
        sums: where to add.
        model: the model, on its device.
        examples: the frames.
        progress: called with (done, total) frames after every batch.

    Raises:
        LabError: if a prediction is not finite.
    """
    if not examples:
        return
    labels = [kind for kind in LABELS if any(one.label(kind) is not None for one in examples)]
    with torch.no_grad():
        predictions = predict(
            model,
            [one.graph for one in examples],
            forces="force" in labels,
            stress="stress" in labels,
            magmoms="magmom" in labels,
            progress=progress,
        )
    targets = make_targets(examples, labels, atomref=get_atomref(model))
    sums.n_frames += len(examples)
    for kind in labels:
        rows = [np.atleast_1d(_value(one, kind)) for one in predictions]
        for row, one in zip(rows, examples, strict=True):
            if not np.isfinite(row).all():
                raise LabError(
                    f"The model's {kind} of frame {one.frame_id} is not a finite number; "
                    "check the frame's structure, or take another checkpoint."
                )
        # One row a frame for stresses, whose targets are (B, 3, 3).
        predicted = np.stack(rows) if kind == "stress" else np.concatenate(rows)
        sums.add(kind, predicted, targets[kind])


def _value(prediction: FramePrediction, kind: str) -> NDArray[np.floating]:
    values = {
        "energy": prediction.interaction,
        "force": prediction.forces,
        "stress": prediction.stress,
        "magmom": prediction.magmoms,
    }
    return np.asarray(values[kind], dtype=np.float64)
