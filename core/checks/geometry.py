"""Distances between atoms: collisions, and lattices in another unit of length."""

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

from core.frames.findings import Finding
from core.frames.schema import Frame
from core.frames.store import FrameSet

_SAMPLE = 1000
"""Frames whose distances are computed; the densest ones are always among them."""

_DENSEST = 200

_LARGEST = 200
"""Atoms up to which all distances of a frame are computed."""

_COLLISION = 0.5
"""Share of the sum of two covalent radii below which atoms collide: H2 has 1.2, the shortest bonds
of the Materials Project 0.8."""

_USUAL = (0.7, 1.5)
"""Median over the frames of the shortest distance over the sum of covalent radii; in crystals and
molecules it is 0.9 to 1.1."""

_FEWEST = 5

_BOHR = 0.529177210544  # CODATA 2022

_FACTORS = {
    1 / _BOHR: "bohr were read as Å",
    _BOHR: "Å were read as bohr",
    10.0: "Å were read as nm",
    0.1: "nm were read as Å",
}

_IMAGES = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def distance_findings(data: FrameSet, rows: NDArray[np.integer]) -> list[Finding]:
    """Report atoms that collide, and structures whose unit of length looks wrong.

    Args:
        data: the data set.
        rows: rows that are checked; of many the densest ones and a sample.
    """
    small = rows[data.n_atoms()[rows] <= _LARGEST]
    if len(small) > _SAMPLE:
        densest = small[np.argsort(data.volumes_per_atom()[small], kind="stable")[:_DENSEST]]
        others = np.random.default_rng(0).permutation(np.setdiff1d(small, densest))
        small = np.sort(np.concatenate([densest, others[: _SAMPLE - len(densest)]]))
    if not len(small):
        return []
    shortest = np.array([closest(frame) for frame in map(data.frame, small)])
    median = float(np.median(shortest[:, 0]))
    if len(small) >= _FEWEST and not _USUAL[0] < median < _USUAL[1]:
        factor = min(_FACTORS, key=lambda one: abs(np.log(median / one)))
        near = abs(np.log(median / factor)) < np.log(1.35)
        looks = f", as if {_FACTORS[factor]}" if near else ""
        return [
            Finding(
                kind="length_unit",
                severity="error" if near else "warning",
                message=f"The shortest distances of the structures are {median:.2g} times the sum "
                f"of covalent radii{looks}.",
                remedy="Convert lattices and positions to Å and import the data set again.",
            )
        ]
    colliding = shortest[:, 0] < _COLLISION
    if not colliding.any():
        return []
    worst = int(np.argmin(shortest[:, 0]))
    return [
        Finding(
            kind="collision",
            severity="warning",
            message=f"{int(colliding.sum()):,} of {len(small):,} frames have atoms closer than "
            f"half the sum of their covalent radii ({shortest[worst, 1]:.2f} Å in "
            f"{data.frame(small[worst]).frame_id}).",
            remedy="Leave them out, unless they are meant to teach repulsion.",
            rows=small[colliding].tolist(),
        )
    ]


def closest(frame: Frame) -> tuple[float, float]:
    """Return the shortest distance of a frame relative to covalent radii, and in Å.

    Args:
        frame: a frame; images in the neighbouring cells count.
    """
    x = frame.frac_coords % 1.0
    shifts = (x[None, :, None] - x[:, None, None] + _IMAGES) @ frame.lattice
    distances = np.linalg.norm(shifts, axis=-1)
    # An atom is at no distance from itself; its images count.
    distances[np.arange(len(x)), np.arange(len(x)), len(_IMAGES) // 2] = np.inf
    nearest = distances.min(axis=2)
    radii = covalent_radii[frame.atomic_numbers]
    ratio = nearest / (radii[:, None] + radii)
    place = np.unravel_index(np.argmin(ratio), ratio.shape)
    return float(ratio[place]), float(nearest[place])
