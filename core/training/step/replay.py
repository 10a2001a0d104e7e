"""Frames of the source functional that are replayed while a run trains."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import open_dataset
from core.frames.schema import LABELS
from core.frames.store import FrameSet
from core.potential.examples import Example, Examples
from core.training.settings.config import LossRatios, RunConfig
from core.training.step.source_frames import REPLAY, SourceExample

_HELD_OUT = 10
"""Of pairs, which have no split, one structure in so many is held out."""


def replayed_set(config: RunConfig) -> FrameSet | PairSet:
    """Return the data set that a run replays.

    Raises:
        LabError: if there is no such data set, or it lacks the labels that are asked for.
    """
    data = open_dataset(config.replay.dataset or "")
    if isinstance(data, PairSet) and config.replay.labels == "own":
        raise LabError(
            f"{data.card.name} holds pairs, and replay with its own labels needs frames; choose a "
            "data set of frames, or the labels of the pretrained model."
        )
    return data


def replayed_rows(
    config: RunConfig, data: FrameSet | PairSet, n_train: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that a run replays, and rows held out to see what it forgets.

    Args:
        config: the run's settings.
        data: the data set.
        n_train: training frames of the run; no more rows are taken than can be replayed.
    """
    if isinstance(data, FrameSet):
        split = data.split()
        usable, held_out = split.train, split.validation
    else:
        rows = np.flatnonzero(data.structure_flags())
        shuffled = np.random.default_rng(0).permutation(rows)
        held_out, usable = np.split(shuffled, [len(rows) // _HELD_OUT])
    if not len(usable):
        raise LabError(f"{data.card.name} has no structures to replay; choose another data set.")
    steps = config.epochs * -(-n_train // config.batch_size)
    most = steps * frames_per_step(config)
    chosen = np.random.default_rng([config.seed, 1]).permutation(usable)[:most]
    return np.sort(chosen).astype(np.int64), np.sort(held_out).astype(np.int64)


def frames_per_step(config: RunConfig) -> int:
    """Return the number of frames replayed in each step."""
    return max(1, round(config.replay.ratio * config.batch_size))


class Replayed:
    """Draws the frames of each step, one pass over them after the other.

    Args:
        examples: the frames.
        atomref: the AtomRef that their energies are relative to, (94,) eV/atom; None for the labels
            of the pretrained model, which are interaction energies.
        ratios: weights of the loss.
        seed: the run's seed.
        per_step: frames per step.
    """

    def __init__(
        self,
        examples: Examples,
        atomref: NDArray[np.float64] | None,
        ratios: LossRatios,
        *,
        seed: int,
        per_step: int,
    ) -> None:
        self._examples = examples
        self._atomref = atomref
        self._kinds = tuple(kind for kind in LABELS if getattr(ratios, kind) > 0)
        self._per_step = per_step
        n = len(examples)

        @lru_cache(maxsize=2)
        def order(number: int) -> NDArray[np.int64]:
            return np.random.default_rng([seed, 2, number]).permutation(n)

        self._order = order

    def __call__(self, step: int) -> list[Example]:
        """Return the frames of one step, counted from the start of the run."""
        n = len(self._examples)
        first = step * self._per_step
        places = (divmod(place, n) for place in range(first, first + self._per_step))
        return [self._labelled(self._examples[self._order(k)[place]]) for k, place in places]

    def _labelled(self, example: Example) -> SourceExample:
        if self._atomref is None:
            return pseudolabels(example, self._kinds)
        return own_labels(example, self._atomref)


def own_labels(example: Example, atomref: NDArray[np.float64]) -> SourceExample:
    """Return a frame whose own labels are in the source functional.

    Args:
        example: the frame.
        atomref: the AtomRef that its energy is relative to, (94,) eV/atom.
    """
    return SourceExample(
        index=example.index,
        frame_id=f"{example.frame_id}, replayed",
        graph=example.graph,
        energy=example.energy,
        forces=example.forces,
        stress=example.stress,
        magmoms=example.magmoms,
        origins=dict.fromkeys(LABELS, REPLAY),
        atomref=atomref,
    )


def pseudolabels(example: Example, kinds: tuple[str, ...]) -> SourceExample:
    """Return a frame whose labels of these kinds the pretrained model is to predict.

    Its energy is then the interaction energy alone, relative to no AtomRef.
    """
    n = example.n_atoms
    return SourceExample(
        index=example.index,
        frame_id=f"{example.frame_id}, replayed",
        graph=example.graph,
        energy=0.0 if "energy" in kinds else float("nan"),
        forces=np.zeros((n, 3), np.float32) if "force" in kinds else None,
        stress=np.zeros((3, 3), np.float32) if "stress" in kinds else None,
        magmoms=np.zeros(n, np.float32) if "magmom" in kinds else None,
        origins=dict.fromkeys(LABELS, REPLAY),
        pending=kinds,
        atomref=np.zeros(N_ELEMENTS),
    )
