"""U-aware AtomRef: what U adds per atom of an element, where GGA and GGA+U meet in one set.

One energy per element cannot describe iron that was computed with U in oxides and without U in
alloys. An extra column per such element, the fraction of its atoms that carry U, takes up the
difference beside the references (the shift per U-corrected element of Warford et al.,
arXiv:2601.21056). A CHGNet has no place for such a column; it tells what mixing the two costs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from core.elements import INDEX, N_ELEMENTS, SYMBOLS
from core.frames.column_names import NAMES
from core.frames.functionals import MIXED, canonical_functional, covers
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.reference.fits import solve
from core.reference.fits.atomref import AtomRef
from core.reference.fits.uncertainty import standard_errors
from core.reference.shifts.pairs import OpenedPairs

Array = NDArray[np.float64]

U_ELEMENTS = ("V", "Cr", "Mn", "Fe", "Co", "Ni", "Mo", "W")
"""Elements that Materials Project treats with U in oxides and fluorides."""

_ANIONS = ("O", "F")
"""No element is more electronegative than these, so that one of them is a compound's anion."""

_HUBBARDS = ("hubbards", "hubbard", "hubbard_u", "ldauu", "u_values")
"""Names of columns of the U of each element, such as {"Fe": 5.3}, eV."""

_U = re.compile(r"([A-Z][a-z]?)['\"]?\s*[:=]\s*([0-9.]+)")

_FEWEST = 2
"""Materials with U, and without, below which nothing tells the two apart."""

_SURE = 2.0
"""Standard errors that U's shift of an element must differ from zero by to be told."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class HubbardShifts:
    """What U adds to the energies of k elements, fitted together with AtomRef.

    Attributes:
        elements: indices of the elements, (k,).
        shifts: energy per atom that carries U, (k,) eV.
        errors: standard errors over materials, (k,) eV; NaN where one material decides.
        n_with: materials in which the element carries U, (k,).
        n_without: materials in which it does not, (k,).
        mae_without: mean |residual| of AtomRef alone, eV/atom.
        mae: mean |residual| with these columns, eV/atom.
    """

    elements: NDArray[np.intp]
    shifts: Array
    errors: Array
    n_with: NDArray[np.intp]
    n_without: NDArray[np.intp]
    mae_without: float
    mae: float

    @property
    def cost(self) -> float:
        """What AtomRef alone misses because it has no such columns, meV/atom."""
        return 1000 * (self.mae_without - self.mae)

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Which shifts differ from zero by more than two standard errors, (k,)."""
        return np.abs(self.shifts) > _SURE * np.nan_to_num(self.errors, nan=np.inf)

    def contribution(self, carried: sp.csr_array) -> Array:
        """Return what U adds to frames, (n,) eV/atom; `carried` as of `carrying_u`."""
        weights = np.zeros(N_ELEMENTS)
        weights[self.elements] = self.shifts
        return np.asarray(carried @ weights)

    def table(self) -> pd.DataFrame:
        """Return one row per element: symbol, shift, error (eV per atom), with_u, without_u."""
        return pd.DataFrame(
            {
                "symbol": [SYMBOLS[i] for i in self.elements],
                "shift": self.shifts,
                "error": self.errors,
                "with_u": self.n_with,
                "without_u": self.n_without,
            }
        )

    def by_symbol(self) -> dict[str, dict[str, float | int | None]]:
        """Return the rows of `table` by symbol, None for an error that is not known."""
        return {
            SYMBOLS[place]: {
                "shift": float(shift),
                "error": float(error) if np.isfinite(error) else None,
                "n_with": int(with_u),
                "n_without": int(without_u),
            }
            for place, shift, error, with_u, without_u in zip(
                self.elements, self.shifts, self.errors, self.n_with, self.n_without, strict=True
            )
        }

    @property
    def text(self) -> str:
        """The shifts in one phrase, the largest first."""
        order = np.argsort(-np.abs(self.shifts))
        return ", ".join(
            f"{SYMBOLS[self.elements[i]]} {self.shifts[i]:+.2f} ".replace("-", "−")
            + (f"± {self.errors[i]:.2f}" if np.isfinite(self.errors[i]) else "(one material)")
            for i in order
        )


def carrying_u(
    data: FrameSet | PairSet, functional: str, rows: NDArray[np.integer] | None = None
) -> sp.csr_array | None:
    """Return the atoms that carry U of each element as fractions of all atoms, (n, 94), sparse.

    A column of the data tells it: the U of each element, or each row's functional or run type.
    Without one, energies in GGA/GGA+U carry U as Materials Project chooses it: V, Cr, Mn, Fe, Co,
    Ni, Mo and W in oxides and fluorides.

    Args:
        data: the data set.
        functional: functional of the energies.
        rows: rows of it; None takes all.

    Returns:
        None where nothing carries U, or nothing is known of it.
    """
    fractions = data.fractions() if rows is None else data.fractions()[rows]
    carries = _of_columns(data, functional, rows) if isinstance(data, PairSet) else None
    if carries is None:
        if canonical_functional(functional) != MIXED:
            return None
        carries = _of_compositions(fractions)
    carried = sp.csr_array(np.where(carries, fractions, 0.0))
    return carried if carried.nnz else None


def pair_shifts(opened: OpenedPairs) -> HubbardShifts | None:
    """Return what U adds in one of two functionals, fitted to the shift of pairs.

    Args:
        opened: the pairs and the data set that they are from.

    Returns:
        None where no element is met both with and without U in one of the two.
    """
    pairs = opened.pairs
    target, source = (
        carrying_u(opened.data, functional, pairs.index)
        for functional in (pairs.target_functional, pairs.source_functional)
    )
    return u_shifts(pairs.fractions, less(target, source), pairs.shift, pairs.material_id)


def less(first: sp.csr_array | None, second: sp.csr_array | None) -> sp.csr_array | None:
    """Return the difference of what carries U in two energies; None where there is none."""
    if first is None:
        return None if second is None else -second
    left = first if second is None else sp.csr_array(first - second)
    left.eliminate_zeros()
    return left if left.nnz else None


def u_shifts(
    fractions: Array,
    carried: sp.csr_array | None,
    energies: Array,
    materials: NDArray[np.object_] | None = None,
    *,
    penalty: Array | None = None,
) -> HubbardShifts | None:
    """Fit what U adds per atom of each element where atoms with and without U meet.

    Minimizes |y − X w − Z s|² + wᵀ P w over the references w and the shifts s.

    Args:
        fractions: X, composition fractions (n, 94).
        carried: Z, as of `carrying_u`; of a difference of energies, the difference.
        energies: y, (n,) eV/atom: with a penalty, minus the prior's contribution.
        materials: material id of each row, (n,); None makes each row a material.
        penalty: P, (94, 94); None for least squares.

    Returns:
        None where no element is met both with and without U.
    """
    if carried is None or not carried.nnz:
        return None
    ids = np.arange(len(energies)) if materials is None else pd.factorize(materials)[0]
    dense = carried[:, np.unique(carried.indices)].toarray()
    columns, n_with, n_without = [], [], []
    occurring = np.unique(carried.indices)
    for place, element in enumerate(occurring):
        has = dense[:, place] != 0
        lacks = (fractions[:, element] > 0) & ~has
        both = [len(np.unique(ids[some])) for some in (has, lacks)]
        if min(both) >= _FEWEST:
            columns.append(place)
            n_with.append(both[0])
            n_without.append(both[1])
    if not columns:
        return None
    k = len(columns)
    A = np.column_stack([fractions, dense[:, columns]])
    pull = np.zeros((A.shape[1], A.shape[1]))
    pull[:N_ELEMENTS, :N_ELEMENTS] = 0.0 if penalty is None else penalty
    described = solve.columns(A)
    weights = solve.least_squares(A, energies, described, penalty=pull)
    alone = solve.least_squares(fractions, energies, solve.columns(fractions), penalty=penalty)
    fit = AtomRef(
        functional="",
        method="lstsq",
        energies=weights,
        **solve.description(energies, described),
        penalty=pull,
    )
    errors = standard_errors(fit, A, energies, materials)
    return HubbardShifts(
        elements=occurring[columns],
        shifts=weights[-k:],
        errors=errors[-k:],
        n_with=np.array(n_with),
        n_without=np.array(n_without),
        mae_without=float(np.abs(energies - fractions @ alone).mean()),
        mae=float(np.abs(energies - A @ weights).mean()),
    )


def _of_compositions(fractions: Array) -> NDArray[np.bool_]:
    """Return which elements carry U as Materials Project chooses it, (n, 94)."""
    anions = fractions[:, [INDEX[symbol] for symbol in _ANIONS]]
    carry = np.array([symbol in U_ELEMENTS for symbol in SYMBOLS])
    return np.asarray((anions.max(axis=1, keepdims=True) > 0) & carry)


def _of_columns(
    data: PairSet, functional: str, rows: NDArray[np.integer] | None
) -> NDArray[np.bool_] | None:
    """Return which elements carry U as columns of a table say, (n, 94); None if none says it."""
    table = data.table()
    by_name = {str(name).lower(): str(name) for name in table.columns}
    some = slice(None) if rows is None else rows
    for name in _HUBBARDS:
        if name in by_name and _may_carry(data, functional):
            return _of_hubbards(table[by_name[name]].to_numpy()[some].tolist())
    for name in NAMES["functional"]:
        if name not in by_name:
            continue
        values = table[by_name[name]].astype(str).to_numpy()[some]
        known = {value: canonical_functional(value) for value in pd.unique(values)}
        given = {value for value in known.values() if _is_of(functional, value)}
        if any(value.endswith("+U") for value in given):
            with_u = [text for text, name in known.items() if name in given and "+U" in name]
            has_u = np.isin(values, with_u)
            return has_u[:, None] & np.isin(SYMBOLS, U_ELEMENTS)[None]
    return None


def _may_carry(data: PairSet, functional: str) -> bool:
    """Return whether the U of a table's column is that of energies in a functional."""
    of_table = {canonical_functional(energy.functional) for energy in data.card.energies}
    asked = canonical_functional(functional)
    return asked == MIXED or "+U" in asked or of_table == {asked}


def _of_hubbards(cells: Sequence[object]) -> NDArray[np.bool_]:
    carries = np.zeros((len(cells), N_ELEMENTS), dtype=bool)
    for row, cell in enumerate(cells):
        for symbol, value in _U.findall(str(cell)):
            if symbol in INDEX and float(value) > 0:
                carries[row, INDEX[symbol]] = True
    return carries


def _is_of(functional: str, given: str) -> bool:
    """Return whether a row's functional is that of the energies, with U or without."""
    asked = canonical_functional(functional)
    return given.removesuffix("+U") == asked.removesuffix("+U") or covers(asked, given)
