"""Trainings: start one, find it again, take its model out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.runs.export.checkpoint import export_checkpoint
from core.runs.process.local import create, launch
from core.runs.process.worker import execute
from core.runs.record.directory import Run
from core.runs.record.listing import find_run
from core.training.settings.config import RunConfig
from core.training.settings.partition import usual_method


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201


def train(
    dataset: str,
    *,
    method: str | None = None,
    wait: bool = True,
    echo: Callable[[str], None] | None = _on_stderr,
    **settings: Any,
) -> Run:
    """Train on a data set of frames.

    Args:
        dataset: its name.
        method: "scratch", "trainable", "frozen", "refit", "residual", "linearised" or
            "multifidelity"; None for the default of the data set's labels.
        wait: train in this process and return at the end. Otherwise a separate process is started,
            which survives this one.
        echo: with `wait`: receives each line of the log; None for silence.
        **settings: as of `core.training.settings.config.RunConfig`, such as `frames=300`,
            `epochs=5`, `batch_size=16`, `learning_rate=1e-3`, `seed=1`, `device="cpu"`,
            `loss={"force": 0}`.

    Returns:
        The run: `status()` with its state and its `test` errors, `metrics()` with all events,
        `best_checkpoint`, and `id`, which every function and command takes as a model.

    Raises:
        LabError: if data set and settings do not fit together, or the training fails. A run that
            was interrupted is returned; its state is "cancelled".
    """
    if method is None and "," not in dataset:
        method = usual_method(dataset, settings.get("loss"))
    given = {"dataset": dataset, **({} if method is None else {"method": method}), **settings}
    config = RunConfig.parse(given, where="train")
    open_frame_set(config.dataset)
    run = create(config)
    if not wait:
        launch(run)
        return run
    status = execute(run.path, echo=echo)
    if status.state == "failed":
        raise LabError(status.message)
    return run


def open_run(name: str | Path) -> Run:
    """Return a run.

    Args:
        name: its id or its directory.

    Returns:
        The run, as `train` returns it.

    Raises:
        LabError: if there is no such run.
    """
    return find_run(name)


def export(run: Run | str, path: str | Path, *, functional: str | None = None) -> Path:
    """Write a run's best model to a file that stock `CHGNet.from_file` loads.

    Args:
        run: a run, or its id.
        path: the new file, such as model.pth.tar; its model card is written beside it.
        functional: of a run on several functionals: which; None for the first.

    Returns:
        The file.

    Raises:
        LabError: if there is no such run, no validated epoch yet, or the file exists.
    """
    chosen = run if isinstance(run, Run) else find_run(run)
    export_checkpoint(chosen, Path(path), functional)
    return Path(path)
