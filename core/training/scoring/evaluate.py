"""Errors of a model on labelled frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import LABELS
from core.frames.store import FrameSet
from core.potential.compiled_prediction import compile_if_faster
from core.potential.examples import Example, load_examples
from core.potential.forward import Wanted
from core.potential.models import get_atomref, load_model, resolve_device
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, chunk, silent
from core.training.settings.metrics import Metrics, MetricSums
from core.training.settings.partition import labels_among
from core.training.step.loss import make_targets

_CHUNK = 512
"""Frames whose graphs and predictions are held at a time."""


def evaluate(
    model: CHGNet | str | Path,
    frame_set: FrameSet,
    indices: NDArray[np.integer] | Sequence[int],
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> Metrics:
    """Compare a model's predictions with the labels of some frames.

    Args:
        model: a model, a released model's name, or the path of a checkpoint.
        frame_set: the data set.
        indices: rows of the data set.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None takes the physical cores.
        progress: reports the frames predicted.

    Returns:
        The metrics; None where none of the frames has the label.

    Raises:
        LabError: if the checkpoint cannot be read or a prediction is not finite.
    """
    target = resolve_device(device)
    if not isinstance(model, CHGNet):
        model = load_model(model)
    model = model.to(target)
    sums = MetricSums().vector()
    rows = np.asarray(indices)
    wanted = Wanted.of(labels_among(frame_set, rows))
    with compute_settings(threads, target):
        compile_if_faster(model, wanted, int(frame_set.n_atoms()[rows].sum()))
        for begin in range(0, len(rows), _CHUNK):
            of_chunk = rows[begin : begin + _CHUNK]
            examples = load_examples(frame_set, of_chunk)[:]
            reported = chunk(progress, begin, len(of_chunk), len(rows), "Predicting frames")
            sums += error_sums(model, examples, progress=reported).sum(axis=0)
    return MetricSums.from_vector(sums).result()


def score(model: CHGNet, examples: Sequence[Example], *, progress: Progress = silent) -> Metrics:
    """Compare a model's predictions with the labels of some frames; see `error_sums`."""
    sums = error_sums(model, examples, progress=progress)
    return MetricSums.from_vector(sums.sum(axis=0)).result()


def error_sums(
    model: CHGNet, examples: Sequence[Example], *, progress: Progress = silent
) -> NDArray[np.float64]:
    """Sum the errors of a model's predictions frame by frame, some hundreds of frames at a time.

    Energies are compared in double precision.

    Args:
        model: the model, on its device.
        examples: n frames.
        progress: reports the frames predicted.

    Returns:
        `MetricSums.vector` of each frame, (n, 9); the sum over frames is that of all.

    Raises:
        LabError: if a prediction is not finite.
    """
    parts = [np.zeros((0, len(MetricSums().vector())))]
    for begin in range(0, len(examples), _CHUNK):
        frames = examples[begin : begin + _CHUNK]
        reported = chunk(progress, begin, len(frames), len(examples), "Predicting frames")
        parts.append(_chunk_sums(model, frames, reported))
    return np.concatenate(parts)


def _chunk_sums(
    model: CHGNet, examples: Sequence[Example], progress: Progress
) -> NDArray[np.float64]:
    labels = [
        kind for kind in LABELS if any(example.label(kind) is not None for example in examples)
    ]
    with torch.no_grad():
        predictions = predict(
            model, [example.graph for example in examples], Wanted.of(labels), progress=progress
        )
    atomref = get_atomref(model)
    rows = []
    for example, prediction in zip(examples, predictions, strict=True):
        sums = MetricSums(n_frames=1)
        targets = make_targets([example], labels, atomref=atomref)
        for kind, target in targets.items():
            predicted = _value(prediction, kind)
            if not np.isfinite(predicted).all():
                raise LabError(
                    f"The model's {kind} of frame {example.frame_id} is not a finite number; "
                    "check the frame's structure, or take another checkpoint."
                )
            sums.add(kind, predicted.reshape(target.shape), target)
        rows.append(sums.vector())
    return np.array(rows)


def _value(prediction: FramePrediction, kind: str) -> NDArray[np.floating]:
    values = {
        "energy": prediction.interaction,
        "force": prediction.forces,
        "stress": prediction.stress,
        "magmom": prediction.magmoms,
    }
    return np.asarray(values[kind], dtype=np.float64)
