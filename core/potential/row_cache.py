"""Numbers that follow from structures and weights alone: computed once per row, cached on disk."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.files import whole_file
from core.frames.schema import Structures
from core.home import EMBEDDED_DIR, cache_dir
from core.potential.examples import load_examples
from core.potential.graph import PackedGraph
from core.potential.models import load_model, model_fingerprint, resolve_device
from core.potential.threads import compute_settings
from core.progress import Progress, chunk
from core.sealed import UNREADABLE_ARRAYS

Compute = Callable[[CHGNet, list[PackedGraph], Progress], NDArray[Any]]
"""Returns one value, or one row of values, per graph."""

_EMPTY: tuple[NDArray[np.int64], NDArray[Any]] = (np.zeros(0, dtype=np.int64), np.zeros(0))

_CHUNK = 1024
"""Rows computed between two writes of the cache, so that an interruption loses little."""


def cached_rows(
    kind: str,
    data: Structures,
    rows: NDArray[np.integer] | Sequence[int],
    compute: Compute,
    *,
    model_name: str,
    device: str,
    threads: int | None,
    what: str,
    progress: Progress,
) -> NDArray[Any]:
    """Return a quantity that a model predicts for rows of a data set, from the cache where stored.

    What the embedded data and the released models give is shipped in data/KIND.

    Args:
        kind: name of the quantity, and of its directory in the cache.
        data: the data set; one without a fingerprint is not cached.
        rows: row numbers in the data set, (n,).
        compute: computes the quantity.
        model_name: a released model's name, or the path of a checkpoint.
        device: where to compute, as of `resolve_device`.
        threads: CPU threads; None uses the physical cores.
        what: the quantity in words, for `progress`.
        progress: reports the rows that are not in the cache.

    Returns:
        (n, ...); NaN for a row without a structure, or with one that CHGNet cannot represent.

    Raises:
        LabError: if the model cannot be loaded.
    """
    model = load_model(model_name)
    wanted = np.asarray(rows, dtype=np.int64)
    path = None
    stored, values = _EMPTY
    if data.fingerprint:
        name = Path(kind, model_fingerprint(model), f"{data.fingerprint}.npz")
        path = cache_dir() / name
        shipped = EMBEDDED_DIR / name
        stored, values = _read(shipped if shipped.exists() else path)
    missing = np.setdiff1d(wanted, stored)
    target = resolve_device(device)
    model = model.to(target)
    with compute_settings(threads, target):
        for begin in range(0, len(missing), _CHUNK):
            batch = missing[begin : begin + _CHUNK]
            examples = load_examples(data, batch)[:]
            graphs = [example.graph for example in examples]
            computed = compute(
                model, graphs, chunk(progress, begin, len(batch), len(missing), what)
            )
            padded = np.full((len(batch), *computed.shape[1:]), np.nan, dtype=computed.dtype)
            padded[np.searchsorted(batch, [example.index for example in examples])] = computed
            values = np.concatenate([values, padded]) if len(values) else padded
            stored = np.concatenate([stored, batch])
            if path is not None:
                with whole_file(path) as file:
                    np.savez(file, rows=stored, values=values)
    order = np.argsort(stored)
    return values[order[np.searchsorted(stored, wanted, sorter=order)]]


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[Any]]:
    # A cache that cannot be read counts as an empty one.
    with contextlib.suppress(*UNREADABLE_ARRAYS), np.load(path) as file:
        rows, values = file["rows"], file["values"]
        if len(rows) == len(values):
            return rows, values
    return _EMPTY
