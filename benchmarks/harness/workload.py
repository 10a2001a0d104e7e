"""The structures that every benchmark works on.

The recipe: draw a size from a gamma distribution of shape 2.2 and scale 14.5 (mean 32 atoms; cells
of density-functional data sets look like this), take a random structure of mp-structures that is no
larger, and repeat its cell, as near to a cube as can be, until it comes closest to the size. Strain
every cell by 1 % and displace every atom by 0.05 Å, so that no force is zero by symmetry. The first
two sizes are 1 and 96, so that both ends are in. Everything follows from one seed, and a smaller
set is the beginning of a larger one.

Labels: the energy is the one of mp-structures (a model's, r2SCAN); forces, stresses and magmoms are
random numbers of a usual size. No clock depends on what a label says.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from core.frames.pairs import PairSet, open_pairs
from core.frames.schema import Frame

DATA = Path(__file__).resolve().parents[2] / "data"
LARGEST = 96
"""Atoms in the largest structure."""

_SEED = 8
"""One whose first 64 structures already have 30 atoms on average."""
_SHAPE, _SCALE = 2.2, 14.5
_ENERGIES = "energy_r2scan_chgnet"


def make_frames(n: int, *, largest: int = LARGEST) -> list[Frame]:
    """Return the first n labelled frames of the recipe.

    Args:
        n: frames.
        largest: atoms in the largest one.
    """
    pairs = open_pairs(DATA / "mp-structures")
    n_atoms = pairs.table()["n_atoms"].to_numpy()
    frames = []
    for place in range(n):
        rng = np.random.default_rng([_SEED, place])
        drawn = (1, largest)[place] if place < 2 else round(rng.gamma(_SHAPE, _SCALE))
        size = min(max(drawn, 1), largest)
        row = int(rng.choice(np.flatnonzero(n_atoms <= size)))
        times = min(round(size / n_atoms[row]), largest // n_atoms[row])
        frames.append(_frame(pairs, row, int(times), place, rng))
    return frames


def embedded_frames(n: int, *, largest: int = LARGEST) -> list[Frame]:
    """Return n different structures of mp-structures, strained and displaced as in the recipe.

    Args:
        n: frames.
        largest: atoms in the largest one.
    """
    pairs = open_pairs(DATA / "mp-structures")
    n_atoms = pairs.table()["n_atoms"].to_numpy()
    rows = np.random.default_rng(_SEED).permutation(np.flatnonzero(n_atoms <= largest))[:n]
    return [
        _frame(pairs, int(row), 1, place, np.random.default_rng([_SEED, place]))
        for place, row in enumerate(rows)
    ]


def structures_of(frames: Sequence[Frame]) -> list[Structure]:
    """Return the frames as stock chgnet takes them."""
    return [
        Structure(frame.lattice, frame.atomic_numbers.tolist(), frame.frac_coords)
        for frame in frames
    ]


def _frame(pairs: PairSet, row: int, times: int, place: int, rng: np.random.Generator) -> Frame:
    """Return the structure of one row, its cell taken so many times, displaced and labelled."""
    cell = pairs.structure(row)
    if cell is None:
        raise ValueError(f"mp-structures has no structure in row {row}")
    repeats = _repeats(cell.lattice, times)
    corners = np.array(list(product(*map(range, repeats))))
    n = len(cell) * len(corners)
    frac = (cell.frac_coords[None] + corners[:, None]).reshape(n, 3) / repeats
    strain = rng.normal(0, 0.01, (3, 3))
    lattice = (cell.lattice * repeats[:, None]) @ (np.eye(3) + (strain + strain.T) / 2)
    return Frame(
        frame_id=f"{cell.frame_id}-{place}",
        material_id=f"{cell.material_id}-{place}",
        atomic_numbers=np.tile(cell.atomic_numbers, len(corners)),
        frac_coords=frac + rng.normal(0, 0.05, (n, 3)) @ np.linalg.inv(lattice),
        lattice=lattice,
        energy_per_atom=float(pairs.energy(_ENERGIES)[row]),
        forces=rng.normal(0, 0.5, (n, 3)),
        stress=_symmetric(rng.normal(0, 3, (3, 3))),
        magmoms=np.abs(rng.normal(0, 1, n)),
    )


def _repeats(lattice: NDArray[np.float64], times: int) -> NDArray[np.int64]:
    """Return how often to repeat the cell in each direction: ``times`` in all, nearest a cube."""
    lengths = np.linalg.norm(lattice, axis=1)
    ways = [
        np.array([a, b, times // (a * b)])
        for a in range(1, times + 1)
        for b in range(1, times // a + 1)
        if times % (a * b) == 0
    ]
    return min(ways, key=lambda way: float(np.ptp(np.log(lengths * way))))


def _symmetric(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return (matrix + matrix.T) / 2
