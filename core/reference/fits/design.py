"""Least squares over composition as a sum over materials, kept sparse.

A composition holds some four of 94 elements, and frames of one material mostly share theirs, so
standard errors, leaving out and resampling need only a few numbers per material. Rows of one
material with one composition are gathered in a cell; sums over cells are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import scipy.sparse as sp

from core.reference.fits.solve import square_root

_WELL_CONDITIONED = 1e-8
"""Smallest eigenvalue of unit-diagonal normal equations that are inverted directly."""

_TOUCHED = 1e-6
"""Component of a direction above which the direction involves the element."""

_CHUNK_NUMBERS = 4_000_000
"""Number of entries in a dense block of rows: 32 MB."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Design:
    """Compositions of n rows of m materials, over the p elements that occur.

    Attributes:
        cells: composition fractions of the cells (c, p), ordered by material.
        cell: cell of each row, (n,).
        material: material of each cell, (c,) numbers that do not fall.
        materials: material ids (m,).
        first: a row of each material, (m,), to look up its other properties.
        elements: indices of the p elements among the 94.
    """

    cells: sp.csr_array
    cell: np.ndarray
    material: np.ndarray
    materials: np.ndarray
    first: np.ndarray
    elements: np.ndarray

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """Return the sums of values (n,) over the rows of each cell, (c,)."""
        return np.bincount(self.cell, values, minlength=len(self.material))

    def by_material(self, weights: np.ndarray) -> sp.csr_array:
        """Return each material's sum of cells times weights (c,): (m, p), sparse."""
        weighted = sp.diags_array(weights) @ self.cells
        if len(self.materials) == len(self.material):
            return weighted
        return sp.csr_array(self.owners @ weighted)

    @property
    def owners(self) -> sp.csr_array:
        """The cells of each material, (m, c) of zeros and ones."""
        return sp.csr_array(
            (
                np.ones(len(self.material)),
                np.arange(len(self.material)),
                np.searchsorted(self.material, np.arange(len(self.materials) + 1)),
            ),
            shape=(len(self.materials), len(self.material)),
        )

    @property
    def material_counts(self) -> np.ndarray:
        """Materials that contain each of the p elements, (p,)."""
        return np.bincount(self.elements_of_materials.indices, minlength=len(self.elements))

    @property
    def elements_of_materials(self) -> sp.csr_array:
        """Positive where a material contains an element, (m, p), sparse."""
        return self.by_material(np.ones(len(self.material)))


def build_design(fractions: np.ndarray, groups: np.ndarray | None) -> Design:
    """Gather rows by material and composition.

    Args:
        fractions: composition fractions (n, 94).
        groups: material id of each row (n,); None makes each row a material.
    """
    rows = sp.csr_array(np.asarray(fractions, dtype=float))
    if groups is None:
        groups = np.arange(rows.shape[0])
    codes, materials = pd.factorize(np.asarray(groups))
    elements = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]))
    place = np.zeros(rows.shape[1], dtype=rows.indices.dtype)
    place[elements] = np.arange(len(elements))
    rows = sp.csr_array(
        (rows.data, place[rows.indices], rows.indptr), shape=(len(codes), len(elements))
    )
    if len(materials) == len(codes):
        every = np.arange(len(codes))
        return Design(
            cells=rows,
            cell=every,
            material=every,
            materials=materials,
            first=every,
            elements=elements,
        )
    order = np.argsort(codes, kind="stable")
    rows, owner = rows[order], codes[order]
    changes = rows[1:] - rows[:-1]
    changes.eliminate_zeros()
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (np.diff(changes.indptr) > 0)
    cell = np.empty(len(order), dtype=np.intp)
    cell[order] = np.cumsum(begins) - 1
    return Design(
        cells=rows[begins],
        cell=cell,
        material=owner[begins],
        materials=materials,
        first=order[np.searchsorted(owner, np.arange(len(materials)))],
        elements=elements,
    )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Normal:
    """Normal equations A = Σ weight · x xᵀ + penalty of a design, inverted.

    Attributes:
        gram: A without its penalty, (p, p).
        penalty: what A adds to it, (p, p).
        inverse: A generalized inverse of A, (p, p); the inverse if A has one.
        determined: whether the data determine an element's reference, (p,).
        basis: columns that span the determined directions, (p, rank), in units of ``length``; None
            if that is all.
        length: square root of A's diagonal, (p,), 1 where it is 0.
    """

    gram: np.ndarray
    penalty: np.ndarray
    inverse: np.ndarray
    determined: np.ndarray
    basis: np.ndarray | None
    length: np.ndarray

    def touched(self, directions: np.ndarray) -> np.ndarray:
        """Return which elements directions (p, k) in reference space involve: (p,)."""
        scaled = np.abs(directions * self.length[:, None])
        return np.asarray((scaled > _TOUCHED * scaled.max(axis=0, initial=1e-300)).any(axis=1))


def normal(design: Design, weights: np.ndarray, penalty_of_all: np.ndarray | None = None) -> Normal:
    """Invert the normal equations of cells with weights (c,), all at least 0.

    The penalty is a matrix over all elements, (94, 94), symmetric and not negative; None for none.

    Undetermined directions are found in the weighted rows themselves, to working precision, because
    the normal equations square the condition number.
    """
    p = len(design.elements)
    gram = (design.cells.T @ (sp.diags_array(weights) @ design.cells)).toarray()
    penalty = np.zeros((p, p))
    if penalty_of_all is not None:
        penalty = penalty_of_all[np.ix_(design.elements, design.elements)]
    full = gram + penalty
    length = np.sqrt(np.diag(full))
    length[length == 0] = 1.0
    scaled = full / np.outer(length, length)
    if np.linalg.eigvalsh(scaled)[0] > _WELL_CONDITIONED:
        inverse = np.linalg.inv(scaled) / np.outer(length, length)
        determined = np.ones(p, dtype=bool)
        return Normal(
            gram=gram,
            penalty=penalty,
            inverse=inverse,
            determined=determined,
            basis=None,
            length=length,
        )
    rows = (sp.diags_array(np.sqrt(weights)) @ design.cells).toarray()
    if penalty.any():
        rows = np.concatenate([rows, square_root(penalty)])
    factor = np.linalg.qr(rows / length, mode="r")
    _, singular, vectors = np.linalg.svd(factor)
    cut = singular[0] * max(rows.shape) * np.finfo(float).eps
    rank = int(np.count_nonzero(singular > cut))
    basis = vectors[:rank].T
    inverse = (basis / singular[:rank] ** 2) @ basis.T / np.outer(length, length)
    return Normal(
        gram=gram,
        penalty=penalty,
        inverse=inverse,
        determined=(np.abs(vectors[rank:]) < _TOUCHED).all(axis=0),
        basis=basis,
        length=length,
    )


def chunks(n: int, width: int) -> Iterator[slice]:
    """Cut n rows so that a dense block of this width stays small."""
    step = max(1, _CHUNK_NUMBERS // max(width, 1))
    return (slice(*ends) for ends in pairwise([*range(0, n, step), n]))


def products_at(left: sp.csr_array, right: np.ndarray, pattern: sp.csr_array) -> np.ndarray:
    """Return the entries of left @ right where the pattern has entries.

    Args:
        left: (n, p), sparse.
        right: (p, p).
        pattern: (n, p), sparse.

    Returns:
        One number per entry of the pattern, in its order.
    """
    entries = np.empty(pattern.nnz)
    for rows in chunks(left.shape[0], left.shape[1]):
        dense = left[rows] @ right
        begin, end = pattern.indptr[rows.start], pattern.indptr[rows.stop]
        row = np.repeat(np.arange(len(dense)), np.diff(pattern.indptr[rows.start : rows.stop + 1]))
        entries[begin:end] = dense[row, pattern.indices[begin:end]]
    return entries


def quadratic(rows: sp.csr_array, form: np.ndarray) -> np.ndarray:
    """Return xᵀ F x of each sparse row x (n, p): (n,)."""
    products = products_at(rows, form, rows) * rows.data
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    return np.bincount(owner, products, minlength=rows.shape[0])


def squares_by_material(design: Design, weights: np.ndarray) -> tuple[sp.csr_array, np.ndarray]:
    """Return Σ weight · x xᵀ of each material, as the entries of the upper triangle that occur.

    Args:
        design: the design.
        weights: weights of its cells, (c,).

    Returns:
        (m, q), sparse, and for each column the place i · p + j with i ≤ j, (q,).
    """
    cells, p = design.cells, len(design.elements)
    sizes = np.diff(cells.indptr)
    owner, place, value = [], [], []
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        entries = cells.indptr[rows][:, None] + np.arange(size)
        column, fraction = cells.indices[entries], cells.data[entries]
        i, j = np.triu_indices(size)
        low, high = np.minimum(column[:, i], column[:, j]), np.maximum(column[:, i], column[:, j])
        owner.append(np.repeat(design.material[rows], len(i)))
        place.append((low.astype(np.int64) * p + high).ravel())
        value.append((weights[rows, None] * fraction[:, i] * fraction[:, j]).ravel())
    occurring, column = np.unique(np.concatenate(place), return_inverse=True)
    squares = sp.coo_array(
        (np.concatenate(value), (np.concatenate(owner), column)),
        shape=(len(design.materials), len(occurring)),
    )
    return squares.tocsr(), occurring
