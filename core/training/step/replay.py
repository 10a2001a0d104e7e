"""Frames beside the data set's in every step: replayed ones, and those of further functionals."""

from collections.abc import Callable
from functools import lru_cache, partial

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
    chosen = rows_to_draw(config, usable, n_train, config.replay.ratio)
    return chosen, np.sort(held_out).astype(np.int64)


def rows_to_draw(
    config: RunConfig, usable: NDArray[np.integer], n_train: int, ratio: float
) -> NDArray[np.int64]:
    """Return those of some rows that a run can come to, (m,) sorted.

    Args:
        config: the run's settings.
        usable: the rows.
        n_train: training frames of the run.
        ratio: frames of these for each training frame.
    """
    steps = config.epochs * -(-n_train // config.batch_size)
    most = steps * frames_per_step(config, ratio)
    chosen = np.random.default_rng([config.seed, 1]).permutation(usable)[:most]
    return np.sort(chosen).astype(np.int64)


def frames_per_step(config: RunConfig, ratio: float) -> int:
    """Return the number of frames that are drawn in each step."""
    return max(1, round(ratio * config.batch_size))


class Drawn:
    """Draws further frames of each step, one pass over them after the other.

    Args:
        examples: the frames.
        labelled: gives a frame the origin of its labels.
        random: numbers that fix the order, different for each source of frames.
        per_step: frames per step.
    """

    def __init__(
        self,
        examples: Examples,
        labelled: Callable[[Example], SourceExample],
        *,
        random: tuple[int, ...],
        per_step: int,
    ) -> None:
        self._examples = examples
        self._labelled = labelled
        self._per_step = per_step
        n = len(examples)

        @lru_cache(maxsize=2)
        def order(number: int) -> NDArray[np.int64]:
            return np.random.default_rng([*random, number]).permutation(n)

        self._order = order

    def __call__(self, step: int) -> list[Example]:
        """Return the frames of one step, counted from the start of the run."""
        n = len(self._examples)
        first = step * self._per_step
        places = (divmod(place, n) for place in range(first, first + self._per_step))
        return [self._labelled(self._examples[self._order(k)[place]]) for k, place in places]


def replayed_labels(
    atomref: NDArray[np.float64] | None, ratios: LossRatios
) -> Callable[[Example], SourceExample]:
    """Return what gives replayed frames their labels.

    Args:
        atomref: the AtomRef that their energies are relative to, (94,) eV/atom; None for the labels
            of the pretrained model, which are interaction energies.
        ratios: weights of the loss.
    """
    if atomref is not None:
        return partial(own_labels, atomref=atomref, of_origin=REPLAY, suffix=", replayed")
    return partial(pseudolabels, kinds=tuple(kind for kind in LABELS if getattr(ratios, kind) > 0))


def own_labels(
    example: Example,
    *,
    atomref: NDArray[np.float64],
    of_origin: str,
    suffix: str = "",
    table: int = 0,
) -> SourceExample:
    """Return a frame whose own labels are in another functional than the target.

    Args:
        example: the frame.
        atomref: the AtomRef that its energy is relative to, (94,) eV/atom.
        of_origin: origin of the labels.
        suffix: added to its name in messages.
        table: table of atom features of its functional.
    """
    return SourceExample(
        index=example.index,
        frame_id=f"{example.frame_id}{suffix}",
        graph=example.graph,
        energy=example.energy,
        forces=example.forces,
        stress=example.stress,
        magmoms=example.magmoms,
        origins=dict.fromkeys(LABELS, of_origin),
        atomref=atomref,
        table=table,
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
