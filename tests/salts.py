"""Small salts with made-up energies, on which a training takes a moment."""

from pathlib import Path

import numpy as np

from core.frames.schema import Card, Frame
from core.frames.store import write_frames

PAIRS = [(11, 17), (19, 17), (12, 8), (11, 9), (3, 9), (20, 8), (19, 9), (3, 17), (12, 16)]
"""Atomic numbers of their two atoms."""


def write_salts(home: Path, n: int = 18) -> None:
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
        )
        for number, pair in enumerate((PAIRS * n)[:n])
    )
    card = Card(name="tiny", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(home / "datasets" / "tiny", card, frames)
