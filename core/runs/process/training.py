"""Training in one process of a run, the only one or one of several."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.frames.store import FrameSet
from core.runs.record.directory import Run

if TYPE_CHECKING:
    from core.training.loop.outcome import Outcome
    from core.training.step.parallel import Team


def train_on(
    frames: FrameSet,
    run: Run,
    *,
    emit: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], bool],
    team: "Team | None" = None,
) -> "Outcome":
    """Train in this process, from the last checkpoint where there is one.

    Args:
        frames: the run's data set.
        run: the run.
        emit: receives the training loop's events.
        should_stop: called by the loop.
        team: the processes that train together; None for this one alone.

    Returns:
        The outcome of the loop.

    Raises:
        LabError: if data set, model and settings do not fit together, or training goes wrong.
        TeamError: if another process of the team has ended.
    """
    # It imports torch, which a process that only starts others does not need.
    from core.training.loop.loop import fit  # noqa: PLC0415
    from core.training.step.parallel import SINGLE_PROCESS  # noqa: PLC0415

    return fit(
        run.config,
        frames,
        checkpoints=run.checkpoints,
        emit=emit,
        should_stop=should_stop,
        resume=run.last_checkpoint.exists(),
        team=team or SINGLE_PROCESS,
    )
