"""The end of a run that was asked for stability: its best model's, on the test materials."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.frames.store import FrameSet
from core.training.loop import checkpoint
from core.training.loop.events import Emit
from core.training.loop.outcome import Outcome
from core.training.loop.stopping import ShouldStop, StopError
from core.training.scoring.stability import stability_errors
from core.training.settings.config import RunConfig
from core.training.settings.metrics import STABILITY_METRICS
from core.training.settings.partition import partition

_EVERY_SECONDS = 1.0


def with_stability(
    outcome: Outcome,
    config: RunConfig,
    frame_set: FrameSet,
    *,
    checkpoints: Path,
    emit: Emit,
    should_stop: ShouldStop,
) -> Outcome:
    """Judge the best model's stability, and add the errors to those of the test.

    A run that is stopped here has its best model; resumed, it goes on with the relaxations that are
    not done yet. Where stability cannot be judged, the run ends without it, and says why.

    Args:
        outcome: of the training.
        config: the run's settings.
        frame_set: its data set.
        checkpoints: directory of its checkpoints.
        emit: receives the events "relax" (progress) and "stability".
        should_stop: asks whether to stop.
    """
    began = last = time.monotonic()

    def progress(_: float, what: str) -> None:
        nonlocal last
        if should_stop():
            raise StopError
        if time.monotonic() - last >= _EVERY_SECONDS:
            last = time.monotonic()
            emit({"kind": "relax", "time": time.time(), "what": what})

    errors: dict[str, float | None] = dict.fromkeys(STABILITY_METRICS)
    found: dict[str, Any] = {}
    why = ""
    try:
        stability = stability_errors(
            checkpoints / checkpoint.BEST,
            frame_set,
            partition(config, frame_set).test,
            relaxed=config.stability == "relaxed",
            device=config.device,
            threads=config.threads,
            progress=progress,
        )
    except StopError:
        return replace(outcome, state="cancelled", test=None)
    except LabError as error:
        why = str(error)
    else:
        found = asdict(stability)
        errors = found.pop("errors")
    emit(
        {
            "kind": "stability",
            "time": time.time(),
            "seconds": time.monotonic() - began,
            "why": why,
            **found,
            **errors,
        }
    )
    test: dict[str, Any] = dict(outcome.test or {})
    return replace(outcome, test=test | errors)
