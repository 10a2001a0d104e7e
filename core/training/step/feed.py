"""The frames of each step: of the data set, and with labels of the source functional."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.potential.examples import Example, Examples
from core.training.settings.config import RunConfig
from core.training.step.source_frames import ONLY_TARGET, PretrainedLabels, Taught


@dataclass(kw_only=True, frozen=True)
class Feed:
    """The frames of every batch.

    Attributes:
        train: training frames of the data set.
        weights: weights of the origins of labels in the loss.
        pretrained: predicts labels that are pending; None where none are.
        taught: asks the teacher; None without one.
    """

    train: Examples
    weights: Mapping[str, float]
    pretrained: PretrainedLabels | None = None
    taught: Taught | None = None

    def batch(self, places: NDArray[np.integer], epoch: int) -> list[Example]:
        """Return the frames of one batch.

        Args:
            places: positions among the training frames.
            epoch: number of the epoch, from 0.
        """
        return self.completed([self.train[place] for place in places], epoch)

    def completed(self, frames: list[Example], epoch: int) -> list[Example]:
        """Return frames of the data set with what else comes with them.

        Args:
            frames: the frames.
            epoch: number of the epoch, from 0.
        """
        return frames if self.taught is None else self.taught(frames, epoch)


def make_feed(config: RunConfig, train: Examples, pretrained: CHGNet | None) -> Feed:
    """Return the frames of every batch of a run.

    Args:
        config: the run's settings.
        train: its training frames.
        pretrained: the pretrained model on the run's device, where settings ask for its labels.
    """
    if pretrained is None:
        return Feed(train=train, weights=ONLY_TARGET)
    return Feed(
        train=train,
        weights={**ONLY_TARGET, "teacher": config.teacher.weight},
        pretrained=PretrainedLabels(model=pretrained),
        taught=Taught(config.teacher, config.loss, config.seed),
    )
