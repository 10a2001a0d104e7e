"""The frames of each step: of the data set, and with labels of other functionals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.frames.pairs import PairSet
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import Example, Examples
from core.training.settings.config import RunConfig
from core.training.step.replay import Drawn, frames_per_step, own_labels, replayed_labels
from core.training.step.source_frames import (
    ONLY_TARGET,
    REPLAY,
    TEACHER,
    PretrainedLabels,
    Taught,
    level_origin,
)


@dataclass(kw_only=True, frozen=True)
class Replay:
    """What a run replays.

    Attributes:
        examples: the frames.
        held_out: rows of their data set that are not replayed, to see what is forgotten.
        atomref: AtomRef of their labels, (94,) eV/atom; None for labels of the pretrained model.
        data: their data set.
    """

    examples: Examples
    held_out: NDArray[np.int64]
    atomref: NDArray[np.float64] | None
    data: FrameSet | PairSet


@dataclass(kw_only=True, frozen=True)
class Level:
    """A further functional that a run learns.

    Attributes:
        functional: its name.
        data: its data set.
        split: rows of the data set that are trained on, validated and tested.
        examples: its training frames.
        atomref: its AtomRef, (94,) eV/atom.
        table: its table of atom features, from 1.
    """

    functional: str
    data: FrameSet
    split: Split
    examples: Examples
    atomref: NDArray[np.float64]
    table: int

    @property
    def name(self) -> str:
        """Name of its data set."""
        return self.data.card.name

    def elements(self) -> list[str]:
        """Return the symbols of the elements in its training frames."""
        occurs = (self.data.fractions()[self.examples.rows] > 0).any(axis=0)
        return [SYMBOLS[index] for index in np.flatnonzero(occurs)]

    @property
    def origin(self) -> str:
        """Origin of its labels."""
        return level_origin(self.functional)


@dataclass(kw_only=True, frozen=True)
class Feed:
    """The frames of every batch.

    Attributes:
        train: training frames of the data set.
        weights: weights of the origins of labels in the loss.
        steps: steps per epoch.
        pretrained: predicts labels that are pending; None where none are.
        taught: asks the teacher; None without one.
        replay: what is replayed; None without replay.
        levels: further functionals.
        drawn: draws the frames of these.
        frame_weights: weights of the training frames, (n,); None where all weigh the same.
    """

    train: Examples
    weights: Mapping[str, float]
    steps: int
    pretrained: PretrainedLabels | None = None
    taught: Taught | None = None
    replay: Replay | None = None
    levels: Sequence[Level] = ()
    drawn: Sequence[Drawn] = ()
    frame_weights: NDArray[np.float64] | None = None

    def batch(self, places: NDArray[np.integer], epoch: int, step: int) -> list[Example]:
        """Return the frames of one batch.

        Args:
            places: positions among the training frames.
            epoch: number of the epoch, from 0.
            step: number of the step in it, from 0.
        """
        frames = [self.train[place] for place in places]
        if self.frame_weights is not None:
            weights = self.frame_weights[places].tolist()
            frames = [
                replace(frame, weight=weight) for frame, weight in zip(frames, weights, strict=True)
            ]
        return self.completed(frames, epoch, step)

    def completed(self, frames: list[Example], epoch: int, step: int) -> list[Example]:
        """Return frames of the data set with what else comes with them.

        Args:
            frames: the frames.
            epoch: number of the epoch, from 0.
            step: number of the step in it, from 0.
        """
        taught = frames if self.taught is None else self.taught(frames, epoch)
        number = epoch * self.steps + step
        return taught + [example for drawn in self.drawn for example in drawn(number)]

    def saved_replay(self) -> dict[str, Any] | None:
        """Return what a checkpoint has to know of the replay."""
        if self.replay is None:
            return None
        atomref = self.replay.atomref
        return {
            "atomref": None if atomref is None else torch.from_numpy(atomref),
            "fingerprint": self.replay.data.fingerprint,
        }

    def saved_levels(self) -> list[dict[str, Any]]:
        """Return what a checkpoint has to know of the further functionals."""
        return [
            {"atomref": torch.from_numpy(level.atomref), "fingerprint": level.data.fingerprint}
            for level in self.levels
        ]


def make_feed(
    config: RunConfig,
    train: Examples,
    pretrained: CHGNet | None = None,
    replay: Replay | None = None,
    levels: Sequence[Level] = (),
    frame_weights: NDArray[np.float64] | None = None,
) -> Feed:
    """Return the frames of every batch of a run.

    Args:
        config: the run's settings.
        train: its training frames.
        pretrained: the pretrained model on the run's device, where settings ask for its labels.
        replay: what is replayed.
        levels: further functionals.
        frame_weights: weights of the training frames, (n,); None where all weigh the same.
    """
    weights = dict(ONLY_TARGET)
    taught = None
    drawn = []
    if config.teacher.weight:
        weights[TEACHER] = config.teacher.weight
        taught = Taught(config.teacher, config.loss, config.seed)
    if replay is not None:
        weights[REPLAY] = config.replay.weight
        drawn.append(
            Drawn(
                replay.examples,
                replayed_labels(replay.atomref, config.loss),
                random=(config.seed, 2),
                per_step=frames_per_step(config, config.replay.ratio),
            )
        )
    for level in levels:
        weights[level.origin] = config.functionals.weight(level.name)
        drawn.append(
            Drawn(
                level.examples,
                partial(
                    own_labels, atomref=level.atomref, of_origin=level.origin, table=level.table
                ),
                random=(config.seed, 3, level.table),
                per_step=frames_per_step(config, config.functionals.ratio(level.name)),
            )
        )
    return Feed(
        train=train,
        weights=weights,
        steps=math.ceil(len(train) / config.batch_size),
        pretrained=None if pretrained is None else PretrainedLabels(model=pretrained),
        taught=taught,
        replay=replay,
        levels=levels,
        drawn=drawn,
        frame_weights=frame_weights,
    )
