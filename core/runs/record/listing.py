"""Finding runs, their order in the queue, and a summary of each."""

from pathlib import Path
from typing import Any

from core import access
from core.errors import LabError
from core.files import disk_errors
from core.home import runs_dir
from core.runs.record.directory import Run, job_state
from core.runs.record.status import Status
from core.training.settings.metrics import METRICS, TEST_METRICS


def list_runs() -> list[Run]:
    """Return the runs of the lab, newest first.

    Directories without a readable run (being created or deleted, written by a newer version) are
    skipped.

    Raises:
        LabError: if the runs directory cannot be read.
    """
    runs = sorted(_readable(), key=lambda pair: (pair[1].created, pair[0].id), reverse=True)
    return [run for run, _ in runs]


def find_run(name: str | Path) -> Run:
    """Return a run by its id, or by the path of its directory.

    Args:
        name: id or path.

    Raises:
        LabError: if there is none.
    """
    for path in (runs_dir() / name, Path(name).absolute()):
        if (path / "config.json").is_file():
            access.check_file(path)
            return Run(path)
    raise LabError(f"{name}: no such run; `atomref runs list` shows the runs.")


def status_if_any(run: Run) -> Status | None:
    """Return a run's status, or None where the run is gone or cannot be read."""
    try:
        return run.status() if run.config else None
    except LabError:
        return None


def queue_ahead(run: Run) -> list[Run]:
    """Return the runs that wait for the same slot and come before this one, the next one first.

    Args:
        run: a queued run. A run outside the lab's runs directory lets those inside go first.

    Returns:
        The runs; none for a run of another machine, which has a queue of its own.

    Raises:
        LabError: if the run is gone.
    """
    mine = run.status()
    if run.is_elsewhere(mine):
        return []
    waiting = [
        ((status.queued, other.id), other)
        for other, status in _readable()
        if waits_for(status, mine.device)
    ]
    waiting.sort(key=lambda pair: pair[0])
    return [other for place, other in waiting if place < (mine.queued, run.id)]


def queue_position(run: Run) -> int | None:
    """Return a run's place in the queue, 1 for the next one; None if it does not wait here.

    That of a run on a cluster is among all jobs that wait for its partition.

    Raises:
        LabError: if the run is gone.
    """
    status = run.status()
    if status.state != "queued" or run.is_elsewhere(status):
        return None
    return job_state(status).position if status.on else len(queue_ahead(run)) + 1


def waits_for(status: Status, slot: str | None) -> bool:
    """Return whether a run waits for a slot of this machine, or may be about to.

    Args:
        status: the run's.
        slot: the slot, or None for any. A run that has just started names none yet and counts as
            waiting for each.
    """
    waits_here = status.state == "queued" and status.on is None and not Run.is_elsewhere(status)
    return waits_here and (slot is None or status.device in {slot, None})


def summary_row(run: Run) -> dict[str, Any]:
    """Return one run's row in a list of runs; metrics are None where not known.

    Raises:
        LabError: if the run is gone.
    """
    config, status = run.config, run.status()
    row: dict[str, Any] = {
        "run": run.id,
        "name": config.name,
        "state": status.state,
        "method": config.method,
        "dataset": config.dataset,
        "labels": status.labels,
        "frames": status.frames if status.frames is not None else config.frames,
        "epochs": config.epochs,
        "best_epoch": status.best_epoch,
    }
    for split, errors, keys in (
        ("validation", status.validation, METRICS),
        ("test", status.test, TEST_METRICS),
    ):
        row |= {f"{split}_{key}": (errors or {}).get(key) for key in keys}
    return row | {"seconds": status.duration}


def _readable() -> list[tuple[Run, Status]]:
    with disk_errors(Path("runs")):
        paths = [path for path in runs_dir().iterdir() if not path.name.startswith(".")]
    runs = [(run, status_if_any(run)) for run in map(Run, paths)]
    return [(run, status) for run, status in runs if status is not None]
