"""Frames as the network takes them: a graph with its labels, read on demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from core.frames.schema import Frame, Structures
from core.potential.graph import PackedGraph, convert
from core.potential.graphs.store import GraphTable, find_graphs
from core.progress import Progress, silent


@dataclass(kw_only=True, frozen=True, slots=True)
class Example:
    """One frame as training sees it.

    Attributes:
        index: row in the data set.
        frame_id: the frame's name, for messages.
        graph: the converted structure.
        energy: eV/atom, NaN where missing.
        forces: (n, 3) eV/Å, or None.
        stress: (3, 3) GPa, or None.
        magmoms: (n,) |μB|, or None.
        weight: weight of the frame in a loss.
    """

    index: int
    frame_id: str
    graph: PackedGraph
    energy: float
    forces: NDArray[np.float32] | None
    stress: NDArray[np.float32] | None
    magmoms: NDArray[np.float32] | None
    weight: float = 1.0

    @property
    def n_atoms(self) -> int:
        """Return the number of atoms."""
        return len(self.graph.atomic_numbers)

    def label(self, kind: str) -> NDArray[np.floating] | None:
        """Return the label of one kind, or None where the frame has none.

        Args:
            kind: energy (a 0-d array), force, stress or magmom.
        """
        if kind == "energy":
            return None if np.isnan(self.energy) else np.asarray(self.energy)
        return {"force": self.forces, "stress": self.stress, "magmom": self.magmoms}[kind]

    def contribution(self, energies: NDArray[np.float64]) -> float:
        """Return the AtomRef contribution in eV/atom, in double precision.

        Args:
            energies: AtomRef, (94,) eV/atom.
        """
        return float(energies[self.graph.atomic_numbers.astype(np.int64) - 1].mean())


def example(index: int, frame: Frame, graph: PackedGraph | None = None) -> Example:
    """Return a frame's labels with its graph.

    Args:
        index: row in the data set.
        frame: the frame.
        graph: its graph; None converts the structure.

    Raises:
        LabError: if the structure has no graph, e.g. because an atom has no neighbour.
    """

    def single(label: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
        return None if label is None else np.asarray(label, dtype=np.float32)

    energy = frame.energy_per_atom
    if graph is None:
        graph = convert(frame.atomic_numbers, frame.frac_coords, frame.lattice)
    return Example(
        index=index,
        frame_id=frame.frame_id,
        graph=graph,
        energy=float("nan") if energy is None else float(energy),
        forces=single(frame.forces),
        stress=single(frame.stress),
        magmoms=single(frame.magmoms),
    )


@dataclass(kw_only=True, frozen=True, slots=True)
class Examples(Sequence[Example]):
    """Some frames of a data set, each read on access; a slice reads a list of them.

    A row without a structure is left out. So is a frame that CHGNet cannot represent (an atom
    without a neighbour within 6 Å), and `left_out` says so.

    Attributes:
        rows: rows of the data set, (n,).
        costs: `PackedGraph.cost` of each, (n,).
        left_out: reason by frame id.
    """

    rows: NDArray[np.int64]
    costs: NDArray[np.int64]
    left_out: Mapping[str, str]
    _structures: Structures
    _graphs: GraphTable
    _places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, position: int) -> Example: ...

    @overload
    def __getitem__(self, position: slice) -> list[Example]: ...

    def __getitem__(self, position: int | slice) -> Example | list[Example]:
        if isinstance(position, slice):
            return [self[row] for row in range(*position.indices(len(self)))]
        row, place = int(self.rows[position]), int(self._places[position])
        (frame,) = self._structures.frames([row])
        if frame is None:
            raise IndexError(row)
        return example(row, frame, self._graphs.graph(place, frame))


def load_examples(
    structures: Structures,
    rows: NDArray[np.integer] | Sequence[int],
    progress: Progress = silent,
) -> Examples:
    """Find the graphs of these rows or convert their structures; see `find_graphs`.

    Args:
        structures: the data set.
        rows: rows of it.
        progress: reports the structures converted.

    Returns:
        The examples in the order of `rows`, without those left out.

    Raises:
        LabError: if many graphs are wanted and the disk is too full for them.
    """
    indices = np.asarray(rows, dtype=np.int64)
    graphs, places = find_graphs(structures, indices, progress)
    costs = graphs.costs(places)
    represented = costs > 0
    left_out = {}
    for row, place in zip(indices[~represented], places[~represented], strict=True):
        (frame,) = structures.frames([int(row)])
        if frame is not None:
            left_out[frame.frame_id] = graphs.left_out[int(place)]
    return Examples(
        rows=indices[represented],
        costs=costs[represented],
        left_out=left_out,
        _structures=structures,
        _graphs=graphs,
        _places=places[represented],
    )
