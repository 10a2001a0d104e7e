"""Leave-one-out predictions of a fit, and the influence of each material on it.

Leaving a material out changes the normal equations A by its own part only, so that the references
without it follow in closed form from those with it:

    w₍₋ᵢ₎ = w − A⁻¹ Xᵢᵀ (1 − Hᵢ)⁻¹ eᵢ,    Hᵢ = Xᵢ A⁻¹ Xᵢᵀ,

with the material's compositions Xᵢ and residuals eᵢ; A contains the pull of a prior if there is one
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
from core.reference.fits.design import Design, Normal, build_design, normal, products_at, quadratic
from core.reference.fits.robust import curvature, score

_SOLE = 1.0 - 1e-8
"""Leverage above which a material alone determines a direction of the fit."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """Each of m materials predicted by the fit to all others.

    Attributes:
        materials: ids (m,).
        first: a row of each material, (m,).
        prediction: energy of each row without its material, (n,) eV/atom; NaN if the other
            materials do not determine it.
        residual: energy minus that prediction, (n,) eV/atom.
        mean_residual: mean residual of each material, (m,) eV/atom.
        undetermined: whether the others do not determine all references of a material, (m,).
        alone: elements of each material that no other contains, (m,) texts such as "He, Ne". A
            fit with a prior then predicts with it.
        leverage: degrees of freedom of the fit that a material takes up, (m,): the trace of Hᵢ,
            between 0 and the number of its distinct compositions. Their sum is the number of
            references.
        cook: Cook's distance of each material (m,): the change of all fitted energies without it,
            squared, over references times variance.
        moves: change of the references when a material is left out, (m, 94) eV/atom, sparse: its
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
        errors = np.abs(self.residual[np.isfinite(self.residual)])
        return float(errors.mean()) if len(errors) else float("nan")

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
            k: number of materials.
            also: index of a material to list first if it is not among them.

        Returns:
            Rows of ``table`` with the columns element and move (the reference that moves
            most when the material is left out, and by how much, eV/atom) and moves (all of them as
            text, eV/atom). Undetermined materials are not among the k.
        """
        finite = np.flatnonzero(np.isfinite(self.cook))
        chosen = finite[np.argsort(-self.cook[finite], kind="stable")[:k]]
        if also is not None and also not in chosen:
            chosen = np.concatenate([[also], chosen])
        table = self.table().iloc[chosen].reset_index(drop=True)
        elements, largest, texts = [], [], []
        for material in chosen:
            begin, end = self.moves.indptr[material : material + 2]
            columns, by = self.moves.indices[begin:end], self.moves.data[begin:end]
            order = np.argsort(-np.abs(by), kind="stable")
            elements.append(SYMBOLS[columns[order[0]]])
            largest.append(by[order[0]])
            texts.append(", ".join(f"{SYMBOLS[columns[i]]} {by[i]:+.3f}" for i in order))
        return table.assign(element=elements, move=np.array(largest, dtype=float), moves=texts)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Deleted:
    """A fit near its solution, with the contribution of each material.

    Attributes:
        design: the compositions.
        normal: normal equations at the solution.
        error: energies minus the fit's contribution (n,), eV/atom.
        curvature: second derivative of the loss in each cell, (c,): rows for least squares.
        score: score of each cell without its material's pull, (c,): (1 − D H)⁻¹ times the sum of
            residuals; 0 for undetermined materials.
        drop: decrease of the cells' predictions when their material is left out, (c,) eV/atom;
            NaN for undetermined materials.
        leverage: (m,).
        open: elements that are undetermined without a material: index of the material to (p,)
            booleans.
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
        fractions: composition fractions (n, 94) that were fitted.
        energies: fitted energies, (n,) eV/atom: for `residual`, minus the interaction energies.
        groups: material id of each row (n,); all rows of a material are left out together.
        fit: the fit to them.
    """
    parts = deleted(fractions, energies, groups, fit)
    design, solved = parts.design, parts.normal
    m = len(design.materials)
    dropped = parts.drop[design.cell]
    residual = parts.error + dropped
    undetermined = np.zeros(m, dtype=bool)
    undetermined[list(parts.open)] = True
    incidence = design.elements_of_materials
    scores = design.by_material(parts.score)
    incidence.data = -products_at(scores, solved.inverse, incidence)
    owner = np.repeat(np.arange(m), np.diff(incidence.indptr))
    for material, lost in parts.open.items():
        incidence.data[(owner == material) & lost[incidence.indices]] = np.nan
    incidence.data[~solved.determined[incidence.indices]] = np.nan
    moves = sp.csr_array(
        (incidence.data, design.elements[incidence.indices], incidence.indptr),
        shape=(m, N_ELEMENTS),
    )
    freedom = float(parts.leverage.sum())
    left = len(parts.error) - freedom
    loss = float(parts.error @ score(parts.error, fit.scale))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = freedom * loss / left if left > 0.5 else np.nan
        changed = quadratic(scores, solved.inverse @ solved.gram @ solved.inverse) / unit
    changed[undetermined] = np.nan
    row_material = design.material[design.cell]
    return LeaveOneOut(
        materials=design.materials,
        first=design.first,
        prediction=np.asarray(energies, dtype=float) - residual,
        residual=residual,
        mean_residual=np.bincount(row_material, residual) / np.bincount(row_material),
        undetermined=undetermined,
        alone=_sole_elements(design),
        leverage=parts.leverage,
        cook=changed,
        moves=moves,
    )


def deleted(
    fractions: np.ndarray, energies: np.ndarray, groups: np.ndarray | None, fit: AtomRef
) -> Deleted:
    """Return the contribution of each material to a fit; arguments as of ``leave_one_out``."""
    design = build_design(fractions, groups)
    error = np.asarray(energies, dtype=float) - _contribution(design, fit)
    bend = design.gathered(curvature(error, fit.scale))
    solved = normal(design, bend, fit.pull)
    pull = design.gathered(score(error, fit.scale))
    adjusted, drop = np.zeros(len(bend)), np.full(len(bend), np.nan)
    leverage = np.zeros(len(design.materials))
    lost: dict[int, np.ndarray] = {}
    carries = _carriers(design, np.diag(solved.penalty))
    sizes = np.bincount(design.material, minlength=len(design.materials))
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    singles = np.flatnonzero(sizes == 1)
    cells = begins[singles]
    hat = quadratic(design.cells[cells], solved.inverse)
    leverage[singles] = bend[cells] * hat
    alone = carries[singles] | (leverage[singles] > _SOLE)
    fine = cells[~alone]
    adjusted[fine] = pull[fine] / (1 - leverage[singles][~alone])
    drop[fine] = hat[~alone] * adjusted[fine]
    for material, cell in zip(singles[alone], cells[alone], strict=True):
        row = design.cells[[cell]].toarray()
        lost[int(material)] = solved.touched(solved.inverse @ row.T)
    for block in _blocks(sizes):
        cell = begins[block][:, None] + np.arange(sizes[block[0]])
        rows = design.cells[cell.ravel()].toarray().reshape(*cell.shape, -1)
        hats = rows @ solved.inverse @ rows.transpose(0, 2, 1)
        root = np.sqrt(bend[cell])
        values, vectors = np.linalg.eigh(root[:, :, None] * hats * root[:, None, :])
        leverage[block] = values.sum(axis=1)
        alone = carries[block] | (values[:, -1] > _SOLE)
        rest = np.flatnonzero(~alone)
        system = np.eye(cell.shape[1]) - bend[cell][rest, :, None] * hats[rest]
        solution = np.linalg.solve(system, pull[cell][rest][:, :, None])
        adjusted[cell[rest]] = solution[:, :, 0]
        drop[cell[rest]] = (hats[rest] @ solution)[:, :, 0]
        for i in np.flatnonzero(alone):
            carried = vectors[i][:, values[i] >= min(_SOLE, values[i, -1])]
            direction = solved.inverse @ rows[i].T @ (root[i][:, None] * carried)
            lost[int(block[i])] = solved.touched(direction)
    return Deleted(
        design=design,
        normal=solved,
        error=error,
        curvature=bend,
        score=adjusted,
        drop=drop,
        leverage=leverage,
        open=lost,
    )


def _contribution(design: Design, fit: AtomRef) -> np.ndarray:
    return np.asarray((design.cells @ fit.energies[design.elements])[design.cell])


def _carriers(design: Design, penalty: np.ndarray) -> np.ndarray:
    """Return which materials (m,) have an element of their own, without a pull on it (p,)."""
    incidence = design.elements_of_materials
    single = ((design.material_counts == 1) & (penalty == 0))[incidence.indices]
    owner = np.repeat(np.arange(len(design.materials)), np.diff(incidence.indptr))
    return np.bincount(owner, single, minlength=len(design.materials)) > 0


def _sole_elements(design: Design) -> np.ndarray:
    incidence = design.elements_of_materials
    names = np.full(len(design.materials), "", dtype=object)
    single = (design.material_counts == 1)[incidence.indices]
    owner = np.repeat(np.arange(len(design.materials)), np.diff(incidence.indptr))
    for material, element in sorted(zip(owner[single], incidence.indices[single], strict=True)):
        symbol = SYMBOLS[design.elements[element]]
        names[material] = f"{names[material]}, {symbol}" if names[material] else symbol
    return names


def _blocks(sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield blocks of materials with the same number of cells, from two cells on."""
    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero(sizes == size)
        step = max(1, 40_000 // int(size))
        for begin in range(0, len(chosen), step):
            yield chosen[begin : begin + step]
