"""Gradient-boosted trees over composition fractions, and their SHAP values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shap
import xgboost

from core.progress import Progress

ROUNDS = 200
SETTINGS = {
    "tree_method": "hist",
    "objective": "reg:squarederror",
    "max_depth": 6,
    "eta": 0.15,
    "min_child_weight": 2,
    "reg_lambda": 0.5,
    "max_bin": 128,
    "base_score": 0.0,
}
"""Chosen by cross-validation on the pairs of 1,324 materials: 300 or 400 slower rounds or deeper
trees explain the formation-energy difference equally well, shallower ones worse. Nothing is drawn
at random, so the same materials give the same trees."""

_CHUNK = 500


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Trees:
    """Fitted trees.

    Attributes:
        booster: XGBoost's model of the values less their mean.
        mean: the mean, kept apart because it would cost digits in single precision.
    """

    booster: Any
    mean: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions (n,) of features (n, p)."""
        centred = self.booster.inplace_predict(X, validate_features=False)
        return np.asarray(centred, dtype=float) + self.mean

    def contributions(self, X: np.ndarray, *, progress: Progress) -> tuple[np.ndarray, float]:
        """Return exact path-dependent SHAP values and the base value.

        Lundberg et al., Nat. Mach. Intell. 2, 56 (2020), doi:10.1038/s42256-019-0138-9.

        Args:
            X: features (m, p).
            progress: receives the share that is done.

        Returns:
            SHAP values (m, p) in single precision and one number; a row's values and the number
            sum to its prediction.
        """
        explainer = shap.TreeExplainer(self.booster, feature_perturbation="tree_path_dependent")
        values = np.empty(X.shape, dtype=np.float32)
        for start in range(0, len(X), _CHUNK):
            progress(start / len(X), "SHAP values")
            chunk = slice(start, start + _CHUNK)
            values[chunk] = explainer.shap_values(X[chunk])
        base = float(np.ravel(explainer.expected_value)[0])
        return values, base + self.mean


def fitted_trees(
    X: np.ndarray,
    values: np.ndarray,
    *,
    threads: int | None,
    seed: int,
    progress: Progress,
    what: str,
) -> Trees:
    """Fit trees.

    Args:
        X: features (n, p), single precision.
        values: values to explain (n,).
        threads: number of threads; None uses all cores.
        seed: XGBoost's seed; these settings draw nothing at random.
        progress: receives the share that is done after each tree.
        what: description of the fit, for the progress.
    """
    mean = float(values.mean())
    data = xgboost.QuantileDMatrix(
        X, label=values - mean, max_bin=SETTINGS["max_bin"], nthread=threads
    )
    booster = xgboost.train(
        SETTINGS | {"nthread": threads or 0, "seed": seed},
        data,
        num_boost_round=ROUNDS,
        callbacks=[_ReportProgress(progress, what)],
    )
    return Trees(booster=booster, mean=mean)


class _ReportProgress(xgboost.callback.TrainingCallback):
    """Reports the progress of a fit after each tree; an error that the callback raises stops it."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._what = what

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self._progress((epoch + 1) / ROUNDS, self._what)
        return False
