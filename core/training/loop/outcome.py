"""How a run ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.training.settings.metrics import Metrics


@dataclass(kw_only=True, frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: "finished", or "cancelled" if `should_stop` returned True.
        best_epoch: epoch with the lowest validation energy MAE, from 1.
        validation: its validation metrics.
        test: its test metrics, with those of stability if they were asked for; None if the run did
            not finish.
    """

    state: Literal["finished", "cancelled"]
    best_epoch: int | None = None
    validation: Metrics | None = None
    test: Metrics | Mapping[str, float | None] | None = None
