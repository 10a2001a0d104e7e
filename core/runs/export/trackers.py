"""Records of runs in the formats of experiment trackers, each written by the tracker's own library.

Nothing is sent anywhere: TensorBoard reads the folder, `wandb sync` and `trackio sync` publish it.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from core.errors import LabError
from core.files import disk_errors, new_directory
from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.runs.results.quantities import ERRORS, KINDS, Quantity, probes_of
from core.training.settings.metrics import METRICS, TEST_METRICS

PROJECT = "atomref-lab"
Tracker = Literal["tensorboard", "wandb", "trackio"]
"""A tracker by the name of the module that writes its files."""

TRACKERS: tuple[Tracker, ...] = get_args(Tracker)


class Point(NamedTuple):
    """What a run recorded at one step.

    Attributes:
        step: number of the step.
        time: when, UTC epoch seconds.
        values: by name, as "validation/energy_mae_mev_per_atom"; `epoch` among them.
    """

    step: int
    time: float
    values: dict[str, float]


def recorded(run: Run) -> list[Point]:
    """Return what a run recorded, by step; errors on the test frames stand at the last one.

    Args:
        run: the run.

    Raises:
        LabError: if its record cannot be read.
    """
    quantities = _quantities(run)
    points: dict[int, Point] = {}
    for event in run.metrics():
        values = {
            name: float(value)
            for name, quantity in quantities.items()
            if (value := quantity.read(event)) is not None
        }
        if not values:
            continue
        step = int(event["step"])
        before = points.get(step)
        if "epoch" in event:
            values["epoch"] = float(event["epoch"])
        points[step] = Point(step, float(event["time"]), (before.values if before else {}) | values)
    test = run.status().test or {}
    if points:
        points[max(points)].values.update(
            {
                f"test/{metric}": float(value)
                for metric in TEST_METRICS
                if (value := test.get(metric)) is not None
            }
        )
    return [points[step] for step in sorted(points)]


def export_to_tracker(runs: Sequence[Run], tracker: Tracker, folder: Path) -> list[Run]:
    """Write runs as a tracker stores them: settings, and every recorded quantity by step.

    Args:
        runs: the runs; those that have recorded nothing yet are left out.
        tracker: which.
        folder: the new folder; it appears whole or not at all.

    Returns:
        The runs that were written.

    Raises:
        LabError: if the tracker's library is missing, no run has recorded anything, or the folder
            exists or cannot be written.
    """
    title, write = _WRITERS[tracker]
    if not is_installed(tracker):
        raise LabError(
            f"{title} is not installed; run: pip install 'atomref-lab[{tracker}]', then try again."
        )
    histories = {run: points for run in runs if (points := recorded(run))}
    if not histories:
        raise LabError("None of these runs has recorded anything yet; wait for its first step.")
    # Libraries that talk do so on standard output, which belongs to the answer.
    with (
        disk_errors(folder),
        new_directory(folder) as draft,
        contextlib.redirect_stdout(sys.stderr),
    ):
        for run, points in histories.items():
            write(run, points, draft)
    return list(histories)


def is_installed(tracker: Tracker) -> bool:
    """Return whether a tracker's library is installed."""
    found = find_spec(tracker)
    # A folder of this name beside the command is no library.
    return found is not None and found.origin is not None


def _quantities(run: Run) -> dict[str, Quantity]:
    """Return the quantities of a run by the names that trackers group by their first part."""
    parts = {key: list(METRICS) for key in ERRORS} | {"gradient": probes_of([run])}
    return {
        f"{kind}/{of}" if of else kind: Quantity(kind=kind, of=of)
        for kind in KINDS
        for of in parts.get(kind, [""])
    }


def _settings(run: Run) -> dict[str, Any]:
    settings: dict[str, Any] = run.config.model_dump(mode="json")
    return settings | {"command": run.config.command, "run": run.id}


def _tensorboard(run: Run, points: Sequence[Point], folder: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  takes seconds

    with SummaryWriter(str(folder / run.id)) as writer:
        text = json.dumps(_settings(run), indent=2)
        writer.add_text("settings", f"```json\n{text}\n```", 0, points[0].time)
        for step, time, values in points:
            for name, value in values.items():
                writer.add_scalar(name, value, step, time)


def _wandb(run: Run, points: Sequence[Point], folder: Path) -> None:
    # Else it reports its own errors to its makers.
    os.environ["WANDB_ERROR_REPORTING"] = "false"
    import wandb  # noqa: PLC0415  an extra

    settings = wandb.Settings(
        silent=True,
        console="off",
        save_code=False,
        disable_git=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    with wandb.init(
        project=PROJECT,
        id=run.id,
        name=label_of(run),
        group=run.config.method,
        config=_settings(run),
        dir=folder,
        mode="offline",
        settings=settings,
    ) as written:
        for step, time, values in points:
            written.log(values | {"_timestamp": time}, step=step)


def _trackio(run: Run, points: Sequence[Point], folder: Path) -> None:
    # The library asks for its folder once, when it is imported.
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio  # noqa: PLC0415  an extra

    if folder != trackio.utils.TRACKIO_DIR:
        raise LabError("trackio writes to one folder per process; export from a new one.")
    trackio.init(
        PROJECT,
        name=run.id,
        group=run.config.method,
        config=_settings(run),
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    for step, _, values in points:
        trackio.log(values, step=step)
    trackio.finish()


_WRITERS: dict[Tracker, tuple[str, Callable[[Run, Sequence[Point], Path], None]]] = {
    "tensorboard": ("TensorBoard", _tensorboard),
    "wandb": ("Weights & Biases", _wandb),
    "trackio": ("trackio", _trackio),
}
"""The tracker's title, and the function."""
