"""From plain arrays to the packed graph that CHGNet works on.

The graph equals the one of chgnet's ``CrystalGraphConverter`` (CHGNet, Deng et al. 2023,
DOI 10.1038/s42256-023-00716-3): the same undirected bonds in the same order and the same angles.
Where chgnet pairs the two directions of a bond through Python objects, a sort of integer keys does
it here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.optimization.neighbors import find_points_in_spheres

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.schema import density_problem

BOND_CUTOFF = 6.0
"""Longest bond of the atom graph, Å."""
ANGLE_CUTOFF = 3.0
"""Longest bond that takes part in an angle, Å."""

MOST_BONDS = 10_000_000
"""Directed bonds of one structure: about 100,000 atoms of a dense oxide, 2 GB to convert."""
MOST_ANGLES = 10_000_000
"""Angles of one structure: about 50,000 atoms of a dense oxide."""

_SPHERE = 4 / 3 * np.pi * BOND_CUTOFF**3
_FEW_ATOMS = 500
_FEW_IMAGES = 1000
_BIN = 3.4
"""Å; two atoms in a cube of this width are within the cut-off."""

_SAME_PLACE = 1e-8
"""Distance in Å below which pymatgen takes two points for one."""

Index = NDArray[np.integer]
"""int32 from ``convert``; graphs read from a store have smaller types."""


class HasStructure(Protocol):
    """Anything with a structure, periodic unless it is a Frame that says otherwise."""

    @property
    def atomic_numbers(self) -> NDArray[np.integer]:
        """Atomic numbers, (n,)."""

    @property
    def frac_coords(self) -> NDArray[np.float64]:
        """Fractional coordinates, (n, 3)."""

    @property
    def lattice(self) -> NDArray[np.float64]:
        """Lattice vectors as rows in Å, (3, 3)."""


@dataclass(kw_only=True, frozen=True, slots=True)
class PackedGraph:
    """One structure as CHGNet sees it, in numpy arrays.

    A bond is undirected and stored once, in the direction in which the neighbour list meets it
    first: from ``bond_center`` to the atom ``bond_neighbor`` in the cell ``bond_image``. An angle
    is an ordered pair of directed bonds that leave the same atom; since only bonds within
    ``ANGLE_CUTOFF`` have angles, its legs are numbered in ``short_bonds``, and a flag says whether
    the leg runs against the stored direction.

    Attributes:
        atomic_numbers: atomic numbers, (n,).
        frac_coords: fractional coordinates, (n, 3).
        lattice: lattice vectors as rows in Å, (3, 3).
        bond_center: atom at which each bond starts, (n_bonds,).
        bond_neighbor: atom at which each bond ends, (n_bonds,).
        bond_image: cell of the end atom in lattice vectors, (n_bonds, 3).
        short_bonds: bonds that are a leg of an angle, ascending, (n_short,).
        angle_first: first leg of each angle, an index into ``short_bonds``, (n_angles,).
        angle_first_reversed: whether the first leg runs against its bond, (n_angles,).
        angle_second: second leg of each angle, an index into ``short_bonds``, (n_angles,).
        angle_second_reversed: whether the second leg runs against its bond, (n_angles,).
    """

    atomic_numbers: NDArray[np.uint8]
    frac_coords: NDArray[np.float64]
    lattice: NDArray[np.float64]
    bond_center: Index
    bond_neighbor: Index
    bond_image: Index
    short_bonds: Index
    angle_first: Index
    angle_first_reversed: NDArray[np.bool_]
    angle_second: Index
    angle_second_reversed: NDArray[np.bool_]

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atomic_numbers)

    @property
    def cost(self) -> int:
        """Directed bonds plus angles: what time and memory of the network grow with."""
        return 2 * len(self.bond_center) + len(self.angle_first)


def convert(
    atomic_numbers: ArrayLike,
    frac_coords: ArrayLike,
    lattice: ArrayLike,
    pbc: Sequence[bool] = (True, True, True),
) -> PackedGraph:
    """Build the graph of one structure.

    Args:
        atomic_numbers: atomic numbers, (n,).
        frac_coords: fractional coordinates, (n, 3); need not lie in the first cell.
        lattice: lattice vectors as rows in Å, (3, 3).
        pbc: whether the structure is periodic along each lattice vector, as in chgnet's.

    Returns:
        The graph with bonds up to 6 Å and angles between bonds up to 3 Å.

    Raises:
        LabError: if an array has the wrong shape or is not finite, the lattice is flat, an element
            is not among H–Pu, two atoms coincide, or an atom has no neighbour within 6 Å (the stock
            converter refuses these too: CHGNet has no meaning there).
    """
    numbers, frac, cell = _checked(atomic_numbers, frac_coords, lattice)
    # One product of vector and matrix per atom, as in pymatgen: the last digit of a coordinate
    # decides in which cell an atom on a face lies, and with it the order of the bonds.
    positions = np.ascontiguousarray((frac[:, None, :] @ cell)[:, 0])
    center, neighbor, image, distance = _directed_bonds(positions, cell, pbc)
    alone = np.flatnonzero(np.bincount(center, minlength=len(numbers)) == 0)
    if len(alone):
        raise LabError(
            f"Atom {alone[0] + 1} of the structure has no neighbour within {BOND_CUTOFF:g} Å, where"
            " CHGNet has no meaning; leave this structure out."
        )
    forward, backward = _pair_directions(center, neighbor, image, len(numbers))
    return PackedGraph(
        atomic_numbers=numbers,
        frac_coords=frac,
        lattice=cell,
        bond_center=center[forward].astype(np.int32),
        bond_neighbor=neighbor[forward].astype(np.int32),
        bond_image=image[forward].astype(np.int32),
        **_angles(center, distance, forward, backward),
    )


def _checked(
    atomic_numbers: ArrayLike, frac_coords: ArrayLike, lattice: ArrayLike
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """Return the three arrays in the types used here, or raise LabError if one is invalid."""
    numbers = np.asarray(atomic_numbers)
    frac = np.ascontiguousarray(frac_coords, dtype=np.float64)
    cell = np.ascontiguousarray(lattice, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) == 0 or frac.shape != (len(numbers), 3):
        raise LabError(
            f"The structure has {numbers.shape} atomic numbers and {frac.shape} coordinates; "
            "give at least one atom and three fractional coordinates for each."
        )
    if numbers.min() < 1 or numbers.max() > N_ELEMENTS:
        raise LabError(
            f"The structure has atomic number {numbers[(numbers < 1) | (numbers > N_ELEMENTS)][0]};"
            " CHGNet knows 1 (H) to 94 (Pu), so leave this structure out."
        )
    if cell.shape != (3, 3) or not np.isfinite(cell).all() or not np.isfinite(frac).all():
        raise LabError(
            "The structure's lattice or coordinates are not finite 3-vectors; correct them."
        )
    volume = abs(float(np.linalg.det(cell)))
    if volume < 1e-6:
        raise LabError("The structure's lattice vectors span no volume; correct the lattice.")
    if problem := density_problem(len(numbers), volume):
        raise LabError(f"The structure {problem}; correct its lattice.")
    n_bonds = _estimated_bonds(frac, cell, volume)
    if n_bonds > MOST_BONDS:
        raise LabError(
            f"The {len(numbers):,} atoms of the structure have about {n_bonds:,.0f} neighbours "
            f"within {BOND_CUTOFF:g} Å, and at most {MOST_BONDS:,} are computed; give a smaller "
            "cell, or correct its lattice."
        )
    return numbers.astype(np.uint8), frac, cell


def _estimated_bonds(frac: NDArray[np.float64], cell: NDArray[np.float64], volume: float) -> float:
    """Estimate the number of directed bonds, or of cells to be searched if that is larger.

    It is proportional to the sum over small bins of the square of their atoms, so that clusters in
    large cells count as well.

    Args:
        frac: fractional coordinates, (n, 3).
        cell: lattice vectors as rows in Å, (3, 3).
        volume: volume of the cell, Å³.
    """
    n = len(frac)
    a, b, c = (float(np.dot(row, row)) ** 0.5 for row in cell)
    # A height of the cell is its volume by the area of a face, which is at most a product of sides.
    heights = np.array([volume / (b * c), volume / (a * c), volume / (a * b)])
    images = float(np.prod(2 * np.ceil(BOND_CUTOFF / heights) + 1))
    if n <= _FEW_ATOMS and images < _FEW_IMAGES:
        return n * n * _SPHERE / volume
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    images = float(np.prod(2 * np.ceil(BOND_CUTOFF / heights) + 1))
    bins = np.clip(heights / _BIN, 1, 1000).astype(int)
    place = np.minimum((frac - np.floor(frac)) * bins, bins - 1).astype(int)
    code = (place[:, 0] * bins[1] + place[:, 1]) * bins[2] + place[:, 2]
    counts = np.unique(code, return_counts=True)[1].astype(np.float64)
    pairs = float((counts**2).sum()) * _SPHERE * float(np.prod(bins)) / volume
    return max(pairs, n * images / _FEW_IMAGES)


def _directed_bonds(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: Sequence[bool]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """List every pair of an atom and a neighbour within the cut-off, as pymatgen does.

    Args:
        positions: Cartesian coordinates in Å, contiguous, (n, 3).
        cell: lattice vectors as rows in Å, (3, 3).
        pbc: whether the structure is periodic along each lattice vector.

    Returns:
        Atom, neighbour, cell of the neighbour (n_directed, 3) and distance in Å of each pair.
    """
    center, neighbor, image, distance = find_points_in_spheres(
        positions,
        positions,
        r=BOND_CUTOFF,
        pbc=np.array(pbc, dtype=np.int64),
        lattice=cell,
        tol=_SAME_PLACE,
    )
    apart = distance > _SAME_PLACE
    coincident = np.flatnonzero(~apart & (center != neighbor))
    if len(coincident):
        pair = coincident[0]
        raise LabError(
            f"Atoms {center[pair] + 1} and {neighbor[pair] + 1} of the structure are at the same "
            "place; remove one of them."
        )
    return center[apart], neighbor[apart], image[apart].astype(np.int64), distance[apart]


def _pair_directions(
    center: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    image: NDArray[np.int64],
    n_atoms: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the two directed bonds of every undirected bond.

    The reverse of the directed bond (i, j, image) is (j, i, −image). Both get one key, the smaller
    of the two bonds' codes, so that a stable sort puts them side by side, the earlier one first.

    Returns:
        Indices of the directed bonds that come first and of their reverses, both (n_bonds,), in
        the order in which the bonds first appear, which is the order of the stock converter.
    """
    span = int(np.abs(image).max()) + 1
    base = 2 * span
    offset = ((image + span) * (base * base, base, 1)).sum(axis=1)
    opposite = ((span - image) * (base * base, base, 1)).sum(axis=1)
    code = (center * n_atoms + neighbor) * base**3 + offset
    reverse_code = (neighbor * n_atoms + center) * base**3 + opposite
    key = np.minimum(code, reverse_code)
    order = np.argsort(key, kind="stable")
    forward, backward = order[0::2], order[1::2]
    if len(forward) != len(backward) or not np.array_equal(key[forward], key[backward]):
        raise LabError(
            f"A bond of the structure is {BOND_CUTOFF:g} Å long to the last digit and is seen from "
            "one end only; shift an atom by 1e-6 Å."
        )
    appearance = np.argsort(forward)
    return forward[appearance], backward[appearance]


def _angles(
    center: NDArray[np.int64],
    distance: NDArray[np.float64],
    forward: NDArray[np.int64],
    backward: NDArray[np.int64],
) -> dict[str, NDArray[Any]]:
    """List all ordered pairs of different short directed bonds that leave one atom.

    The stock converter admits a first leg up to and including the cut-off (by the length of the
    bond) and a second leg below it (by the length of the directed bond); the same is done here,
    though a bond at the cut-off carries no weight.

    Args:
        center: atom that each directed bond leaves, (n_directed,).
        distance: length of each directed bond, (n_directed,).
        forward: first directed bond of each bond, (n_bonds,).
        backward: second directed bond of each bond, (n_bonds,).

    Returns:
        ``short_bonds``, ``angle_first``, ``angle_first_reversed``, ``angle_second`` and
        ``angle_second_reversed`` of a ``PackedGraph``, ordered by first leg, so that sums over
        the angles of a bond run through memory in order.
    """
    n_bonds = len(forward)
    bond = np.empty(2 * n_bonds, dtype=np.int64)
    bond[forward] = bond[backward] = np.arange(n_bonds)
    reversed_ = np.zeros(2 * n_bonds, dtype=bool)
    reversed_[backward] = True

    firsts = np.stack([forward, backward], axis=1)[distance[forward] <= ANGLE_CUTOFF].ravel()
    seconds = np.flatnonzero(distance < ANGLE_CUTOFF)
    seconds = seconds[np.argsort(center[seconds], kind="stable")]
    # seconds of one atom are now contiguous: atom a owns starts[a] : starts[a] + counts[a]
    counts = np.bincount(center[seconds], minlength=center.max() + 1)
    n_angles = int(counts[center[firsts]].sum())
    if n_angles > MOST_ANGLES:
        raise LabError(
            f"The structure has {n_angles:,} angles between bonds within {ANGLE_CUTOFF:g} Å, and at"
            f" most {MOST_ANGLES:,} are computed; give a smaller cell, or correct its coordinates."
        )
    starts = np.cumsum(counts) - counts

    repeats = counts[center[firsts]]
    first = np.repeat(firsts, repeats)
    within = np.arange(len(first)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    second = seconds[within + np.repeat(starts[center[firsts]], repeats)]
    different = first != second
    first, second = first[different], second[different]

    is_leg = np.zeros(n_bonds, dtype=bool)
    is_leg[bond[first]] = is_leg[bond[second]] = True
    short = np.flatnonzero(is_leg)
    number = np.empty(n_bonds, dtype=np.int32)
    number[short] = np.arange(len(short))
    return {
        "short_bonds": short.astype(np.int32),
        "angle_first": number[bond[first]],
        "angle_first_reversed": reversed_[first],
        "angle_second": number[bond[second]],
        "angle_second_reversed": reversed_[second],
    }
