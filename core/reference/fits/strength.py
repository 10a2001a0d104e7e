"""Ridge strength by cross-validation over materials.

Each fold is predicted by a ridge fit to the others. The fit at every strength follows from one
eigendecomposition of the normal equations of the others (Hastie, Tibshirani and Friedman, The
Elements of Statistical Learning, 2009, doi:10.1007/978-0-387-84858-7, equation 3.47).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.errors import LabError
from core.progress import Progress, silent
from core.reference.fits.design import Design, build_design, normal
from core.reference.fits.folds import folds
from core.reference.fits.scale import limits, scale_gap

STRENGTHS = np.array([float(f"{10.0**power:.3g}") for power in np.arange(-6, 4.01, 0.25)])
"""Default strengths: four per power of ten, with three digits."""

_BATCH_NUMBERS = 4_000_000


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class StrengthCurve:
    """Error on held-out materials against ridge strength.

    Attributes:
        strengths: (s,), rising.
        mae: mean |error| over all rows, each predicted without its fold, (s,) eV/atom.
        mae_error: standard error of that over the folds, (s,) eV/atom.
        rmse: root mean squared error, (s,) eV/atom.
        rmse_error: its standard error over the folds, (s,) eV/atom.
        best: the strength with the smallest MAE.
        cautious: the largest strength whose MAE is within one standard error of the smallest.
        lstsq_mae: the same error of plain least squares, eV/atom, where elements that the other
            folds lack count as 0.
        prior_mae: mean |error| of the prior alone, eV/atom.
        k: number of folds.
        seed: seed of the folds.
        n: number of rows.
    """

    strengths: np.ndarray
    mae: np.ndarray
    mae_error: np.ndarray
    rmse: np.ndarray
    rmse_error: np.ndarray
    best: float
    cautious: float
    lstsq_mae: float
    prior_mae: float
    k: int
    seed: int
    n: int

    @property
    def best_mae(self) -> float:
        """MAE at the best strength, eV/atom."""
        return float(self.mae.min())

    def table(self) -> pd.DataFrame:
        """Return columns strength, mae, mae_error, rmse and rmse_error (eV/atom)."""
        names = ("mae", "mae_error", "rmse", "rmse_error")
        return pd.DataFrame(
            {"strength": self.strengths, **{name: getattr(self, name) for name in names}}
        )


def strength_curve(
    fractions: np.ndarray,
    energies: np.ndarray,
    groups: np.ndarray,
    *,
    prior: np.ndarray,
    strengths: np.ndarray | None = None,
    k: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> StrengthCurve:
    """Cross-validate ridge fits over materials.

    Args:
        fractions: composition fractions (n, 94).
        energies: fitted energies, (n,) eV/atom: for `residual`, minus the interaction energies.
        groups: material id of each row, (n,).
        prior: energies that the fits are pulled toward, (94,) eV/atom.
        strengths: strengths to try, (s,), rising and above 0; None tries ``STRENGTHS``.
        k: number of folds.
        seed: seed of the folds.
        progress: reports the folds done.

    Raises:
        LabError: if there are fewer materials than folds, or the strengths do not rise from above
            0.
    """
    tried = STRENGTHS if strengths is None else np.asarray(strengths, dtype=float)
    if not len(tried) or not np.isfinite(tried).all() or (np.diff(tried, prepend=0.0) <= 0).any():
        raise LabError("the strengths to try must rise from above 0; give numbers such as 0.01 1.")
    fold = folds(groups, k=k, seed=seed)
    design = build_design(fractions, None)
    left = np.asarray(energies, dtype=float) - design.cells @ prior[design.elements]
    limit = limits()[design.elements]
    sums = _fold_sums(design.cells, left[:, None], fold, tried, limit, progress)
    absolute, squared = sums[..., 0]
    lstsq = sum(float(np.abs(_lstsq_errors(design, energies, fold == i)).sum()) for i in range(k))
    sizes = np.bincount(fold, minlength=k)
    mae, mse = absolute.sum(axis=0) / len(fold), squared.sum(axis=0) / len(fold)
    mae_error = (absolute / sizes[:, None]).std(axis=0, ddof=1) / np.sqrt(k)
    rmse_error = np.sqrt(squared / sizes[:, None]).std(axis=0, ddof=1) / np.sqrt(k)
    best = int(np.argmin(mae))
    cautious = np.flatnonzero(mae <= mae[best] + mae_error[best])[-1]
    progress(1.0, f"folds: {k} of {k}")
    return StrengthCurve(
        strengths=tried,
        mae=mae,
        mae_error=mae_error,
        rmse=np.sqrt(mse),
        rmse_error=rmse_error,
        best=float(tried[best]),
        cautious=float(tried[cautious]),
        lstsq_mae=lstsq / len(fold),
        prior_mae=float(np.abs(left).mean()),
        k=k,
        seed=seed,
        n=len(fold),
    )


def best_strengths(
    rows: sp.csr_array,
    left: np.ndarray,
    fold: np.ndarray,
    limit: np.ndarray,
    strengths: np.ndarray = STRENGTHS,
) -> np.ndarray:
    """Return the strength with the smallest cross-validated MAE for each of q priors, (q,).

    Args:
        rows: composition fractions over p elements (n, p), sparse.
        left: energies minus the contribution of each prior (n, q), eV/atom.
        fold: fold of each row (n,), from 0.
        limit: largest distance from a prior on the same scale, (p,) eV/atom.
        strengths: strengths to try, (s,).
    """
    absolute, _ = _fold_sums(rows, left, fold, strengths, limit, silent)
    return np.asarray(strengths[np.argmin(absolute.sum(axis=0), axis=0)])


def departures(
    rows: sp.csr_array, left: np.ndarray, strengths: np.ndarray, limit: np.ndarray
) -> np.ndarray:
    """Return ridge fits minus their priors, (p, s, q) eV/atom; arguments as of best_strengths.

    Where the energies count from another zero than a prior (``core.reference.fits.scale``), the
    prior is moved to them first.
    """
    gaps = np.stack([np.nan_to_num(scale_gap(rows, y, limit)) for y in left.T], axis=1)
    if gaps.any():
        left = left - rows @ gaps
    values, vectors = np.linalg.eigh((rows.T @ rows).toarray())
    turned = vectors.T @ (rows.T @ left)
    shrunk = turned[:, None, :] / (np.maximum(values, 0.0)[:, None] + strengths)[:, :, None]
    return np.asarray(np.tensordot(vectors, shrunk, axes=1) + gaps[:, None, :])


def _fold_sums(
    rows: sp.csr_array,
    left: np.ndarray,
    fold: np.ndarray,
    strengths: np.ndarray,
    limit: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """Add |error| and error² of each fold, predicted from the others: (2, k, s, q)."""
    k, (p, s, q) = int(fold.max()) + 1, (rows.shape[1], len(strengths), left.shape[1])
    sums = np.zeros((2, k, s, q))
    step = max(1, _BATCH_NUMBERS // (s * q))
    for number in range(k):
        progress(number / k, f"folds: {number} of {k}")
        fitted, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        fits = departures(rows[fitted], left[fitted], strengths, limit).reshape(p, s * q)
        for begin in range(0, len(out), step):
            part = out[begin : begin + step]
            error = left[part, None, :] - (rows[part] @ fits).reshape(-1, s, q)
            sums[0, number] += np.abs(error).sum(axis=0)
            sums[1, number] += (error**2).sum(axis=0)
    return sums


def _lstsq_errors(design: Design, energies: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return the errors of least squares on the rows left out, eV/atom."""
    fit = normal(design, (~out).astype(float))
    w = fit.inverse @ (design.cells.T @ np.where(out, 0.0, energies))
    return np.asarray(energies[out] - design.cells[out] @ w)
