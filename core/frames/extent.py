"""Whether energies belong to an atom, to the cell or to the formula unit, seen from them alone.

Energies per atom are nearly linear in the composition fractions, totals in the numbers of atoms.
Both are fitted with one design, the fractions: energies as they are, and divided by the atoms of
the cell or of the formula unit. The wrong ones scatter as much as the numbers of atoms do. Where
the elements are too many for the frames, the size of the energies tells: totals grow in proportion
to the number of atoms, energies per atom do not.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from math import gcd

import numpy as np

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.findings import Finding
from core.frames.schema import Frame

_CLEAR = 3.0
"""How many times less one extent must leave than another."""

_SAME = 1.001
"""Ratio of what two extents leave below which it is the same."""

_FREE = 0.05
"""Share of a row that a fit of the other rows leaves open, below which the row tells nothing."""

_FEWEST = 8
"""Rows that tell something, below which composition says nothing."""

_LEAST = 12
"""Rows below which sizes say nothing."""

_SURE = 5.0
"""Standard errors by which sizes must grow with the number of atoms."""

_MOST = 3000
"""Rows that are kept: enough for any answer."""

_PER = "per "
"""Before an extent by whose atoms energies were divided that were eV/atom already."""

_EXTENTS = {"cell": "cell", "formula unit": "f.u."}
"""What a unit of each extent ends in."""


def extent_finding(
    counts: np.ndarray,
    energies: np.ndarray,
    *,
    of_formulas: bool = False,
    n_atoms: np.ndarray | None = None,
    read_as: str = "eV/atom",
    divided: bool = False,
    field: str = "energy",
) -> Finding | None:
    """Return a finding if energies that count as eV/atom are totals.

    Args:
        counts: atoms of each element in the cell, (n, 94) integers.
        energies: energies as they are stored, (n,) eV/atom.
        of_formulas: whether the numbers are those of formulas rather than of cells.
        n_atoms: of formulas: atoms in the cell of each row, (n,), where known.
        read_as: unit in which they were read.
        divided: whether they may have been divided by atoms though they were eV/atom.
        field: what their unit is stated of.
    """
    known = np.zeros(len(counts)) if n_atoms is None else n_atoms
    # Frames of one cell differ by what no count of atoms explains.
    rows, place = np.unique(np.column_stack([counts, known]), axis=0, return_inverse=True)
    cells, known = rows[:, :-1], rows[:, -1]
    energies = np.bincount(place, energies) / np.bincount(place)
    sizes = {"formula unit": cells.sum(axis=1)} if of_formulas else atoms_by_extent(cells)
    if (known > 0).all():
        sizes = {"cell": known, **sizes}
    if divided:
        sizes |= {f"{_PER}{extent}": 1 / number for extent, number in sizes.items()}
    found = _by_composition(cells, energies, sizes) or _by_size(energies, sizes)
    if found is None:
        return None
    extent, how = found
    if extent.startswith(_PER):
        return Finding(
            kind="energy_extent",
            severity="error",
            message="The energies were eV/atom already, but were read as totals of the "
            f"{extent.removeprefix(_PER)} and divided by its atoms: {how}.",
            remedy=f"Import them with --unit {field}=eV/atom, whatever their column is called.",
        )
    unit = f"{read_as.removesuffix('/atom')}/{_EXTENTS[extent]}"
    return Finding(
        kind="energy_extent",
        severity="error",
        message=f"The energies are totals of the {extent}, not {read_as}: {how}.",
        remedy=f"Import them with --unit {field}={unit}, which divides them by the number of "
        "atoms.",
    )


def left_by_extent(
    counts: np.ndarray, energies: np.ndarray, sizes: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Return what composition leaves of energies, by what they may belong to.

    Args:
        counts: atoms of each element, (n, 94).
        energies: energies, (n,).
        sizes: numbers of atoms (n,) by extent, such as "cell".

    Returns:
        Median |leave-one-out residual| over the median |energy|, by extent, "atom" first; empty
        where too few rows tell anything.
    """
    X = counts[:, counts.any(axis=0)] / counts.sum(axis=1, keepdims=True)
    left, singular, _ = np.linalg.svd(X, full_matrices=False)
    basis = left[:, singular > singular[0] * max(X.shape) * np.finfo(float).eps]
    open_share = 1 - (basis**2).sum(axis=1)
    telling = open_share > _FREE
    if open_share.sum() < _FEWEST:
        return {}
    found = {}
    for extent, number in {"atom": np.ones(len(energies)), **sizes}.items():
        y = energies / number
        residual = (y - basis @ (basis.T @ y))[telling] / open_share[telling]
        typical = float(np.median(np.abs(y)))
        found[extent] = float(np.median(np.abs(residual))) / typical if typical > 0 else np.inf
    return found


def are_per_atom(counts: np.ndarray, energies: np.ndarray) -> bool:
    """Return whether energies that count as totals of the cell are clearly eV/atom.

    Args:
        counts: atoms of each element in the cell, (n, 94) integers.
        energies: energies as the file has them, (n,), NaN where missing.
    """
    known = np.isfinite(energies)
    counts, energies = counts[known], energies[known]
    left = left_by_extent(counts, energies, {"cell": counts.sum(axis=1)})
    return bool(left) and left["cell"] >= _CLEAR * left["atom"]


def _by_composition(
    counts: np.ndarray, energies: np.ndarray, sizes: Mapping[str, np.ndarray]
) -> tuple[str, str] | None:
    left = left_by_extent(counts, energies, sizes)
    best = min(left, key=left.__getitem__, default="atom")
    # Where cells are all of as many formula units, both leave the same: totals are the cells'.
    if "cell" in left and left["cell"] < _SAME * left[best]:
        best = "cell"
    if best == "atom" or left["atom"] < _CLEAR * left[best]:
        return None
    done = "multiplied" if best.startswith(_PER) else "divided"
    return best, (
        f"composition leaves {left[best]:.1%} of them if {done} by its atoms, and "
        f"{left['atom']:.1%} as they are"
    )


def _by_size(energies: np.ndarray, sizes: Mapping[str, np.ndarray]) -> tuple[str, str] | None:
    """Compare the logarithms of energies and of numbers of atoms."""
    if np.count_nonzero(energies) < max(_LEAST, len(energies)):
        return None
    size = np.log(np.abs(energies))
    best: tuple[float, str, str] | None = None
    for extent, atoms in sizes.items():
        x = np.log(atoms) - np.log(atoms).mean()
        if x @ x < 1e-9:
            continue
        power = float(x @ size / (x @ x))
        left = size - size.mean() - power * x
        error = float(np.sqrt(left @ left / (len(x) - 2) / (x @ x)))
        if power > _SURE * error and abs(power - 1) < 0.1 + 2 * error < 0.5:
            grows, sign = ("falls", "−") if extent.startswith(_PER) else ("grows", "")
            how = f"their size {grows} with the number of its atoms to the power {sign}{power:.2f}"
            if best is None or left @ left < best[0] / _SAME:
                best = float(left @ left), extent, how
    return None if best is None else best[1:]


def refuse_totals(
    frames: Iterable[Frame], where: str, *, read_as: str = "eV/atom"
) -> Iterator[Frame]:
    """Pass frames through, and refuse them at their end if their energies are totals.

    Args:
        frames: the frames.
        where: name of the file in the message.
        read_as: unit in which the energies were read.

    Raises:
        LabError: if energies that count as eV/atom are totals.
    """
    counts: list[np.ndarray] = []
    energies: list[float] = []
    for frame in frames:
        if len(counts) < _MOST and frame.energy_per_atom is not None:
            counts.append(np.bincount(frame.atomic_numbers.astype(int) - 1, minlength=N_ELEMENTS))
            energies.append(frame.energy_per_atom)
        yield frame
    refuse_column(np.array(counts), np.array(energies), where, read_as=read_as)


def refuse_column(
    counts: np.ndarray,
    energies: np.ndarray,
    where: str,
    *,
    of_formulas: bool = False,
    n_atoms: np.ndarray | None = None,
    read_as: str = "eV/atom",
    field: str = "energy",
) -> None:
    """Refuse energies that count as eV/atom and are totals.

    Args:
        counts: atoms of each element of each row, (n, 94).
        energies: (n,) eV/atom, NaN where missing.
        where: file and column in the message.
        of_formulas: whether the numbers are those of the formulas as they are written.
        n_atoms: of formulas: atoms in the cell of each row, (n,), where known.
        read_as: unit in which the energies were read.
        field: what their unit is stated of.

    Raises:
        LabError: if the energies are totals.
    """
    valid = np.flatnonzero(np.isfinite(energies))[:_MOST]
    if not len(valid):
        return
    finding = extent_finding(
        counts[valid],
        energies[valid],
        of_formulas=of_formulas,
        n_atoms=None if n_atoms is None else n_atoms[valid],
        read_as=read_as,
        field=field,
    )
    if finding is not None:
        raise LabError(f"{where}: {finding.text}")


def atoms_by_extent(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the atoms in the cell and in the formula unit of each row of atom counts (n, 94)."""
    cells = counts.sum(axis=1)
    divisors = np.array([reduce(gcd, row[row > 0].astype(int).tolist()) for row in counts])
    return {"cell": cells, "formula unit": cells // divisors}
