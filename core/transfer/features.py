"""Crystal features of a data set's structures, computed once and cached on disk."""

import numpy as np
from numpy.typing import NDArray

from core.frames.schema import Structures
from core.potential.features import crystal_features
from core.potential.row_cache import cached_rows
from core.progress import Progress, silent


def features_of(
    data: Structures,
    model_name: str,
    rows: NDArray[np.integer],
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return crystal features of rows of a data set, from the cache where it has them.

    Args:
        data: the data set.
        model_name: a released model's name, or the path of a checkpoint.
        rows: rows of the data set, (n,).
        device: where to compute.
        threads: CPU threads; None uses the physical cores.
        progress: reports the structures still to be computed.

    Returns:
        (n, 64); NaN for a row without a structure, or with one that CHGNet cannot represent.

    Raises:
        LabError: if the model cannot be loaded.
    """
    return cached_rows(
        "features",
        data,
        rows,
        lambda model, graphs, _: crystal_features(model, graphs),
        model_name=model_name,
        device=device,
        threads=threads,
        what="Crystal features",
        progress=progress,
    )
