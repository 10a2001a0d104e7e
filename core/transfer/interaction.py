"""Interaction energies of a data set's frames: what a pretrained network adds to AtomRef.

They follow from the structures and the weights alone, not from any label, so they are computed
once and kept on disk, by the fingerprints of the data and of the model.
"""

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.files import whole_file
from core.frames.schema import Structures
from core.home import cache_dir
from core.potential.examples import load_examples
from core.potential.models import load_model, model_fingerprint, resolve_device
from core.potential.prediction import predict
from core.potential.threads import compute_settings
from core.progress import Progress, chunk, silent

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)

_CHUNK = 1024
"""Frames computed between two writes of the cache, so that an interruption loses little."""


def interaction_energies(
    frame_set: Structures,
    model_name: str,
    *,
    indices: NDArray[np.integer] | Sequence[int] | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Return the network's interaction energies, from the cache where they are known.

    Args:
        frame_set: the data set.
        model_name: a released model's name, or the path of a checkpoint.
        indices: rows of the data set; None takes all.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None takes the physical cores.
        progress: reports the frames still to be computed.

    Returns:
        (n,) eV/atom in the order of `indices`; NaN for a row without a structure, or with one that
        CHGNet cannot represent.

    Raises:
        LabError: if the model cannot be loaded.
    """
    model = load_model(model_name)
    # A table that is only in memory has no fingerprint to keep its energies by.
    data = frame_set.fingerprint
    path = cache_dir() / "interaction" / model_fingerprint(model) / f"{data}.npz" if data else None
    wanted = np.arange(len(frame_set)) if indices is None else np.asarray(indices, dtype=np.int64)
    known, energies = _read(path, len(frame_set))
    missing = np.unique(wanted[~known[wanted]])
    where = resolve_device(device)
    model = model.to(where)
    with compute_settings(threads, where):
        for begin in range(0, len(missing), _CHUNK):
            rows = missing[begin : begin + _CHUNK]
            energies[rows] = np.nan
            counts = (begin, len(rows), len(missing))
            _compute(
                frame_set, model, rows, energies, chunk(progress, *counts, "Interaction energies")
            )
            known[rows] = True
            _write(path, known, energies)
    return energies[wanted]


def _compute(
    frame_set: Structures,
    model: CHGNet,
    rows: NDArray[np.integer],
    energies: NDArray[np.float64],
    progress: Progress,
) -> None:
    """Fill in the energies of these rows."""
    examples = load_examples(frame_set, rows)[:]
    with torch.no_grad():
        predictions = predict(
            model,
            [one.graph for one in examples],
            forces=False,
            stress=False,
            magmoms=False,
            progress=progress,
        )
    for one, prediction in zip(examples, predictions, strict=True):
        energies[one.index] = prediction.interaction


def _read(path: Path | None, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    # A cache that cannot be read is a cache that is not there.
    if path is not None:
        with contextlib.suppress(*_UNREADABLE), np.load(path) as stored:
            known, energies = stored["known"], stored["energies"]
            if known.shape == energies.shape == (n,):
                return known, energies
    return np.zeros(n, dtype=bool), np.full(n, np.nan)


def _write(path: Path | None, known: NDArray[np.bool_], energies: NDArray[np.float64]) -> None:
    if path is None:
        return
    with whole_file(path) as file:
        np.savez(file, known=known, energies=energies)
