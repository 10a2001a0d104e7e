"""Predictions for any number of frames in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import PERIODIC, Frame
from core.potential.batch import collate
from core.potential.compiled_prediction import forward
from core.potential.forward import ALL_PROPERTIES, Prediction, Wanted
from core.potential.graph import HasStructure, PackedGraph, convert
from core.progress import Progress, report, silent

BUDGET = 20_000
"""Directed bonds plus angles in one batch; about 0.12 GB with forces in single precision on a
CPU, 0.5 GB where torch computes alone."""

_WINDOW = 8
"""Batches whose graphs are held at once, to be sorted by size."""


@dataclass(kw_only=True, frozen=True, slots=True)
class FramePrediction:
    """The prediction for one frame of n atoms.

    Attributes:
        energy: total energy in eV/atom, AtomRef included.
        interaction: what the network adds to AtomRef in eV/atom.
        forces: forces in eV/Å, (n, 3), or None if not requested.
        stress: stress in GPa with chgnet's sign (−0.1 × VASP's kBar), (3, 3), or None.
        magmoms: absolute magnetic moments in μB, (n,), or None.
    """

    energy: float
    interaction: float
    forces: NDArray[np.floating] | None
    stress: NDArray[np.floating] | None
    magmoms: NDArray[np.floating] | None


def predict(
    model: CHGNet,
    frames: Sequence[HasStructure],
    wanted: Wanted = ALL_PROPERTIES,
    *,
    budget: int = BUDGET,
    progress: Progress = silent,
) -> list[FramePrediction]:
    """Predict frames or graphs, in their order.

    Frames are converted as they are needed and batched with others of their size, so memory is
    bounded by ``budget``, or by the largest frame where that exceeds it.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        frames: frames or ready graphs.
        wanted: properties to predict besides the energy.
        budget: directed bonds plus angles in one batch.
        progress: reports the frames predicted, after every batch.

    Returns:
        One prediction per frame.

    Raises:
        LabError: if a frame cannot be converted (``core.potential.graph.convert``).
    """
    parameter = model.site_wise.weight
    results: dict[int, FramePrediction] = {}
    for rows, graphs in _batches(frames, budget):
        batch = collate(graphs, dtype=parameter.dtype, device=parameter.device)
        prediction = forward(model, batch, wanted)
        sizes = [graph.n_atoms for graph in graphs]
        results.update(zip(rows, split(prediction, sizes), strict=True))
        report(progress, len(results), len(frames), "Predicting frames")
    return [results[row] for row in range(len(frames))]


def _batches(
    frames: Sequence[HasStructure], budget: int
) -> Iterator[tuple[list[int], list[PackedGraph]]]:
    """Yield row numbers and graphs of batches within the budget, sorted by size in windows."""
    window: list[tuple[int, PackedGraph]] = []
    pending = 0
    for row, frame in enumerate(frames):
        graph = _graph(frame, row)
        window.append((row, graph))
        pending += graph.cost
        if pending >= _WINDOW * budget or row == len(frames) - 1:
            yield from _pack(window, budget)
            window, pending = [], 0


def _graph(frame: HasStructure, row: int) -> PackedGraph:
    """Return the frame's graph; an error names the frame."""
    if isinstance(frame, PackedGraph):
        return frame
    pbc = frame.pbc if isinstance(frame, Frame) else PERIODIC
    try:
        return convert(frame.atomic_numbers, frame.frac_coords, frame.lattice, pbc)
    except LabError as error:
        name = getattr(frame, "frame_id", row + 1)
        raise LabError(f"Frame {name}: {error}") from error


def _pack(
    window: list[tuple[int, PackedGraph]], budget: int
) -> Iterator[tuple[list[int], list[PackedGraph]]]:
    """Cut the window, sorted by cost, into batches within the budget."""
    rows: list[int] = []
    graphs: list[PackedGraph] = []
    cost = 0
    for row, graph in sorted(window, key=lambda entry: entry[1].cost):
        if rows and cost + graph.cost > budget:
            yield rows, graphs
            rows, graphs, cost = [], [], 0
        rows.append(row)
        graphs.append(graph)
        cost += graph.cost
    if rows:
        yield rows, graphs


def split(prediction: Prediction, sizes: Sequence[int]) -> Iterator[FramePrediction]:
    """Cut a batch's prediction into frames of the given numbers of atoms."""
    energy, interaction = prediction.energy.tolist(), prediction.interaction.tolist()
    forces, stress, magmoms = (
        None if tensor is None else tensor.detach().cpu().numpy()
        for tensor in (prediction.forces, prediction.stress, prediction.magmoms)
    )
    end = 0
    for row, size in enumerate(sizes):
        atoms = slice(end, end := end + size)
        yield FramePrediction(
            energy=energy[row],
            interaction=interaction[row],
            forces=None if forces is None else forces[atoms],
            stress=None if stress is None else stress[row],
            magmoms=None if magmoms is None else magmoms[atoms],
        )
