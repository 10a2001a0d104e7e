"""How many materials an AtomRef needs to bring two functionals to one energy scale.

Each functional's AtomRef is fitted to some materials, drawn at random, and evaluated on others: do
the scaled energies of held-out materials agree between the functionals?
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.errors import LabError
from core.progress import Progress, silent
from core.reference.fits.design import Design, build_design, squares_by_material

MIN_MATERIALS = 20
"""Number of materials that a data set must have."""

METHODS = ("lstsq", "ridge")
BAND = (0.05, 0.95)
"""Quantiles over the drawings, shown as a band."""

_STEPS = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
_CUT = 1e-12
"""Eigenvalues of the normal equations below this share of the largest one are taken as zero."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class DataEfficiency:
    """Agreement on held-out materials by number of materials fitted.

    Attributes:
        sizes: numbers of materials fitted (k,), rising.
        pearson: Pearson r of scaled energies of the held-out materials, (2, k, repeats); the first
            axis follows METHODS. NaN where it is not defined.
        mae: mean |scaled target − scaled source| of the same, eV/atom, (2, k, repeats).
        n_materials: number of materials in all.
        n_held_out: number of materials held out in each drawing.
        strength: ridge strength.
        seed: seed of the drawings.
    """

    sizes: np.ndarray
    pearson: np.ndarray
    mae: np.ndarray
    n_materials: int
    n_held_out: int
    strength: float
    seed: int

    def table(self) -> pd.DataFrame:
        """Return one row per method and size: median, low and high of r and of the MAE.

        Columns: method, materials, pearson, pearson_low, pearson_high, and the same of mae
        (eV/atom); low and high are the 5 % and 95 % quantiles over the drawings.
        """
        parts = []
        for number, method in enumerate(METHODS):
            columns: dict[str, object] = {"method": method, "materials": self.sizes}
            for name, values in (("pearson", self.pearson), ("mae", self.mae)):
                low, middle, high = np.quantile(values[number], (BAND[0], 0.5, BAND[1]), axis=1)
                columns |= {name: middle, f"{name}_low": low, f"{name}_high": high}
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)

    def bands(self, value: str) -> dict[str, np.ndarray]:
        """Return materials, median, low and high (4, k) of "pearson" or "mae" by method."""
        columns = ["materials", value, f"{value}_low", f"{value}_high"]
        return {
            str(method): part[columns].to_numpy().T
            for method, part in self.table().groupby("method")
        }


def data_efficiency(
    fractions: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    *,
    priors: tuple[np.ndarray, np.ndarray],
    strength: float = 1e-2,
    held_out: float = 0.2,
    repeats: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> DataEfficiency:
    """Fit both functionals' AtomRef to more and more materials and evaluate them on others.

    In each drawing the same materials are held out for all sizes, and a smaller fit's materials
    are among a larger one's. Normal equations add up over materials, so a drawing costs little more
    than its largest fit.

    Args:
        fractions: composition fractions (n, 94).
        source: total energies in the source functional (n,), eV/atom.
        target: total energies in the target functional (n,), eV/atom.
        groups: material id of each row (n,); whole materials are drawn and held out.
        priors: priors of ridge in the source and the target functional, each (94,) eV/atom. They
            must not come from these energies, or small sizes would look better than they are.
        strength: ridge strength.
        held_out: share of the materials that is held out.
        repeats: number of drawings.
        seed: seed of the drawings.
        progress: receives the share that is done.

    Raises:
        LabError: if there are fewer than MIN_MATERIALS materials.
    """
    compositions = build_design(fractions, groups)
    m = len(compositions.materials)
    if m < MIN_MATERIALS:
        raise LabError(
            f"{m} materials are too few to hold some out; choose a data set with at least "
            f"{MIN_MATERIALS}."
        )
    n_test = max(2, round(held_out * m))
    most = m - n_test
    sizes = _sizes(most)
    sums = _Sums.of(compositions, np.stack([source, target]))
    start = np.stack([prior[compositions.elements] for prior in priors])
    # Drawings depend on the ids, not on the order of the rows.
    order = np.argsort(compositions.materials.astype(str), kind="stable")
    generator = np.random.default_rng(seed)
    pearson = np.empty((len(METHODS), len(sizes), repeats))
    mae = np.empty_like(pearson)
    for drawing in range(repeats):
        progress(drawing / repeats, f"Drawing {drawing + 1} of {repeats}")
        drawn = order[generator.permutation(m)]
        step = np.full(m, len(sizes))
        fitted = np.arange(sizes[-1])
        step[drawn[fitted]] = np.searchsorted(sizes, fitted, side="right")
        weights = sums.fits(step, len(sizes), start, strength)
        pearson[..., drawing], mae[..., drawing] = sums.errors(drawn[most:], weights)
    return DataEfficiency(
        sizes=sizes,
        pearson=pearson,
        mae=mae,
        n_materials=m,
        n_held_out=n_test,
        strength=strength,
        seed=seed,
    )


def _sizes(most: int) -> np.ndarray:
    """Return the numbers of materials to fit; the last is `most` unless a step is close to it."""
    steps = [size for size in _STEPS if size <= most]
    return np.array(steps if steps and most < 1.5 * steps[-1] else [*steps, most])


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Sums:
    """Sums per material from which fits and errors are computed.

    Attributes:
        design: compositions.
        energies: source and target energies (2, n), eV/atom.
        squares: Σ x xᵀ of each material, entries of the upper triangle that occur (m, q).
        places: place of these entries in the flat matrix, i · p + j (q,).
        moments: Σ x y of each material for the source, then the target, (m, 2 p).
    """

    design: Design
    energies: np.ndarray
    squares: sp.csr_array
    places: np.ndarray
    moments: sp.csr_array

    @classmethod
    def of(cls, design: Design, energies: np.ndarray) -> "_Sums":
        rows_in_cell = np.bincount(design.cell, minlength=len(design.material)).astype(float)
        squares, places = squares_by_material(design, rows_in_cell)
        moments = [design.by_material(design.gathered(values)) for values in energies]
        return cls(
            design=design,
            energies=energies,
            squares=squares,
            places=places,
            moments=sp.csr_array(sp.hstack(moments)),
        )

    def fits(self, step: np.ndarray, k: int, start: np.ndarray, strength: float) -> np.ndarray:
        """Fit the materials of the first step, of the first two, and so on.

        Args:
            step: step at which each material enters (m,), k for never.
            k: number of steps.
            start: priors (2, p).
            strength: ridge strength.

        Returns:
            References by method, step and functional, (2, k, 2, p).
        """
        p = len(self.design.elements)
        entering = sp.csr_array(
            (np.ones(len(step)), (step, np.arange(len(step)))), shape=(k + 1, len(step))
        )[:k]
        squares = np.cumsum((entering @ self.squares).toarray(), axis=0)
        moments = np.cumsum((entering @ self.moments).toarray(), axis=0).reshape(k, 2, p)
        weights = np.empty((len(METHODS), k, 2, p))
        for number in range(k):
            flat = np.zeros(p * p)
            flat[self.places] = squares[number]
            gram = flat.reshape(p, p)
            gram += np.triu(gram, 1).T
            weights[0, number] = _shortest(gram, moments[number])
            rest = moments[number] - start @ gram
            change = np.linalg.solve(gram + strength * np.eye(p), rest.T).T
            weights[1, number] = start + change
        return weights

    def errors(self, held_out: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return r and MAE, both (2, k), of scaled energies of the held-out materials."""
        cells = np.flatnonzero(np.isin(self.design.material, held_out))
        place = np.full(len(self.design.material), -1)
        place[cells] = np.arange(len(cells))
        rows = np.flatnonzero(place[self.design.cell] >= 0)
        cell = place[self.design.cell[rows]]
        flat = weights.reshape(-1, weights.shape[-1])
        explained = (self.design.cells[cells] @ flat.T).T.reshape(*weights.shape[:3], -1)
        pearson, mae = np.empty(weights.shape[:2]), np.empty(weights.shape[:2])
        for at in np.ndindex(*weights.shape[:2]):
            scaled = self.energies[:, rows] - explained[at][:, cell]
            mae[at] = np.abs(scaled[1] - scaled[0]).mean()
            away = scaled - scaled.mean(axis=1, keepdims=True)
            norms = np.sqrt((away**2).sum(axis=1))
            pearson[at] = away[0] @ away[1] / norms.prod() if norms.all() else np.nan
        return pearson, mae


def _shortest(gram: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Solve the normal equations for (2, p) moments; the shortest of several solutions."""
    values, vectors = np.linalg.eigh(gram)
    large = values > _CUT * values[-1]
    return np.asarray((moments @ vectors[:, large] / values[large]) @ vectors[:, large].T)
