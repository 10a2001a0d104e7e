"""What a fit says of a material that it never saw, and how far each material moves it.

Leaving a material out changes the normal equations A by its own part only, so that the references
without it follow in closed form from those with it:

    w₍₋ᵢ₎ = w − A⁻¹ Xᵢᵀ (1 − Hᵢ)⁻¹ eᵢ,    Hᵢ = Xᵢ A⁻¹ Xᵢᵀ,

with the material's compositions Xᵢ and residuals eᵢ; A contains the ridge strength if there is one
(Cook and Weisberg, Residuals and Influence in Regression, 1982, sections 2.2 and 3.6,
hdl:11299/37076). For a Huber fit the same is one Newton step from the fit, with the second
derivative of its loss in A: first order, not exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.elements import N_ELEMENTS, SYMBOLS
from core.reference.fits.atomref import AtomRef
from core.reference.fits.design import Design, Normal, design, normal, products_at, quadratic
from core.reference.fits.robust import curvature, score

_ALONE = 1.0 - 1e-8
"""Leverage from which on a material alone carries a direction of the fit."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """Each of m materials predicted by the fit to all others.

    Attributes:
        materials: Ids (m,).
        first: A row of each material among the n, (m,).
        prediction: Energy of each row without its material, (n,) eV/atom; NaN where the other
            materials do not determine it.
        residual: Energy less that prediction, (n,) eV/atom.
        mean_residual: Mean residual of each material, (m,) eV/atom.
        undetermined: Whether the others leave some of a material's references open, (m,).
        alone: Elements of each material that no other contains, (m,) texts such as "He, Ne". A
            ridge fit then predicts with the prior.
        leverage: Part of the fit's freedom that a material takes, (m,): the trace of Hᵢ, between
            0 and the number of its distinct compositions. All together they count the references.
        cook: Cook's distance of each material (m,): the change of all fitted energies without it,
            squared, over references times variance.
        moves: Change of the references when a material is left out, (m, 94) eV/atom, sparse: its
            own elements only, NaN where they become undetermined.
    """

    materials: np.ndarray
    first: np.ndarray
    prediction: np.ndarray
    residual: np.ndarray
    mean_residual: np.ndarray
    undetermined: np.ndarray
    alone: np.ndarray
    leverage: np.ndarray
    cook: np.ndarray
    moves: sp.csr_array

    @property
    def mae(self) -> float:
        """Mean |residual| of the rows that are determined, eV/atom."""
        known = np.abs(self.residual[np.isfinite(self.residual)])
        return float(known.mean()) if len(known) else float("nan")

    @property
    def sole_elements(self) -> dict[str, str]:
        """Elements that occur in one material only, such as "He, Ne", by material id."""
        return {
            str(self.materials[i]): str(self.alone[i]) for i in np.flatnonzero(self.alone != "")
        }

    def table(self) -> pd.DataFrame:
        """Return all materials.

        Returns:
            Columns row (among the n), material_id, leverage, residual (mean, eV/atom), cook, alone
            and undetermined.
        """
        return pd.DataFrame(
            {
                "row": self.first,
                "material_id": self.materials,
                "leverage": self.leverage,
                "residual": self.mean_residual,
                "cook": self.cook,
                "alone": self.alone,
                "undetermined": self.undetermined,
            }
        )

    def influential(self, k: int, *, also: int | None = None) -> pd.DataFrame:
        """List the materials without which the fit would change most, by Cook's distance.

        Args:
            k: How many.
            also: A material to list first where it is not among them: its place in ``materials``.

        Returns:
            Rows of ``table`` with the columns element and move (the reference that moves
            most when the material is left out, and by how much, eV/atom) and moves (all of them in
            words, eV/atom). Undetermined materials are not among the k.
        """
        known = np.flatnonzero(np.isfinite(self.cook))
        chosen = known[np.argsort(-self.cook[known], kind="stable")[:k]]
        if also is not None and also not in chosen:
            chosen = np.concatenate([[also], chosen])
        table = self.table().iloc[chosen].reset_index(drop=True)
        elements, largest, told = [], [], []
        for material in chosen:
            begin, end = self.moves.indptr[material : material + 2]
            own, by = self.moves.indices[begin:end], self.moves.data[begin:end]
            order = np.argsort(-np.abs(by), kind="stable")
            elements.append(SYMBOLS[own[order[0]]])
            largest.append(by[order[0]])
            told.append(", ".join(f"{SYMBOLS[own[i]]} {by[i]:+.3f}" for i in order))
        return table.assign(element=elements, move=np.array(largest, dtype=float), moves=told)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Deleted:
    """A fit near its solution, and each material's part in it.

    Attributes:
        design: The compositions.
        normal: Normal equations at the solution.
        error: Energies less the fit's contribution (n,), eV/atom.
        curvature: Second derivative of the loss in each cell, (c,): rows for least squares.
        score: Score of each cell without its material's pull, (c,): (1 − D H)⁻¹ times the sum of
            residuals; 0 for undetermined materials.
        drop: How much the cells' predictions fall when their material is left out, (c,) eV/atom;
            NaN for undetermined materials.
        leverage: (m,).
        open: Elements (among the p) that each undetermined material leaves open when left out:
            material number to (p,) booleans.
    """

    design: Design
    normal: Normal
    error: np.ndarray
    curvature: np.ndarray
    score: np.ndarray
    drop: np.ndarray
    leverage: np.ndarray
    open: dict[int, np.ndarray]


def leave_one_out(
    fractions: np.ndarray, energies: np.ndarray, groups: np.ndarray | None, fit: AtomRef
) -> LeaveOneOut:
    """Predict each material from all others, and measure its influence.

    Args:
        fractions: Composition fractions (n, 94) that were fitted.
        energies: What was fitted, (n,) eV/atom: for `residual`, less the interaction energies.
        groups: Material id of each row (n,); all rows of a material are left out together.
        fit: The fit to them.
    """
    parts = deleted(fractions, energies, groups, fit)
    made, solved = parts.design, parts.normal
    m = len(made.materials)
    dropped = parts.drop[made.cell]
    residual = parts.error + dropped
    undetermined = np.zeros(m, dtype=bool)
    undetermined[list(parts.open)] = True
    own = made.elements_of_materials
    scores = made.by_material(parts.score)
    own.data = -products_at(scores, solved.inverse, own)
    owner = np.repeat(np.arange(m), np.diff(own.indptr))
    for material, lost in parts.open.items():
        own.data[(owner == material) & lost[own.indices]] = np.nan
    own.data[~solved.determined[own.indices]] = np.nan
    moves = sp.csr_array((own.data, made.seen[own.indices], own.indptr), shape=(m, N_ELEMENTS))
    freedom = float(parts.leverage.sum())
    left = len(parts.error) - freedom
    loss = float(parts.error @ score(parts.error, fit.scale))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = freedom * loss / left if left > 0.5 else np.nan
        changed = quadratic(scores, solved.inverse @ solved.gram @ solved.inverse) / unit
    changed[undetermined] = np.nan
    row_material = made.material[made.cell]
    return LeaveOneOut(
        materials=made.materials,
        first=made.first,
        prediction=np.asarray(energies, dtype=float) - residual,
        residual=residual,
        mean_residual=np.bincount(row_material, residual) / np.bincount(row_material),
        undetermined=undetermined,
        alone=_alone(made),
        leverage=parts.leverage,
        cook=changed,
        moves=moves,
    )


def deleted(
    fractions: np.ndarray, energies: np.ndarray, groups: np.ndarray | None, fit: AtomRef
) -> Deleted:
    """Take a fit apart by material; arguments as of ``leave_one_out``."""
    made = design(fractions, groups)
    error = np.asarray(energies, dtype=float) - _contribution(made, fit)
    bend = made.gathered(curvature(error, fit.scale))
    strength = 0.0 if fit.strength is None else fit.strength
    solved = normal(made, bend, strength)
    pull = made.gathered(score(error, fit.scale))
    adjusted, drop = np.zeros(len(bend)), np.full(len(bend), np.nan)
    leverage = np.zeros(len(made.materials))
    lost: dict[int, np.ndarray] = {}
    lonely = _carriers(made, strength)
    sizes = np.bincount(made.material, minlength=len(made.materials))
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    singles = np.flatnonzero(sizes == 1)
    cells = begins[singles]
    hat = quadratic(made.cells[cells], solved.inverse)
    leverage[singles] = bend[cells] * hat
    alone = lonely[singles] | (leverage[singles] > _ALONE)
    fine = cells[~alone]
    adjusted[fine] = pull[fine] / (1 - leverage[singles][~alone])
    drop[fine] = hat[~alone] * adjusted[fine]
    for material, cell in zip(singles[alone], cells[alone], strict=True):
        row = made.cells[[cell]].toarray()
        lost[int(material)] = solved.touched(solved.inverse @ row.T)
    for block in _blocks(sizes):
        cell = begins[block][:, None] + np.arange(sizes[block[0]])
        rows = made.cells[cell.ravel()].toarray().reshape(*cell.shape, -1)
        hats = rows @ solved.inverse @ rows.transpose(0, 2, 1)
        root = np.sqrt(bend[cell])
        values, vectors = np.linalg.eigh(root[:, :, None] * hats * root[:, None, :])
        leverage[block] = values.sum(axis=1)
        alone = lonely[block] | (values[:, -1] > _ALONE)
        kept = np.flatnonzero(~alone)
        system = np.eye(cell.shape[1]) - bend[cell][kept, :, None] * hats[kept]
        found = np.linalg.solve(system, pull[cell][kept][:, :, None])
        adjusted[cell[kept]] = found[:, :, 0]
        drop[cell[kept]] = (hats[kept] @ found)[:, :, 0]
        for i in np.flatnonzero(alone):
            carried = vectors[i][:, values[i] >= min(_ALONE, values[i, -1])]
            direction = solved.inverse @ rows[i].T @ (root[i][:, None] * carried)
            lost[int(block[i])] = solved.touched(direction)
    return Deleted(
        design=made,
        normal=solved,
        error=error,
        curvature=bend,
        score=adjusted,
        drop=drop,
        leverage=leverage,
        open=lost,
    )


def _contribution(made: Design, fit: AtomRef) -> np.ndarray:
    return (made.cells @ fit.energies[made.seen])[made.cell]


def _carriers(made: Design, strength: float) -> np.ndarray:
    """Tell which materials (m,) hold an element of their own and no prior stands in for them."""
    if strength > 0:
        return np.zeros(len(made.materials), dtype=bool)
    own = made.elements_of_materials
    single = (made.material_counts == 1)[own.indices]
    owner = np.repeat(np.arange(len(made.materials)), np.diff(own.indptr))
    return np.bincount(owner, single, minlength=len(made.materials)) > 0


def _alone(made: Design) -> np.ndarray:
    own = made.elements_of_materials
    names = np.full(len(made.materials), "", dtype=object)
    single = (made.material_counts == 1)[own.indices]
    owner = np.repeat(np.arange(len(made.materials)), np.diff(own.indptr))
    for material, element in sorted(zip(owner[single], own.indices[single], strict=True)):
        symbol = SYMBOLS[made.seen[element]]
        names[material] = f"{names[material]}, {symbol}" if names[material] else symbol
    return names


def _blocks(sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Name materials with as many cells in blocks, those of one cell left out."""
    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero(sizes == size)
        step = max(1, 40_000 // int(size))
        for begin in range(0, len(chosen), step):
            yield chosen[begin : begin + step]
