"""Predictions for labelled frames, one by one."""

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.compiled_prediction import compile_if_faster
from core.potential.examples import Example, load_examples
from core.potential.forward import Wanted
from core.potential.models import get_atomref
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, chunk, silent
from core.training.scoring.frame_errors import FrameErrors
from core.training.settings.config import RunConfig
from core.training.settings.partition import labels_among, partition
from core.training.step.loss import make_targets
from core.training.step.setup import initial_atomref, initial_model
from core.training.step.usable import trained_rows
from core.transfer.uncertainty import Uncertainty

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
            trained_rows(frame_set, partition(config, frame_set).train, config.loss)[0],
            threads=threads,
            progress=progress,
        )
    return initial_model(
        config, np.array(atomref["energies"]), torch.device("cpu"), atomref["change"]
    )


def frame_errors(
    model: CHGNet,
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    *,
    n_available: int,
    device: torch.device,
    threads: int | None = None,
    uncertainty: Uncertainty | None = None,
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
        uncertainty: that of the model's energies, if it has one.
        progress: reports the frames predicted.

    Raises:
        LabError: if none of the frames can be represented, or a prediction is not finite.
    """
    wanted = Wanted.of(labels_among(frame_set, rows))
    model = model.to(device)
    atomref = get_atomref(model)
    parts: list[dict[str, NDArray[np.floating]]] = []
    predicted_rows: list[int] = []
    numbers: list[NDArray[np.integer]] = []
    deviations: list[NDArray[np.float64]] = []
    with compute_settings(threads, device):
        compile_if_faster(model, wanted, int(frame_set.n_atoms()[rows].sum()))
        for begin in range(0, len(rows), _CHUNK):
            of_chunk = rows[begin : begin + _CHUNK]
            examples = load_examples(frame_set, of_chunk)[:]
            graphs = [example.graph for example in examples]
            predictions = predict(
                model,
                graphs,
                wanted,
                progress=chunk(progress, begin, len(of_chunk), len(rows), "Predicting frames"),
            )
            if uncertainty is not None and graphs:
                deviations.append(uncertainty.deviations(model, graphs))
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
        energy_deviation=np.concatenate([np.zeros(0), *deviations]),
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    )


def _fields(
    example: Example, prediction: FramePrediction, atomref: NDArray[np.float64]
) -> dict[str, NDArray[np.floating]]:
    """Return the fields of one frame, NaN where a label or prediction is missing."""
    predicted = {
        "energy": prediction.interaction + example.contribution(atomref),
        "force": prediction.forces,
        "stress": prediction.stress,
        "magmom": prediction.magmoms,
    }
    fields: dict[str, NDArray[np.floating]] = {
        "energy_atomref": np.array([example.contribution(atomref)])
    }
    labels = make_targets([example], list(predicted), atomref=np.zeros_like(atomref))
    for kind, label in labels.items():
        value = predicted[kind]
        values = np.nan if value is None else np.asarray(value).reshape(label.shape)
        dtype = np.float64 if kind == "energy" else np.float32
        fields[f"{kind}_label"] = label.astype(dtype)
        fields[f"{kind}_predicted"] = np.full(label.shape, values, dtype)
    if not all(np.isfinite(value).all() for value in predicted.values() if value is not None):
        raise LabError(
            f"The prediction for frame {example.frame_id} is not a finite number; check the "
            "frame's structure, or take another checkpoint."
        )
    return fields
