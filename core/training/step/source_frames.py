"""Frames whose labels are those of another functional, in part or as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.potential.examples import Example
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph, convert
from core.potential.prediction import FramePrediction, predict
from core.training.settings.config import LossRatios
from core.training.settings.source import Teacher

TARGET = "target"
"""Origin of the labels of the data set that a run trains on."""

TEACHER = "teacher"
"""Origin of forces and stresses of the pretrained model on frames of that data set."""

REPLAY = "replay"
"""Origin of all labels of replayed frames."""

_LEVEL = "functional "


def level_origin(functional: str) -> str:
    """Return the origin of all labels of a further functional of a run."""
    return _LEVEL + functional


ONLY_TARGET = {TARGET: 1.0}
"""Weights of the origins in a run without labels of the source functional."""

_TAUGHT = ("force", "stress")


@dataclass(kw_only=True, frozen=True, slots=True)
class SourceExample(Example):
    """A frame some of whose labels are in another functional than the target.

    Attributes:
        origins: TEACHER, REPLAY or `level_origin` by kind of label; others are the target's.
        pending: kinds whose labels the pretrained network still has to predict; until then they
            are placeholders of the right shape.
        alone: whether it is predicted by itself, and only once: a structure of the data set.
        atomref: AtomRef that its energy is relative to, (94,) eV/atom; None for the run's.
        table: table of atom features of its functional, see `core.training.step.offsets`.
    """

    origins: Mapping[str, str]
    pending: tuple[str, ...] = ()
    alone: bool = False
    atomref: NDArray[np.float64] | None = None
    table: int = 0

    def contribution(self, energies: NDArray[np.float64]) -> float:
        """Return the contribution of its own AtomRef, or of the given one, in eV/atom."""
        own = energies if self.atomref is None else self.atomref
        return float(own[self.graph.atomic_numbers.astype(np.int64) - 1].mean())


def origin(example: Example, kind: str) -> str:
    """Return the origin of one kind of a frame's labels."""
    return example.origins.get(kind, TARGET) if isinstance(example, SourceExample) else TARGET


def table(example: Example) -> int:
    """Return the table of atom features of a frame's functional."""
    return example.table if isinstance(example, SourceExample) else 0


def per_value(
    examples: Sequence[Example], kind: str, numbers: Sequence[float]
) -> NDArray[np.float64]:
    """Return one number per frame in a shape that multiplies the labels of one kind.

    Args:
        examples: B frames with N atoms in all.
        kind: kind of label.
        numbers: of each frame, (B,).

    Returns:
        energy (B,), force (N, 1), stress (B, 1, 1), magmom (N,).
    """
    values = np.array(numbers, dtype=np.float64)
    if kind in {"force", "magmom"}:
        values = np.repeat(values, [example.n_atoms for example in examples])
    return values.reshape((-1, *{"force": (1,), "stress": (1, 1)}.get(kind, ())))


def displaced_graph(graph: PackedGraph, size: float, random: np.random.Generator) -> PackedGraph:
    """Return the graph of a copy whose atoms are displaced at random.

    Args:
        graph: the structure.
        size: standard deviation of the displacements, Å.
        random: source of the displacements.

    Raises:
        LabError: if an atom of the copy has no neighbour.
    """
    steps = random.normal(0.0, size, (graph.n_atoms, 3))
    moved = graph.frac_coords + steps @ np.linalg.inv(graph.lattice)
    return convert(graph.atomic_numbers, moved, graph.lattice)


@dataclass(kw_only=True)
class PretrainedLabels:
    """Labels that the pretrained network predicts.

    What it predicts for a batch follows from the batch alone, so that a resumed run has the same
    labels.

    Attributes:
        model: the pretrained model, on the device of the run.
    """

    model: CHGNet
    _known: dict[int, FramePrediction] = field(default_factory=dict)

    def complete(self, examples: Sequence[Example]) -> list[Example]:
        """Return the frames with all labels that are pending."""
        completed = list(examples)
        together: list[tuple[int, SourceExample]] = []
        for place, example in enumerate(examples):
            if not isinstance(example, SourceExample) or not example.pending:
                continue
            if not example.alone:
                together.append((place, example))
                continue
            if example.index not in self._known:
                (self._known[example.index],) = self._predict([example])
            completed[place] = _filled(example, self._known[example.index])
        predictions = self._predict([example for _, example in together])
        for (place, example), found in zip(together, predictions, strict=True):
            completed[place] = _filled(example, found)
        return completed

    def _predict(self, examples: Sequence[SourceExample]) -> list[FramePrediction]:
        wanted = Wanted.of({kind for example in examples for kind in example.pending})
        with torch.no_grad():
            return predict(self.model, [example.graph for example in examples], wanted)


def _filled(example: SourceExample, found: FramePrediction) -> SourceExample:
    """Return a frame with the predicted labels in the place of those that are pending."""

    def label(kind: str, predicted: NDArray[np.floating] | None) -> NDArray[np.float32] | None:
        if kind not in example.pending:
            known: NDArray[np.float32] | None = example.label(kind)
            return known
        return np.asarray(predicted, dtype=np.float32)

    return replace(
        example,
        energy=found.interaction if "energy" in example.pending else example.energy,
        forces=label("force", found.forces),
        stress=label("stress", found.stress),
        magmoms=label("magmom", found.magmoms),
        pending=(),
    )


class Taught:
    """Gives frames without force labels the teacher's, and adds displaced copies of them.

    Args:
        settings: the teacher's.
        ratios: weights of the loss; a kind with none is not taught.
        seed: the run's seed.
    """

    def __init__(self, settings: Teacher, ratios: LossRatios, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._kinds = tuple(kind for kind in _TAUGHT if getattr(ratios, kind) > 0)

    def __call__(self, examples: Sequence[Example], epoch: int) -> list[Example]:
        """Return the frames of a batch, then the copies; labels are pending.

        A copy in which an atom has lost all its neighbours is left out.

        Args:
            examples: frames of the data set.
            epoch: number of the epoch, from 0.
        """
        frames: list[Example] = []
        copies: list[Example] = []
        for example in examples:
            if example.forces is not None:
                frames.append(example)
                continue
            kinds = [kind for kind in self._kinds if example.label(kind) is None]
            frames.append(self._example(example, example.graph, kinds, alone=True))
            copies += self._copies(example, epoch)
        return frames + copies

    def _copies(self, example: Example, epoch: int) -> list[Example]:
        copies: list[Example] = []
        for number in range(self._settings.copies):
            random = np.random.default_rng([self._seed, epoch, example.index, number])
            try:
                graph = displaced_graph(example.graph, self._settings.displacement, random)
            except LabError:
                continue
            copy = replace(
                example,
                frame_id=f"{example.frame_id}, displaced copy {number + 1}",
                energy=float("nan"),
                stress=None,
                magmoms=None,
            )
            copies.append(self._example(copy, graph, self._kinds, alone=False))
        return copies

    @staticmethod
    def _example(
        example: Example, graph: PackedGraph, kinds: Sequence[str], *, alone: bool
    ) -> SourceExample:
        placeholders = {
            "force": np.zeros((example.n_atoms, 3), np.float32),
            "stress": np.zeros((3, 3), np.float32),
        }
        return SourceExample(
            index=example.index,
            frame_id=example.frame_id,
            graph=graph,
            energy=example.energy,
            forces=placeholders["force"] if "force" in kinds else example.forces,
            stress=placeholders["stress"] if "stress" in kinds else example.stress,
            magmoms=example.magmoms,
            weight=example.weight,
            origins=dict.fromkeys(kinds, TEACHER),
            pending=tuple(kinds),
            alone=alone,
        )
