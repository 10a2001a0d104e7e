"""Frames made ready for the network: who trains on what, in which order, converted once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import Frame, Structures
from core.frames.splits import Split, training_subset
from core.frames.store import FrameSet
from core.potential.graph import PackedGraph, convert
from core.transfer.config import RunConfig

LABELS = ("energy", "force", "stress", "magmom")
"""The kinds of label, in the order in which they are always listed."""

ProgressCallback = Callable[[int, int], object]
"""Called with (done, total)."""

_CHUNK = 256
"""Frames converted between two calls of a progress callback."""


def within(progress: ProgressCallback | None, begin: int, total: int) -> ProgressCallback | None:
    """Return a callback for a part of some work that tells its progress within the whole.

    Args:
        progress: the callback for the whole.
        begin: what was done before this part.
        total: the whole.
    """
    if progress is None:
        return None
    return lambda done, _: progress(begin + done, total)


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
    """

    index: int
    frame_id: str
    graph: PackedGraph
    energy: float
    forces: NDArray[np.float32] | None
    stress: NDArray[np.float32] | None
    magmoms: NDArray[np.float32] | None

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


def example(index: int, frame: Frame) -> Example:
    """Convert one frame.

    Raises:
        LabError: if the structure has no graph, e.g. because an atom has no neighbour.
    """

    def single(label: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
        return None if label is None else np.asarray(label, dtype=np.float32)

    energy = frame.energy_per_atom
    return Example(
        index=index,
        frame_id=frame.frame_id,
        graph=convert(frame.atomic_numbers, frame.frac_coords, frame.lattice),
        energy=float("nan") if energy is None else float(energy),
        forces=single(frame.forces),
        stress=single(frame.stress),
        magmoms=single(frame.magmoms),
    )


@dataclass(kw_only=True, slots=True)
class ExampleCache:
    """Converted frames of one data set, kept in memory.

    A row without a structure is left out. So is a frame that CHGNet cannot represent (an atom
    without a neighbour within 6 Å), and `left_out` says so.

    Attributes:
        frame_set: where frames come from.
        left_out: reason by frame id.
    """

    frame_set: Structures
    left_out: dict[str, str] = field(default_factory=dict)
    _held: dict[int, Example | None] = field(default_factory=dict)

    def get(
        self, indices: NDArray[np.integer] | Sequence[int], progress: ProgressCallback | None = None
    ) -> list[Example]:
        """Return the frames of these rows, converting those not yet held.

        Args:
            indices: rows of the data set.
            progress: called with (done, total) while frames are being converted.

        Returns:
            Examples in the order of `indices`, without those left out.
        """
        rows = [int(index) for index in indices]
        missing = [row for row in rows if row not in self._held]
        for begin in range(0, len(missing), _CHUNK):
            chunk = missing[begin : begin + _CHUNK]
            for row, frame in zip(chunk, self.frame_set.frames(chunk), strict=True):
                if frame is None:
                    self._held[row] = None
                    continue
                try:
                    self._held[row] = example(row, frame)
                except LabError as error:
                    self._held[row] = None
                    self.left_out[frame.frame_id] = str(error)
            if progress is not None:
                progress(begin + len(chunk), len(missing))
        held = (self._held[row] for row in rows)
        return [one for one in held if one is not None]


def partition(config: RunConfig, frame_set: FrameSet) -> Split:
    """Return the rows that a run trains, validates and tests on.

    Validation and test are the data set's own, whatever the number of training frames; a smaller
    training set is a subset of a larger one with the same seed.

    Raises:
        LabError: if more training frames are asked for than there are, or if there are none.
    """
    split = frame_set.split()
    if len(split.train) == 0:
        raise LabError(
            f"Data set {frame_set.card.name} has too few materials to train on; import more."
        )
    if config.frames is None:
        return split
    train = training_subset(frame_set.material_ids(), split.train, config.frames, seed=config.seed)
    return Split(train=train, validation=split.validation, test=split.test)


def batches(n_frames: int, batch_size: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the batches of one epoch.

    The order is a function of the seed and the epoch's number alone, so that a resumed run finds
    its place without any record of it.

    Args:
        n_frames: training frames.
        batch_size: frames a batch; the last one may be smaller.
        seed: the run's seed.
        epoch: number of the epoch, from 0.

    Returns:
        Positions among the training frames, one array a batch.
    """
    order = np.random.default_rng([seed, epoch]).permutation(n_frames)
    return [order[begin : begin + batch_size] for begin in range(0, n_frames, batch_size)]
