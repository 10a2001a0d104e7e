"""Folds of a cross-validation: whole materials, the same ones whatever the order of rows."""

import numpy as np
import pandas as pd

from core.errors import LabError
from core.frames.splits import seeded_rank


def folds(groups: np.ndarray, *, k: int = 5, seed: int = 0) -> np.ndarray:
    """Assign materials to k folds of nearly equal numbers of materials.

    Args:
        groups: material id of each row, (n,).
        k: number of folds, at least 2.
        seed: seed of the assignment.

    Returns:
        The fold of each row, (n,) integers from 0 to k − 1; rows of one material share theirs.

    Raises:
        LabError: if there are fewer materials than folds.
    """
    codes, materials = pd.factorize(np.asarray(groups, dtype=object))
    if len(materials) < k:
        raise LabError(
            f"{len(materials)} materials cannot be split into {k} folds; choose a larger data set."
        )
    return (seeded_rank(materials, f"folds {seed}") % k)[codes]
