"""Rock salt, and small salts with made-up energies, on which a training takes a moment."""

from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from core.frames.schema import Card, Frame
from core.frames.store import write_frames

PAIRS = [(11, 17), (19, 17), (12, 8), (11, 9), (3, 9), (20, 8), (19, 9), (3, 17), (12, 16)]
"""Atomic numbers of their two atoms."""


def rock_salt(edge: float, cation: str = "Na", anion: str = "Cl") -> Structure:
    """Return the conventional cell of eight atoms, edge in Å, cations first.

    Written out: pymatgen takes a second of a processor for the 192 operations of Fm-3m.
    """
    face_centred = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Structure(
        Lattice.cubic(edge),
        [cation] * 4 + [anion] * 4,
        np.concatenate([face_centred, (face_centred + 0.5) % 1]),
    )


def write_salts(home: Path, n: int = 18, *, forces: bool = False) -> None:
    """Write n frames of n materials, with energies, as the data set "tiny" of a lab's home."""
    rng = np.random.default_rng(3)
    frames = (
        Frame(
            frame_id=f"f{number}",
            material_id=f"m{number}",
            atomic_numbers=np.array(pair, dtype=np.uint8),
            frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
            lattice=np.diag(rng.uniform(3.2, 3.8, 3)),
            energy_per_atom=-10.0 - pair[0] / 10 - pair[1] / 5,
            forces=rng.normal(0, 0.1, (2, 3)) if forces else None,
        )
        for number, pair in enumerate((PAIRS * n)[:n])
    )
    card = Card(name="tiny", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(home / "datasets" / "tiny", card, frames)
