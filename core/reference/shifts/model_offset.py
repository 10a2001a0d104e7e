"""How much of a model's energy error is only an offset between two energy scales.

A model of the source functional is compared with target energies using four sets of references:
its own; its own plus one constant; an AtomRef refitted to the target energies (Huang et al. 2025,
Method 4, doi:10.1038/s41524-025-01796-y); an AtomRef fitted to the target energies minus the
network's interaction energies (`residual`). Errors are those of materials to which the references
were not fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import N_ELEMENTS, SYMBOLS, chemistry
from core.progress import Progress, silent
from core.reference.fits.atomref import fit_lstsq, fit_residual
from core.reference.fits.folds import folds
from core.reference.fits.scale import gaps_by_symbol, scale_gap

STEPS = {
    "as_is": "as it is",
    "constant": "after a constant",
    "atomref": "after AtomRef",
    "residual": "after residual AtomRef",
}
"""The four sets of references in order: key, and name as in "error after AtomRef"."""

N_FOLDS = 5


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Offset:
    """Errors of a model with each of the four sets of references.

    Attributes:
        residuals: target minus predicted energy in the order of STEPS, (n, 4) eV/atom, each from
            references fitted without the material.
        rows: row number of each in the data set, (n,).
        element_mae: MAE of the rows that contain an element, (94, 4) eV/atom; NaN if none does.
        element_count: number of these rows, (94,).
        chemistries: names of the chemistries that occur, most frequent first.
        chemistry_mae: MAE of each chemistry, (m, 4) eV/atom.
        chemistry_count: number of rows of each chemistry, (m,).
        unseen: elements that occur in one fold only: for the materials of that fold, refitted
            references lack them, and `residual` keeps the prior.
        n_materials: number of materials.
        off_scale: energies minus prior (eV/atom) by symbol, of elements whose energies count from
            another zero; `residual` fits them without the pull.
    """

    residuals: np.ndarray
    rows: np.ndarray
    element_mae: np.ndarray
    element_count: np.ndarray
    chemistries: list[str]
    chemistry_mae: np.ndarray
    chemistry_count: np.ndarray
    unseen: list[str]
    n_materials: int
    off_scale: dict[str, float]

    @property
    def mae(self) -> dict[str, float]:
        """MAE in eV/atom by step."""
        return dict(zip(STEPS, np.abs(self.residuals).mean(axis=0).tolist(), strict=True))

    @property
    def share(self) -> float:
        """Share of the model's error that the best set of references removes, from 0 to 1."""
        values = list(self.mae.values())
        return 1 - min(values) / values[0] if values[0] > 0 else 0.0

    def element_table(self) -> pd.DataFrame:
        """Return columns symbol, the four steps (eV/atom) and count, for elements that occur."""
        occurring = np.flatnonzero(self.element_count)
        table = pd.DataFrame(self.element_mae[occurring], columns=list(STEPS))
        table.insert(0, "symbol", [SYMBOLS[i] for i in occurring])
        return table.assign(count=self.element_count[occurring])

    def chemistry_table(self) -> pd.DataFrame:
        """Return columns chemistry, the four steps (eV/atom) and count."""
        table = pd.DataFrame(self.chemistry_mae, columns=list(STEPS))
        table.insert(0, "chemistry", self.chemistries)
        return table.assign(count=self.chemistry_count)


def step_table(errors: Mapping[str, float], *, unit: str) -> pd.DataFrame:
    """Return errors by key of STEPS as a table.

    Args:
        errors: MAE by key of STEPS.
        unit: its unit, as "eV/atom".

    Returns:
        Columns step and, for this unit, mae_ev_per_atom.
    """
    column = f"mae_{unit.lower().replace('/', '_per_')}"
    return pd.DataFrame({"step": list(errors), column: list(errors.values())})


def offset(
    fractions: np.ndarray,
    energies: np.ndarray,
    interaction: np.ndarray,
    *,
    atomref: np.ndarray,
    prior: np.ndarray,
    strength: float,
    groups: np.ndarray,
    rows: np.ndarray,
    progress: Progress = silent,
) -> Offset:
    """Compute a model's error with each of the four sets of references.

    Args:
        fractions: composition fractions (n, 94).
        energies: target total energies (n,), eV/atom.
        interaction: interaction energies of the network (n,), eV/atom.
        atomref: the model's own AtomRef (94,), eV/atom.
        prior: prior of `residual` (94,), eV/atom.
        strength: strength of the pull toward the prior.
        groups: material id of each row (n,).
        rows: row number of each in the data set (n,).
        progress: receives the share that is done.

    Raises:
        LabError: if there are fewer than five materials, or energies that are not finite.
    """
    X = np.asarray(fractions, dtype=float)
    as_is = energies - interaction - X @ atomref
    residuals = np.empty((len(X), len(STEPS)))
    residuals[:, 0] = as_is
    fold = folds(groups, k=N_FOLDS)
    missing = np.zeros(N_ELEMENTS, dtype=bool)
    for number in range(N_FOLDS):
        progress(number / N_FOLDS, "Fitting references")
        test, rest = fold == number, fold != number
        refitted = fit_lstsq(X[rest], energies[rest], functional="")
        pulled = fit_residual(
            X[rest],
            energies[rest],
            interaction[rest],
            prior=prior,
            strength=strength,
            functional="",
        )
        without_network = energies[test] - interaction[test]
        residuals[test, 1] = as_is[test] - as_is[rest].mean()
        residuals[test, 2] = without_network - refitted.contribution(X[test])
        residuals[test, 3] = without_network - pulled.contribution(X[test])
        missing |= (X[test] > 0).any(axis=0) & (refitted.counts == 0)
    present = (X > 0).astype(float)
    count = present.sum(axis=0).astype(int)
    kinds = pd.Series(chemistry(X))
    sizes = kinds.value_counts()
    with np.errstate(invalid="ignore"):
        by_element = (present.T @ np.abs(residuals)) / count[:, None]
    return Offset(
        residuals=residuals,
        rows=np.asarray(rows),
        element_mae=by_element,
        element_count=count,
        chemistries=[str(name) for name in sizes.index],
        chemistry_mae=pd.DataFrame(np.abs(residuals))
        .groupby(kinds)
        .mean()
        .loc[sizes.index]
        .to_numpy(),
        chemistry_count=sizes.to_numpy(),
        unseen=[SYMBOLS[i] for i in np.flatnonzero(missing)],
        n_materials=int(pd.Series(groups).nunique()),
        off_scale=gaps_by_symbol(scale_gap(X, energies - interaction - X @ prior)),
    )
