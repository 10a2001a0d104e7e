"""Interaction energies of a data set's frames: what a pretrained network adds to AtomRef."""

from collections.abc import Sequence

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.frames.schema import Structures
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph
from core.potential.prediction import predict
from core.potential.row_cache import cached_rows
from core.progress import Progress, silent
from core.transfer.source_model import SourceModel


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
    return cached_rows(
        "interaction",
        data,
        np.arange(len(data)) if rows is None else rows,
        _compute,
        model_name=source.name,
        device=source.device,
        threads=source.threads,
        what="Interaction energies",
        progress=progress,
    )


def _compute(model: CHGNet, graphs: list[PackedGraph], progress: Progress) -> NDArray[np.float64]:
    with torch.no_grad():
        predictions = predict(model, graphs, Wanted.of([]), progress=progress)
    return np.array([prediction.interaction for prediction in predictions])
