"""The run that a class follows together, and runs recorded before it, to compare with."""

import shlex

import pandas as pd

from core.errors import LabError
from core.home import EMBEDDED_DIR, runs_dir
from core.runs.process.local import create, launch, resume
from core.runs.record.directory import Run
from core.training.settings.config import RunConfig

CONFIG = RunConfig(
    name="Lesson",
    dataset="mp-frames-r2scan",
    method="residual",
    frames=100,
    epochs=4,
    device="cpu",
    processes=1,
)
"""Settings of the lesson's run; the recorded ones differ from it in the method alone."""

RECORDED = EMBEDDED_DIR / "lesson"
"""What data/recipes/lesson.py recorded of the methods `frozen`, `refit` and `residual`."""


def lesson_run() -> Run | None:
    """Return the run that everybody follows; None before it is started."""
    run = Run(runs_dir() / "lesson")
    return run if (run.path / "config.json").is_file() else None


def lesson_command() -> str:
    """Return the command that starts the run that everybody follows, or shows one that exists."""
    run = lesson_run()
    if run is not None:
        return f"atomref runs show {run.id}"
    return f"{CONFIG.command} --run-dir {shlex.quote(str(runs_dir() / 'lesson'))}"


def start_lesson() -> Run:
    """Start the run that everybody follows, unless somebody has: there is only one.

    One that was stopped, or has failed, goes on from its last checkpoint. After it is deleted,
    another one can be started.

    Raises:
        LabError: if it cannot be started.
    """
    run = lesson_run()
    if run is None:
        try:
            run = create(CONFIG, runs_dir() / "lesson")
        except LabError:
            # Two who click at once make one run.
            run = lesson_run()
            if run is None:
                raise
            return run
        launch(run)
        return run
    status = run.status()
    if not status.is_active and status.state != "finished":
        resume(run)
    return run


def recorded(name: str) -> pd.DataFrame:
    """Return a table of the runs recorded before.

    Args:
        name: "gradients" or "curves", with the columns of
            `core.runs.results.curves.gradient_norms` and `overlay`.
    """
    return pd.read_csv(RECORDED / f"{name}.csv")
