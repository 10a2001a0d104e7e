"""Crystal features of a data set's structures, computed once and cached on disk."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.files import whole_file
from core.frames.schema import Structures
from core.home import cache_dir
from core.potential.examples import load_examples
from core.potential.features import crystal_features
from core.potential.models import load_model, model_fingerprint, resolve_device
from core.potential.threads import compute_settings
from core.progress import Progress, report, silent

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)

_CHUNK = 512
"""Structures computed between two writes of the cache, so that an interruption loses little."""


def features_of(
    data: Structures,
    model_name: str,
    rows: NDArray[np.integer],
    *,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return crystal features of rows of a data set, from the cache where it has them.

    Args:
        data: the data set.
        model_name: a released model's name, or the path of a checkpoint.
        rows: rows of the data set, (n,).
        progress: reports the structures still to be computed.

    Returns:
        (n, 64); NaN for a row without a structure, or with one that CHGNet cannot represent.

    Raises:
        LabError: if the model cannot be loaded.
    """
    model = load_model(model_name)
    place = cache_dir() / "features" / model_fingerprint(model)
    path = place / f"{data.fingerprint}.npz" if data.fingerprint else None
    cached = _read(path)
    missing = np.setdiff1d(rows, list(cached))
    device = resolve_device("auto")
    model = model.to(device)
    with compute_settings(None, device):
        for begin in range(0, len(missing), _CHUNK):
            chunk = missing[begin : begin + _CHUNK]
            cached |= _computed(data, model, chunk)
            _write(path, cached)
            report(progress, begin + len(chunk), len(missing), "Crystal features")
    width = next(iter(cached.values())).shape if cached else (0,)
    return np.array([cached[int(row)] for row in rows], np.float32).reshape(len(rows), *width)


def _computed(
    data: Structures, model: CHGNet, rows: NDArray[np.integer]
) -> dict[int, NDArray[np.float32]]:
    examples = load_examples(data, rows)[:]
    features = crystal_features(model, [example.graph for example in examples])
    missing = np.full(features.shape[1], np.nan, dtype=np.float32)
    computed = dict.fromkeys(map(int, rows), missing)
    computed |= {example.index: row for example, row in zip(examples, features, strict=True)}
    return computed


def _read(path: Path | None) -> dict[int, NDArray[np.float32]]:
    # An unreadable cache counts as an empty one.
    if path is not None:
        with contextlib.suppress(*_UNREADABLE), np.load(path) as stored:
            rows, features = stored["rows"], stored["features"]
            return dict(zip(rows.tolist(), features, strict=True))
    return {}


def _write(path: Path | None, cached: dict[int, NDArray[np.float32]]) -> None:
    if path is None:
        return
    with whole_file(path) as file:
        np.savez(file, rows=np.array(list(cached)), features=np.stack(list(cached.values())))
