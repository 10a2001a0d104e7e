"""How much of a model's energy error is only an offset between two energy scales.

A model of the source functional is confronted with target energies four times, each time with the
references that one more idea gives it: its own; its own and one constant; AtomRef refitted to the
target energies (Huang et al. 2025, Method 4, doi:10.1038/s41524-025-01796-y); AtomRef fitted to
what its network leaves over (`residual`). References are fitted to other materials than those
whose error is told, so that many of them cannot hide an error.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.elements import N_ELEMENTS, SYMBOLS, chemistry
from core.progress import Progress, silent
from core.reference.fits.atomref import fit_lstsq, fit_residual
from core.reference.fits.folds import folds

STEPS = {
    "as_is": "as it is",
    "constant": "after a constant",
    "atomref": "after AtomRef",
    "residual": "after residual AtomRef",
}
"""The four sets of references: key and name, as in "error after AtomRef", in order."""

N_FOLDS = 5


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Offset:
    """Errors of a model with each of the four sets of references.

    Attributes:
        residuals: Target minus predicted energy in the order of STEPS, (n, 4) eV/atom, each from
            references fitted without the material.
        rows: Row of each in the data set, (n,).
        element_mae: MAE of the materials that contain an element, (94, 4) eV/atom; NaN for none.
        element_count: How many materials those are, (94,).
        chemistries: Names of the chemistries that occur, commonest first.
        chemistry_mae: Their MAE, (m, 4) eV/atom.
        chemistry_count: How many rows each has, (m,).
        unseen: Elements that only one fold holds: for its materials, refitted references lack
            them, and `residual` takes the prior.
        n_materials: Materials.
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

    @property
    def mae(self) -> dict[str, float]:
        """MAE in eV/atom by step."""
        return dict(zip(STEPS, np.abs(self.residuals).mean(axis=0).tolist(), strict=True))

    @property
    def share(self) -> float:
        """Share of the error as it is that the best of the references take away, from 0 to 1."""
        values = list(self.mae.values())
        return 1 - min(values) / values[0] if values[0] > 0 else 0.0

    def element_table(self) -> pd.DataFrame:
        """Return columns symbol, the four steps (eV/atom) and count, for elements that occur."""
        seen = np.flatnonzero(self.element_count)
        table = pd.DataFrame(self.element_mae[seen], columns=list(STEPS))
        table.insert(0, "symbol", [SYMBOLS[i] for i in seen])
        return table.assign(count=self.element_count[seen])

    def chemistry_table(self) -> pd.DataFrame:
        """Return columns chemistry, the four steps (eV/atom) and count."""
        table = pd.DataFrame(self.chemistry_mae, columns=list(STEPS))
        table.insert(0, "chemistry", self.chemistries)
        return table.assign(count=self.chemistry_count)


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
    """Tell the model's error with each of the four sets of references.

    Args:
        fractions: Composition fractions (n, 94).
        energies: Target total energies (n,), eV/atom.
        interaction: What the network adds to AtomRef (n,), eV/atom.
        atomref: The model's own AtomRef (94,), eV/atom.
        prior: Where `residual` is pulled to (94,), eV/atom.
        strength: Of that pull.
        groups: Material id of each row (n,).
        rows: Row of each in the data set (n,).
        progress: Told the share that is done.

    Raises:
        LabError: Fewer than five materials, or energies that are not finite.
    """
    X = np.asarray(fractions, dtype=float)
    as_it_is = energies - interaction - X @ atomref
    residuals = np.empty((len(X), len(STEPS)))
    residuals[:, 0] = as_it_is
    fold = folds(groups, k=N_FOLDS)
    lacking = np.zeros(N_ELEMENTS, dtype=bool)
    for number in range(N_FOLDS):
        progress(number / N_FOLDS, "Fitting references")
        held, rest = fold == number, fold != number
        refitted = fit_lstsq(X[rest], energies[rest], functional="")
        pulled = fit_residual(
            X[rest],
            energies[rest],
            interaction[rest],
            prior=prior,
            strength=strength,
            functional="",
        )
        bonding = energies[held] - interaction[held]
        residuals[held, 1] = as_it_is[held] - as_it_is[rest].mean()
        residuals[held, 2] = bonding - refitted.contribution(X[held])
        residuals[held, 3] = bonding - pulled.contribution(X[held])
        lacking |= (X[held] > 0).any(axis=0) & (refitted.counts == 0)
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
        unseen=[SYMBOLS[i] for i in np.flatnonzero(lacking)],
        n_materials=int(pd.Series(groups).nunique()),
    )
