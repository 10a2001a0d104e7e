"""The frames of each step: of the data set, and with labels of the source functional."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.potential.examples import Example, Examples
from core.training.settings.config import RunConfig
from core.training.step.replay import Replayed, frames_per_step
from core.training.step.source_frames import (
    ONLY_TARGET,
    REPLAY,
    TEACHER,
    PretrainedLabels,
    Taught,
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
class Feed:
    """The frames of every batch.

    Attributes:
        train: training frames of the data set.
        weights: weights of the origins of labels in the loss.
        steps: steps per epoch.
        pretrained: predicts labels that are pending; None where none are.
        taught: asks the teacher; None without one.
        replay: what is replayed; None without replay.
        replayed: draws it.
    """

    train: Examples
    weights: Mapping[str, float]
    steps: int
    pretrained: PretrainedLabels | None = None
    taught: Taught | None = None
    replay: Replay | None = None
    replayed: Replayed | None = None

    def batch(self, places: NDArray[np.integer], epoch: int, step: int) -> list[Example]:
        """Return the frames of one batch.

        Args:
            places: positions among the training frames.
            epoch: number of the epoch, from 0.
            step: number of the step in it, from 0.
        """
        return self.completed([self.train[place] for place in places], epoch, step)

    def completed(self, frames: list[Example], epoch: int, step: int) -> list[Example]:
        """Return frames of the data set with what else comes with them.

        Args:
            frames: the frames.
            epoch: number of the epoch, from 0.
            step: number of the step in it, from 0.
        """
        taught = frames if self.taught is None else self.taught(frames, epoch)
        if self.replayed is None:
            return taught
        return taught + self.replayed(epoch * self.steps + step)

    def saved_replay(self) -> dict[str, Any] | None:
        """Return what a checkpoint has to know of the replay."""
        if self.replay is None:
            return None
        atomref = self.replay.atomref
        return {
            "atomref": None if atomref is None else torch.from_numpy(atomref),
            "fingerprint": self.replay.data.fingerprint,
        }


def make_feed(
    config: RunConfig,
    train: Examples,
    pretrained: CHGNet | None = None,
    replay: Replay | None = None,
) -> Feed:
    """Return the frames of every batch of a run.

    Args:
        config: the run's settings.
        train: its training frames.
        pretrained: the pretrained model on the run's device, where settings ask for its labels.
        replay: what is replayed.
    """
    weights = dict(ONLY_TARGET)
    taught = replayed = None
    if config.teacher.weight:
        weights[TEACHER] = config.teacher.weight
        taught = Taught(config.teacher, config.loss, config.seed)
    if replay is not None:
        weights[REPLAY] = config.replay.weight
        replayed = Replayed(
            replay.examples,
            replay.atomref,
            config.loss,
            seed=config.seed,
            per_step=frames_per_step(config),
        )
    return Feed(
        train=train,
        weights=weights,
        steps=math.ceil(len(train) / config.batch_size),
        pretrained=None if pretrained is None else PretrainedLabels(model=pretrained),
        taught=taught,
        replay=replay,
        replayed=replayed,
    )
