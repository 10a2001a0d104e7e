"""Scores of a model's classification at many thresholds, as tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.stability.classification import Roc
from core.stability.comparison import Comparison

_MEV = 1000.0
_MOST_POINTS = 400


def score_table(comparison: Comparison, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return threshold (meV/atom), f1, precision, recall and accuracy, one row per threshold.

    Args:
        comparison: a model and its reference.
        thresholds: meV/atom above the hull.
    """
    found = [(at, comparison.classification(at / _MEV)) for at in thresholds]
    return pd.DataFrame(
        {
            "threshold": [at for at, _ in found],
            **{
                score: [getattr(scores, score) for _, scores in found]
                for score in ("f1", "precision", "recall", "accuracy")
            },
        }
    )


def roc_table(curve: Roc) -> pd.DataFrame:
    """Return fpr, tpr and threshold (meV/atom) of a curve, of a long one evenly spaced points."""
    n = len(curve.fpr)
    places = np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).round().astype(int))
    # A long step keeps its corner: where the rise is steepest, points are densest.
    rises = np.unique(np.searchsorted(curve.tpr, np.linspace(0, 1, _MOST_POINTS)).clip(0, n - 1))
    chosen = np.union1d(places, rises)
    return pd.DataFrame(
        {
            "fpr": curve.fpr[chosen],
            "tpr": curve.tpr[chosen],
            "threshold": _MEV * curve.thresholds[chosen],
        }
    )
