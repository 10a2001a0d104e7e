"""How far training has moved forces that it had no labels for."""

from dataclasses import replace

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import Frame
from core.frames.store import FrameSet
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph, convert
from core.potential.prediction import predict

DISPLACEMENT = 0.1
"""Standard deviation of the displacements, Å: that of atoms at some hundred kelvins."""

_FRAMES = 16
_ATOMS = 40
"""Frames that are displaced, and atoms of one up to which it is taken first: a second's work."""


def displaced(frame: Frame, seed: int) -> Frame:
    """Return a copy of a frame whose atoms are displaced at random."""
    steps = np.random.default_rng(seed).normal(0.0, DISPLACEMENT, (len(frame), 3))
    return replace(frame, frac_coords=frame.frac_coords + steps @ np.linalg.inv(frame.lattice))


def force_drift(
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    *,
    pretrained: CHGNet,
    trained: CHGNet,
) -> dict[str, float | int] | None:
    """Compare forces with the pretrained model's on displaced training structures.

    Args:
        frame_set: the data set.
        rows: the training frames.
        pretrained: the model that training started from.
        trained: the best model of the run.

    Returns:
        n_frames; after_mev_per_angstrom, the mean |difference| of the components (0 before
        training, for a new AtomRef moves no force); size_mev_per_angstrom, their mean size. None
        if no structure can be displaced.
    """
    order = np.random.default_rng(0).permutation(rows)
    small = frame_set.n_atoms()[order] <= _ATOMS
    chosen = np.concatenate([order[small], order[~small]])[:_FRAMES]
    graphs: list[PackedGraph] = []
    for row, frame in zip(chosen.tolist(), frame_set.frames(chosen), strict=True):
        moved = displaced(frame, row)
        try:
            graphs.append(
                convert(moved.atomic_numbers, moved.frac_coords, moved.lattice, moved.pbc)
            )
        except LabError:
            continue
    if not graphs:
        return None
    expected, found = (_forces(model, graphs) for model in (pretrained, trained))
    return {
        "n_frames": len(graphs),
        "after_mev_per_angstrom": 1000 * float(np.abs(found - expected).mean()),
        "size_mev_per_angstrom": 1000 * float(np.abs(expected).mean()),
    }


def _forces(model: CHGNet, graphs: list[PackedGraph]) -> NDArray[np.float64]:
    """Return the forces on all atoms, (N, 3) eV/Å."""
    with torch.no_grad():
        predictions = predict(model, graphs, Wanted.of(["force"]))
    forces = [found.forces for found in predictions if found.forces is not None]
    return np.concatenate(forces).astype(np.float64)
