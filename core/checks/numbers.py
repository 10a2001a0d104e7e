"""Labels that cannot be right, seen in the numbers of every frame; no network is asked."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.frames.findings import Finding
from core.frames.store import FrameSet
from core.progress import Progress, report, silent

_NET = 0.05
"""eV/Å per atom that the forces of one frame may sum to: drift that a code has left is below it."""

_SKEW = 1.0
"""GPa by which a stress tensor may differ from its transpose."""

_MAGNETIC = 12.0
"""μB, above the moment of any atom."""

_FEWEST = 3
"""Frames with one energy, to its last digit, from which it counts as a placeholder."""

_OFTEN = 0.1
"""Share of the frames from which a fault of single labels is one of the data set."""

# Reciprocal lattice vectors whose structure factors tell one arrangement of atoms from another.
_PLANES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [1, 2, 3]])

_DIGITS = 3
"""Decimals of Å² and of structure factors to which equal structures agree."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Scan:
    """Numbers of the n frames of a data set that follow from their arrays.

    Attributes:
        net_force: length of the sum of the forces per atom, (n,) eV/Å, NaN without forces.
        skew: largest difference of the stress tensor from its transpose, (n,) GPa, NaN without.
        magmom: largest |magmom|, (n,) μB, NaN without.
        structure: equal for equal structures, whatever the order and the origin of their atoms,
            (n,) integers.
    """

    net_force: NDArray[np.float64]
    skew: NDArray[np.float64]
    magmom: NDArray[np.float64]
    structure: NDArray[np.uint64]


def scan(data: FrameSet, progress: Progress = silent) -> Scan:
    """Read every frame of a data set once, some seconds per million frames of few atoms.

    Args:
        data: the data set.
        progress: receives the share that is done.
    """
    n = len(data)
    net, skew, magmom = np.full((3, n), np.nan)
    structure = np.zeros(n, np.uint64)
    for start, batch in data.batches():
        part = slice(start, start + batch.num_rows)
        net[part] = _net_forces(batch.column("forces"))
        skew[part] = _skews(batch.column("stress"))
        magmom[part] = _largest(batch.column("magmoms"))
        structure[part] = _structures(batch)
        report(progress, start, n, "Reading frames")
    return Scan(net_force=net, skew=skew, magmom=magmom, structure=structure)


def number_findings(data: FrameSet, seen: Scan, rows: NDArray[np.integer]) -> list[Finding]:
    """Report placeholders, forces that do not sum to zero, and tensors that are not symmetric.

    Args:
        data: the data set.
        seen: its `scan`.
        rows: rows of it that are checked.
    """
    found = [
        placeholder_finding(data.energies(), data.formulas(), rows),
        _beyond(
            seen.net_force,
            _NET,
            rows,
            kind="net_force",
            what="forces that do not sum to zero (more than {limit:g} eV/Å per atom; the largest "
            "sum {most:.2g})",
            remedy="Forces of some atoms are missing, fixed or in another order than the atoms; "
            "import them again, or leave these frames out.",
        ),
        _beyond(
            seen.skew,
            _SKEW,
            rows,
            kind="stress_symmetry",
            what="a stress that is not symmetric (by up to {most:.3g} GPa)",
            remedy="Check the order of its components and import it again.",
        ),
        _beyond(
            seen.magmom,
            _MAGNETIC,
            rows,
            kind="magmom_size",
            what="a magnetic moment above {limit:g} μB (up to {most:.3g} μB)",
            remedy="Check their unit, or leave these frames out.",
        ),
    ]
    return [finding for finding in found if finding is not None]


def _beyond(
    values: NDArray[np.float64],
    limit: float,
    rows: NDArray[np.integer],
    *,
    kind: str,
    what: str,
    remedy: str,
) -> Finding | None:
    """Return the finding of frames above a limit; None if there are none."""
    known = rows[np.isfinite(values[rows])]
    bad = known[values[known] > limit]
    if not len(bad):
        return None
    text = what.format(limit=limit, most=float(values[bad].max()))
    return Finding(
        kind=kind,
        severity="error" if len(bad) > _OFTEN * len(known) else "warning",
        message=f"{len(bad):,} of {len(known):,} frames have {text}.",
        remedy=remedy,
        rows=bad.tolist(),
    )


def placeholder_finding(
    energies: NDArray[np.float64], formulas: NDArray[np.object_], rows: NDArray[np.integer]
) -> Finding | None:
    """Report energies that stand for a missing value; None if there are none.

    Args:
        energies: of all rows of a data set, eV/atom.
        formulas: of all rows.
        rows: those that are checked.
    """
    energies = energies[rows]
    rows, energies = rows[np.isfinite(energies)], energies[np.isfinite(energies)]
    values, place, counts = np.unique(energies, return_inverse=True, return_counts=True)
    # Copies of one structure share their energy; several materials never do, to the last digit.
    suspects = [
        i
        for i in np.flatnonzero((counts >= _FEWEST) | (values == 0.0))
        if values[i] == 0.0 or len(np.unique(formulas[rows[place == i]])) > 1
    ]
    if not suspects:
        return None
    bad = np.isin(place, suspects)
    named = ", ".join(f"{values[i]:g}" for i in suspects[:3])
    return Finding(
        kind="energy_placeholder",
        severity="error",
        message=f"{int(bad.sum()):,} of {len(rows):,} energies are exactly {named} eV/atom, as "
        "if missing values had been filled in.",
        remedy="Leave these frames out, or import them without an energy.",
        rows=rows[bad].tolist(),
    )


def _net_forces(forces: pa.ListArray) -> NDArray[np.float64]:
    vectors = forces.flatten().flatten().to_numpy().reshape(-1, 3)
    sums, sizes = _sums(forces, vectors)
    return np.asarray(np.linalg.norm(sums, axis=1) / sizes)


def _sums(
    lists: pa.ListArray, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
    """Return the sum of each list's values, NaN for one that is missing, and the lengths."""
    sizes = lists.value_lengths().fill_null(0).to_numpy()
    filled = np.flatnonzero(sizes)
    sums = np.full((len(sizes), *values.shape[1:]), np.nan)
    if len(filled):
        # Missing lists take no place in the flattened values.
        starts = np.concatenate([[0], np.cumsum(sizes[filled])[:-1]])
        sums[filled] = np.add.reduceat(values, starts, axis=0)
    return sums, np.maximum(sizes, 1)


def _skews(stress: pa.FixedSizeListArray) -> NDArray[np.float64]:
    tensors = stress.flatten().to_numpy().reshape(-1, 3, 3)
    valid = stress.is_valid().to_numpy(zero_copy_only=False)
    skews = np.full(len(valid), np.nan)
    skews[valid] = np.abs(tensors - tensors.transpose(0, 2, 1)).max(axis=(1, 2), initial=0.0)
    return skews


def _largest(magmoms: pa.ListArray) -> NDArray[np.float64]:
    values = np.abs(magmoms.flatten().to_numpy())
    sizes = magmoms.value_lengths().fill_null(0).to_numpy()
    filled = np.flatnonzero(sizes)
    largest = np.full(len(sizes), np.nan)
    if len(filled):
        starts = np.concatenate([[0], np.cumsum(sizes[filled])[:-1]])
        largest[filled] = np.maximum.reduceat(values, starts)
    return largest


def _structures(batch: pa.RecordBatch) -> NDArray[np.uint64]:
    """Return one number per structure, from its metric tensor and its structure factors."""
    lattice = batch.column("lattice").flatten().to_numpy().reshape(-1, 3, 3)
    metric = np.einsum("nij,nkj->nik", lattice, lattice)
    atoms = batch.column("atomic_numbers")
    numbers = atoms.flatten().to_numpy().astype(np.float64)
    coords = batch.column("frac_coords").flatten().flatten().to_numpy().reshape(-1, 3)
    waves = numbers[:, None] * np.exp(2j * np.pi * (coords @ _PLANES.T))
    factors, sizes = _sums(atoms, np.column_stack([waves.real, waves.imag, numbers]))
    k = len(_PLANES)
    moduli = np.hypot(factors[:, :k], factors[:, k : 2 * k])
    # The average over the atoms is as exact for large cells as for small ones.
    marks = np.column_stack([metric.reshape(-1, 9), moduli / sizes[:, None], factors[:, -1], sizes])
    rounded = np.rint(marks * 10**_DIGITS).astype(np.int64).view(np.uint64)
    key = np.zeros(len(rounded), np.uint64)
    for column in rounded.T:  # the mixing step of splitmix64
        key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    return key
