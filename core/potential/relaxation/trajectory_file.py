"""A trajectory that is written step by step, so that others see it while it grows."""

from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from core.potential.relaxation.relaxed import Trajectory


class TrajectoryFile:
    """The file of one structure's relaxation; one record per geometry, of fixed size.

    Args:
        path: the file, written anew.
        n_atoms: atoms of the structure.
    """

    def __init__(self, path: Path, n_atoms: int) -> None:
        self._kind = _record(n_atoms)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(
        self,
        energy: float,
        max_force: float,
        frac_coords: NDArray[np.floating],
        lattice: NDArray[np.float64],
    ) -> None:
        """Write one geometry: eV/atom, eV/Å, (n, 3) and (3, 3) Å."""
        record = np.zeros((), self._kind)
        record["energy"], record["max_force"] = energy, max_force
        record["frac_coords"], record["lattice"] = frac_coords, lattice
        self._file.write(record.tobytes())
        self._file.flush()


def read_trajectory(path: Path, n_atoms: int) -> Trajectory | None:
    """Return the geometries that are in a file so far; None if there are none.

    Args:
        path: the file; it may be missing, and its last record may be written at this moment.
        n_atoms: atoms of the structure.
    """
    kind = _record(n_atoms)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    whole = len(content) // kind.itemsize * kind.itemsize
    if not whole:
        return None
    records = np.frombuffer(content[:whole], kind)
    return Trajectory(
        energies=records["energy"].copy(),
        max_forces=records["max_force"].copy(),
        frac_coords=records["frac_coords"].copy(),
        lattices=records["lattice"].copy(),
    )


def _record(n_atoms: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("energy", "<f8"),
            ("max_force", "<f8"),
            ("frac_coords", "<f4", (n_atoms, 3)),
            ("lattice", "<f8", (3, 3)),
        ]
    )
