"""Stable or not: how well predicted distances to the hull tell it, at one threshold and at all."""

from dataclasses import dataclass

import numpy as np

from core.stability.compositions import STABLE


@dataclass(kw_only=True, frozen=True, slots=True)
class Classification:
    """Counts of materials at one threshold.

    Attributes:
        threshold: eV/atom above the hull up to which a material counts as stable.
        true_positive: stable in both.
        false_positive: stable only by the model.
        false_negative: stable only by the reference.
        true_negative: unstable in both.
    """

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def n(self) -> int:
        """Number of materials."""
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def precision(self) -> float:
        """Share of those predicted to be stable that are; NaN where none is predicted."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the stable ones that are predicted; NaN where none is stable."""
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where none is stable or predicted to be."""
        wrong = self.false_positive + self.false_negative
        return _ratio(2 * self.true_positive, 2 * self.true_positive + wrong)

    @property
    def accuracy(self) -> float:
        """Share that is classified correctly."""
        return _ratio(self.true_positive + self.true_negative, self.n)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Roc:
    """Receiver operating characteristic of the predicted distance.

    Attributes:
        fpr: false positive rates, (p,), ascending from 0 to 1.
        tpr: true positive rates, (p,).
        thresholds: predicted distance up to which a material counts as stable, (p,) eV/atom.
        auc: area under the curve; NaN where all materials are of one class.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    thresholds: np.ndarray
    auc: float


def classify(true: np.ndarray, predicted: np.ndarray, threshold: float) -> Classification:
    """Count materials that lie up to a threshold above the hull.

    Args:
        true: distances to the hull by the reference, (n,) eV/atom.
        predicted: by the model, (n,) eV/atom.
        threshold: eV/atom.
    """
    is_stable, is_predicted = (each <= threshold + STABLE for each in (true, predicted))
    return Classification(
        threshold=threshold,
        true_positive=int((is_stable & is_predicted).sum()),
        false_positive=int((~is_stable & is_predicted).sum()),
        false_negative=int((is_stable & ~is_predicted).sum()),
        true_negative=int((~is_stable & ~is_predicted).sum()),
    )


def roc(is_stable: np.ndarray, predicted: np.ndarray) -> Roc:
    """Return the receiver operating characteristic; equal distances are passed together.

    Args:
        is_stable: by the reference, (n,).
        predicted: distances by the model, (n,) eV/atom.
    """
    order = np.argsort(predicted, kind="stable")
    distances, hits = predicted[order], is_stable[order]
    last = np.flatnonzero(np.diff(distances, append=np.inf) > 0)
    true, false = np.cumsum(hits)[last], np.cumsum(~hits)[last]
    n_true, n_false = int(hits.sum()), int((~hits).sum())
    with np.errstate(invalid="ignore"):
        tpr = np.concatenate([[0.0], true / n_true if n_true else np.full(len(last), np.nan)])
        fpr = np.concatenate([[0.0], false / n_false if n_false else np.full(len(last), np.nan)])
    return Roc(
        fpr=fpr,
        tpr=tpr,
        thresholds=np.concatenate([[-np.inf], distances[last]]),
        auc=float(np.trapezoid(tpr, fpr)) if n_true and n_false else float("nan"),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
