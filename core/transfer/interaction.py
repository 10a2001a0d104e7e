"""Interaction energies of a data set's frames: what a pretrained network adds to AtomRef.

They depend on the structures and the weights alone, not on any label, so they are computed once
and cached on disk, by the fingerprints of the data and of the model.
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
from core.transfer.source_model import SourceModel

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)

_CHUNK = 1024
"""Frames computed between two writes of the cache, so that an interruption loses little."""


def interaction_energies(
    data: Structures,
    source: SourceModel,
    *,
    rows: NDArray[np.integer] | Sequence[int] | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Return the network's interaction energies, from the cache where they are stored.

    Args:
        data: the data set.
        source: the model.
        rows: row numbers in the data set; None computes all.
        progress: reports the energies that are not in the cache.

    Returns:
        (n,) eV/atom in the order of `rows`; NaN for a row without a structure, or with one that
        CHGNet cannot represent.

    Raises:
        LabError: if the model cannot be loaded.
    """
    model = load_model(source.name)
    # A table that is only in memory has no fingerprint to store its energies by.
    fingerprint = data.fingerprint
    path = None
    if fingerprint:
        path = cache_dir() / "interaction" / model_fingerprint(model) / f"{fingerprint}.npz"
    wanted = np.arange(len(data)) if rows is None else np.asarray(rows, dtype=np.int64)
    is_stored, energies = _read(path, len(data))
    missing = np.unique(wanted[~is_stored[wanted]])
    device = resolve_device(source.device)
    model = model.to(device)
    with compute_settings(source.threads, device):
        for begin in range(0, len(missing), _CHUNK):
            batch = missing[begin : begin + _CHUNK]
            energies[batch] = np.nan
            counts = (begin, len(batch), len(missing))
            batch_progress = chunk(progress, *counts, "Interaction energies")
            _compute(data, model, batch, energies, batch_progress)
            is_stored[batch] = True
            _write(path, is_stored, energies)
    return energies[wanted]


def _compute(
    data: Structures,
    model: CHGNet,
    rows: NDArray[np.integer],
    energies: NDArray[np.float64],
    progress: Progress,
) -> None:
    """Fill in the energies of these rows."""
    examples = load_examples(data, rows)[:]
    with torch.no_grad():
        predictions = predict(
            model,
            [example.graph for example in examples],
            forces=False,
            stress=False,
            magmoms=False,
            progress=progress,
        )
    for example, prediction in zip(examples, predictions, strict=True):
        energies[example.index] = prediction.interaction


def _read(path: Path | None, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    # A cache that cannot be read counts as no cache.
    if path is not None:
        with contextlib.suppress(*_UNREADABLE), np.load(path) as stored:
            is_stored, energies = stored["known"], stored["energies"]
            if is_stored.shape == energies.shape == (n,):
                return is_stored, energies
    return np.zeros(n, dtype=bool), np.full(n, np.nan)


def _write(path: Path | None, is_stored: NDArray[np.bool_], energies: NDArray[np.float64]) -> None:
    if path is not None:
        with whole_file(path) as file:
            np.savez(file, known=is_stored, energies=energies)
