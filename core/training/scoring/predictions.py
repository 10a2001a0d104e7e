"""What a model says of labelled frames, one by one."""

from collections.abc import Sequence

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.compiled_prediction import Wanted, compile_where_worth
from core.potential.examples import Example, load_examples
from core.potential.models import get_atomref
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, chunk, silent
from core.training.scoring.frame_errors import FrameErrors
from core.training.settings.config import RunConfig
from core.training.settings.partition import label_flags, partition
from core.training.step.setup import first_atomref, first_model

_CHUNK = 512
"""Frames whose graphs are held at a time."""


def untrained_model(
    config: RunConfig, frame_set: FrameSet, *, progress: Progress = silent
) -> CHGNet:
    """Return the model that a run began with, on the CPU.

    Args:
        config: the run's settings.
        frame_set: its data set.
        progress: told the share that is done; interaction energies are found once.

    Raises:
        LabError: if the source model cannot be read or the data set no longer fits.
    """
    with compute_settings(None, torch.device("cpu")) as threads:
        atomref = first_atomref(
            config,
            frame_set,
            partition(config, frame_set).train,
            threads=threads,
            progress=progress,
        )
    return first_model(config, np.array(atomref["energies"]), torch.device("cpu"))


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
    """Predict some frames and put their labels beside.

    Args:
        model: the model.
        frame_set: the data set.
        rows: rows of it, at least one.
        n_available: frames that the rows were chosen from.
        device: where to predict.
        threads: CPU threads; None takes the physical cores.
        progress: told the share that is done.

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
    kept: list[int] = []
    numbers: list[NDArray[np.integer]] = []
    with compute_settings(threads, device):
        compile_where_worth(model, wanted, int(frame_set.n_atoms()[rows].sum()))
        for begin in range(0, len(rows), _CHUNK):
            of_chunk = rows[begin : begin + _CHUNK]
            examples = load_examples(frame_set, of_chunk)[:]
            found = predict(
                model,
                [one.graph for one in examples],
                forces=wanted.forces,
                stress=wanted.stress,
                magmoms=wanted.magmoms,
                progress=chunk(progress, begin, len(of_chunk), len(rows), "Predicting frames"),
            )
            for one, prediction in zip(examples, found, strict=True):
                parts.append(_beside(one, prediction, atomref))
                kept.append(one.index)
                numbers.append(one.graph.atomic_numbers)
    if not kept:
        raise LabError(
            f"{frame_set.card.name}: none of these frames can be represented by CHGNet; check "
            "their structures."
        )
    table = frame_set.table().iloc[kept]
    return FrameErrors(
        rows=np.array(kept, dtype=np.int64),
        frame_ids=table["frame_id"].to_numpy().astype(str),
        formulas=table["formula"].to_numpy().astype(str),
        n_atoms=np.array([len(one) for one in numbers], dtype=np.int64),
        atomic_numbers=np.concatenate(numbers).astype(np.uint8),
        n_available=n_available,
        n_left_out=len(rows) - len(kept),
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    )


def _beside(
    one: Example, prediction: FramePrediction, atomref: NDArray[np.float64]
) -> dict[str, NDArray[np.floating]]:
    """Return the fields of one frame; what is not known is NaN."""
    energy = prediction.interaction + one.contribution(atomref)
    n = one.n_atoms
    single: dict[str, tuple[Sequence[int], object, object]] = {
        "force": ((n, 3), one.forces, prediction.forces),
        "stress": ((1, 3, 3), one.stress, prediction.stress),
        "magmom": ((n,), one.magmoms, prediction.magmoms),
    }
    fields: dict[str, NDArray[np.floating]] = {
        "energy_label": np.array([one.energy]),
        "energy_predicted": np.array([energy]),
    }
    for kind, (shape, label, predicted) in single.items():
        for name, value in (("label", label), ("predicted", predicted)):
            known = (
                np.full(shape, np.nan) if value is None else np.reshape(np.asarray(value), shape)
            )
            fields[f"{kind}_{name}"] = known.astype(np.float32)
    asked = [energy, prediction.forces, prediction.stress, prediction.magmoms]
    if any(not np.isfinite(value).all() for value in asked if value is not None):
        raise LabError(
            f"What the model says of frame {one.frame_id} is not a finite number; check the "
            "frame's structure, or take another checkpoint."
        )
    return fields
