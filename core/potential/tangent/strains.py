"""Gradient rows of stresses: how the energy of strained copies changes with the parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.units import EV_PER_A3
from core.potential.graph import PackedGraph, convert
from core.potential.tangent.rows import AMPLITUDE, Rows, energy_rows
from core.progress import Progress, silent

STRAIN = 0.02
"""Standard deviation of each component of the strain: atoms 2.5 Å apart then move by 0.05 Å
against each other, as in rattled copies (`core.potential.tangent.rows.AMPLITUDE`)."""


def strain_rows(
    model: CHGNet,
    graphs: Sequence[PackedGraph],
    at: Rows,
    changes: Sequence[NDArray[np.floating] | None],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """Return what labelled stresses say of the parameters, along one random strain per structure.

    A pair of copies is strained by ε and −ε. Half the difference of their energies is V σ:ε, and
    half the sum, less the energy as it is, the change by the elastic constants, which are to stay.
    Both are divided by the length of a rattled copy's displacement, AMPLITUDE √(3N), and so are
    rows as those of `core.potential.tangent.rows.tilt_rows`, in eV/Å.

    Args:
        model: a CHGNet of the released architecture.
        graphs: the structures.
        at: their energy rows.
        changes: by how much the stress (3, 3) of each is to change, GPa; None where it is not
            labelled.
        seed: seed of the strains.
        progress: reports the copies done.

    Returns:
        Rows (2 m, size of the parameter) by name, and what they are to be, (2 m,) eV/Å, of the m
        structures whose stress is labelled: first all differences, then all sums.
    """
    pairs: list[PackedGraph] = []
    places: list[int] = []
    said: list[float] = []
    for place, change in enumerate(changes):
        if change is None:
            continue
        graph = graphs[place]
        strain = _strain(seed, place)
        try:
            copies = [_strained(graph, sign * strain) for sign in (1.0, -1.0)]
        except LabError:
            continue  # an atom at the edge of its last neighbor's reach
        pairs += copies
        places.append(place)
        volume = abs(float(np.linalg.det(graph.lattice)))
        work = volume * float((change / EV_PER_A3 * strain).sum())
        said.append(work / (AMPLITUDE * np.sqrt(3.0 * graph.n_atoms)))
    moved = energy_rows(model, pairs, progress=progress, what="Strained copies").gradients
    atoms = np.array([graphs[place].n_atoms for place in places])
    scale = (np.sqrt(atoms / 3.0) / AMPLITUDE)[:, None]
    rows: dict[str, NDArray[Any]] = {}
    for name, values in moved.items():
        plus, minus = values[0::2], values[1::2]
        factor = scale.astype(values.dtype)
        odd = 0.5 * (plus - minus) * factor
        even = (0.5 * (plus + minus) - at.gradients[name][places]) * factor
        rows[name] = np.concatenate([odd, even])
    return rows, np.concatenate([said, np.zeros(len(said))])


def _strain(seed: int, place: int) -> NDArray[np.float64]:
    """Return a random symmetric strain, (3, 3)."""
    drawn = np.random.default_rng([seed, 1_000_003, place]).normal(0.0, STRAIN, (3, 3))
    return 0.5 * (drawn + drawn.T)


def _strained(graph: PackedGraph, strain: NDArray[np.float64]) -> PackedGraph:
    lattice = graph.lattice @ (np.eye(3) + strain)
    return convert(graph.atomic_numbers, graph.frac_coords, lattice)
