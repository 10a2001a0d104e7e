"""Predictions for labelled frames, one by one."""

from collections.abc import Sequence

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.compiled_prediction import Wanted, compile_if_faster
from core.potential.examples import Example, load_examples
from core.potential.models import get_atomref
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, chunk, silent
from core.training.scoring.frame_errors import FrameErrors
from core.training.settings.config import RunConfig
from core.training.settings.partition import label_flags, partition
from core.training.step.setup import initial_atomref, initial_model

_CHUNK = 512
"""Frames whose graphs are held at a time."""


def untrained_model(
    config: RunConfig, frame_set: FrameSet, *, progress: Progress = silent
) -> CHGNet:
    """Return the untrained model of a run, on the CPU.

    Args:
        config: the run's settings.
        frame_set: its data set.
        progress: reports the interaction energies computed, which are cached.

    Raises:
        LabError: if the source model cannot be read or the data set no longer fits.
    """
    with compute_settings(None, torch.device("cpu")) as threads:
        atomref = initial_atomref(
            config,
            frame_set,
            partition(config, frame_set).train,
            threads=threads,
            progress=progress,
        )
    return initial_model(config, np.array(atomref["energies"]), torch.device("cpu"))


def frame_errors(
    model: CHGNet,
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    *,
    n_available: int,
    device: torch.device,
    threads: int | None = None,
    progress: Progress = silent,
) -> FrameErrors:
    """Predict some frames, and return predictions with labels.

    Args:
        model: the model.
        frame_set: the data set.
        rows: rows of it, at least one.
        n_available: frames that the rows were chosen from.
        device: where to predict.
        threads: CPU threads; None takes the physical cores.
        progress: reports the frames predicted.

    Raises:
        LabError: if none of the frames can be represented, or a prediction is not finite.
    """
    flags = label_flags(frame_set)
    wanted = Wanted(
        forces=bool(flags["force"][rows].any()),
        stress=bool(flags["stress"][rows].any()),
        magmoms=bool(flags["magmom"][rows].any()),
    )
    model = model.to(device)
    atomref = get_atomref(model)
    parts: list[dict[str, NDArray[np.floating]]] = []
    predicted_rows: list[int] = []
    numbers: list[NDArray[np.integer]] = []
    with compute_settings(threads, device):
        compile_if_faster(model, wanted, int(frame_set.n_atoms()[rows].sum()))
        for begin in range(0, len(rows), _CHUNK):
            of_chunk = rows[begin : begin + _CHUNK]
            examples = load_examples(frame_set, of_chunk)[:]
            predictions = predict(
                model,
                [example.graph for example in examples],
                forces=wanted.forces,
                stress=wanted.stress,
                magmoms=wanted.magmoms,
                progress=chunk(progress, begin, len(of_chunk), len(rows), "Predicting frames"),
            )
            for example, prediction in zip(examples, predictions, strict=True):
                parts.append(_fields(example, prediction, atomref))
                predicted_rows.append(example.index)
                numbers.append(example.graph.atomic_numbers)
    if not predicted_rows:
        raise LabError(
            f"{frame_set.card.name}: none of these frames can be represented by CHGNet; check "
            "their structures."
        )
    table = frame_set.table().iloc[predicted_rows]
    return FrameErrors(
        rows=np.array(predicted_rows, dtype=np.int64),
        frame_ids=table["frame_id"].to_numpy().astype(str),
        formulas=table["formula"].to_numpy().astype(str),
        n_atoms=np.array([len(of_frame) for of_frame in numbers], dtype=np.int64),
        atomic_numbers=np.concatenate(numbers).astype(np.uint8),
        n_available=n_available,
        n_left_out=len(rows) - len(predicted_rows),
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    )


def _fields(
    example: Example, prediction: FramePrediction, atomref: NDArray[np.float64]
) -> dict[str, NDArray[np.floating]]:
    """Return the fields of one frame, NaN where a label or prediction is missing."""
    energy = prediction.interaction + example.contribution(atomref)
    n = example.n_atoms
    single: dict[str, tuple[Sequence[int], object, object]] = {
        "force": ((n, 3), example.forces, prediction.forces),
        "stress": ((1, 3, 3), example.stress, prediction.stress),
        "magmom": ((n,), example.magmoms, prediction.magmoms),
    }
    fields: dict[str, NDArray[np.floating]] = {
        "energy_label": np.array([example.energy]),
        "energy_predicted": np.array([energy]),
    }
    for kind, (shape, label, predicted) in single.items():
        for name, value in (("label", label), ("predicted", predicted)):
            values = np.full(shape, np.nan) if value is None else np.asarray(value).reshape(shape)
            fields[f"{kind}_{name}"] = values.astype(np.float32)
    predicted_values = [energy, prediction.forces, prediction.stress, prediction.magmoms]
    if any(not np.isfinite(value).all() for value in predicted_values if value is not None):
        raise LabError(
            f"The prediction for frame {example.frame_id} is not a finite number; check the "
            "frame's structure, or take another checkpoint."
        )
    return fields
