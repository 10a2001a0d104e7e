"""Cells of records as the network needs them: periodic, with vacuum where a structure is not."""

from typing import Final

import numpy as np
from ase.geometry import complete_cell

from core.frames.sources.records import Record
from core.frames.tables.structures import REACH, Cell, check_cell, in_box
from core.frames.tables.tabular import CellError

_ENLARGED: Final = (
    f"not periodic in every direction, in a cell enlarged to {2 * REACH:g} Å of vacuum; stress "
    "times volume is kept"
)


def cell_of_record(record: Record) -> tuple[Cell, float | None]:
    """Return the structure of a record, and the factor of its stress.

    The factor is None where the structure has no stress, as a molecule.

    Raises:
        CellError: if it has no atoms, no coordinates or no volume.
    """
    if record.lattice is None or not any(record.pbc):
        return in_box(record.atomic_numbers, _positions(record)), None
    coords, lattice = record.frac_coords, record.lattice
    notes: tuple[str, ...] = ()
    factor: float | None = 1.0
    if not all(record.pbc):
        lattice, factor = with_vacuum(lattice, _positions(record), record.pbc)
        if factor != 1.0:
            coords, notes = None, (_ENLARGED,)
    if coords is None:
        try:
            coords = np.linalg.solve(lattice.T, _positions(record).T).T
        except np.linalg.LinAlgError:
            raise CellError("the structure's cell has no volume") from None
    cell = Cell(
        atomic_numbers=record.atomic_numbers,
        frac_coords=coords,
        lattice=lattice,
        pbc=record.pbc,
        notes=notes,
    )
    return check_cell(cell), factor


def with_vacuum(
    lattice: np.ndarray, positions: np.ndarray, pbc: tuple[bool, bool, bool]
) -> tuple[np.ndarray, float | None]:
    """Return a cell in which the network sees no image in directions without periodicity.

    The network repeats every cell in every direction. Where a direction has no images in the
    calculation, a longer lattice vector changes neither energy nor forces, and stress times volume,
    the derivative of the energy with respect to strain, stays as it is.

    Args:
        lattice: lattice vectors as rows, (3, 3), Å; those of open directions may be zero.
        positions: Cartesian coordinates, (n, 3), Å.
        pbc: whether the structure is periodic along each lattice vector.

    Returns:
        The lattice vectors, as they are where images are out of reach, and the factor for the
        stress: the old volume over the new one, None where the old cell had no volume.
    """
    is_open = ~np.array(pbc)
    has_vector = np.linalg.norm(lattice, axis=1) > 1e-6
    if not is_open.any() or not has_vector[~is_open].all():
        return lattice, 1.0
    cell = np.array(complete_cell(lattice)) if not has_vector.all() else lattice.copy()
    volume = abs(np.linalg.det(cell))
    if volume < 1e-6 or not np.isfinite(positions).all():
        return lattice, 1.0
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    extents = np.ptp(positions @ np.linalg.inv(cell), axis=0) * heights
    is_near = is_open & (~has_vector | (heights - extents < REACH))
    cell[is_near] *= ((extents + 2 * REACH) / heights)[is_near, None]
    if not has_vector.all():
        return cell, None
    return cell, float(volume / abs(np.linalg.det(cell))) if is_near.any() else 1.0


def _positions(record: Record) -> np.ndarray:
    if record.positions is not None:
        return record.positions
    if record.frac_coords is None or record.lattice is None:
        raise CellError("the structure has no coordinates")
    return np.asarray(record.frac_coords @ record.lattice)
