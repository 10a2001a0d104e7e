"""Matched experiments: several methods and seeds on the same data, split and budget.

An experiment is a list of runs in one file; all that is known of them is in their directories. Runs
of one seed share their training frames and the order of these, so methods differ in nothing else.
"""

import secrets
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import LabError
from core.home import experiments_dir, runs_dir
from core.runs import local
from core.runs.directory import Run
from core.runs.listing import status_if_any
from core.runs.storage import disk_errors_told, write_whole
from core.transfer.config import RunConfig
from core.transfer.methods import METHODS

MOST_RUNS = 500


class Experiment(BaseModel):
    """One matched experiment.

    Attributes:
        version: layout of this record.
        id: its file's name.
        name: the user's own words; may be empty.
        created: UTC epoch seconds.
        base: what all runs have in common; its method and seed stand for the first run's.
        methods: keys of METHODS.
        seeds: one run of each method a seed.
        runs: ids of the runs, the first seed's first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(default=1, ge=1, le=1)
    id: str
    name: str
    created: float
    base: RunConfig
    methods: list[str]
    seeds: list[int]
    runs: list[str]

    @property
    def command(self) -> str:
        """The command that starts the same experiment."""
        words = shlex.split(self.base.command())
        settings = words[words.index("--dataset") :]
        if "--seed" in settings:
            at = settings.index("--seed")
            settings = settings[:at] + settings[at + 2 :]
        chosen = ["--methods", ",".join(self.methods), "--seeds", ",".join(map(str, self.seeds))]
        return shlex.join(["python", "-m", "core", "experiment", "run", *chosen, *settings])


def make_experiment(base: RunConfig, *, methods: Sequence[str], seeds: Sequence[int]) -> Experiment:
    """Make the runs of an experiment, all of them or none, and start nothing.

    Args:
        base: what all runs have in common.
        methods: keys of METHODS.
        seeds: one run of each method a seed.

    Raises:
        LabError: no or unknown methods, no seeds, one of either twice, settings that a method
            refuses, or too many runs.
    """
    _check(methods, seeds)
    configs = [
        RunConfig.parse(base.model_dump() | {"method": method, "seed": seed}, where=method)
        for seed in seeds
        for method in METHODS
        if method in methods
    ]
    runs: list[Run] = []
    try:
        runs.extend(local.create(config) for config in configs)
        now = time.time()
        name = f"{time.strftime('%Y%m%d-%H%M', time.localtime(now))}-{secrets.token_hex(2)}"
        experiment = Experiment(
            id=name,
            name=base.name,
            created=now,
            base=configs[0],
            methods=[method for method in METHODS if method in methods],
            seeds=list(seeds),
            runs=[run.id for run in runs],
        )
        path = experiments_dir() / f"{name}.json"
        with disk_errors_told(path):
            write_whole(path, experiment.model_dump_json(indent=1).encode())
    except BaseException:
        for run in runs:
            local.cancel(run)
            local.delete(run)
        raise
    return experiment


def launch(experiment: Experiment) -> None:
    """Start the processes of all runs that were never started; each waits for its device.

    Raises:
        LabError: if one cannot be started; those before it are.
    """
    for run in runs_of(experiment):
        status = status_if_any(run)
        if status is not None and status.state == "queued" and status.pid is None:
            local.launch(run)


def runs_of(experiment: Experiment) -> list[Run]:
    """Return the runs of an experiment that are still there, in its order."""
    return [Run(path) for name in experiment.runs if (path := runs_dir() / name).is_dir()]


def list_experiments() -> list[Experiment]:
    """Return all experiments, newest first; files that cannot be read are passed over."""
    found = []
    for path in experiments_dir().glob("*.json"):
        try:
            found.append(_read(path))
        except LabError:
            continue
    return sorted(found, key=lambda one: (one.created, one.id), reverse=True)


def find_experiment(name: str) -> Experiment:
    """Return an experiment by its id.

    Raises:
        LabError: there is none.
    """
    for one in list_experiments():
        if one.id == name:
            return one
    known = ", ".join(one.id for one in list_experiments()) or "none yet"
    raise LabError(f"{name}: no such experiment; there are: {known}.")


def cancel(experiment: Experiment) -> None:
    """Ask all runs that wait or train to stop, the last ones first, so that none begins meanwhile.

    Raises:
        LabError: if a run belongs to another user.
    """
    for run in reversed(runs_of(experiment)):
        status = status_if_any(run)
        if status is not None and status.is_active:
            local.cancel(run)


def resume(experiment: Experiment) -> None:
    """Let all runs go on that were stopped or failed.

    Raises:
        LabError: if one cannot be started.
    """
    for run in runs_of(experiment):
        status = status_if_any(run)
        if status is not None and status.state in {"cancelled", "paused", "failed"}:
            local.resume(run)


def delete(experiment: Experiment) -> None:
    """Delete an experiment with its runs.

    Raises:
        LabError: if one of them waits or trains.
    """
    runs = runs_of(experiment)
    for run in runs:
        status = status_if_any(run)
        if status is not None and status.is_active:
            raise LabError(f"{experiment.id}: {run.id} is {status.state}; cancel it first.")
    for run in runs:
        local.delete(run)
    (experiments_dir() / f"{experiment.id}.json").unlink(missing_ok=True)


def _check(methods: Sequence[str], seeds: Sequence[int]) -> None:
    if strangers := sorted(set(methods) - METHODS.keys()):
        raise LabError(f"{strangers[0]}: is no method; choose among {', '.join(METHODS)}.")
    if not methods or not seeds:
        raise LabError("an experiment needs at least one method and one seed; name them.")
    if len(set(methods)) < len(methods) or len(set(seeds)) < len(seeds):
        raise LabError("an experiment has each method and each seed once; name none twice.")
    if len(methods) * len(seeds) > MOST_RUNS:
        raise LabError(
            f"{len(methods) * len(seeds)} runs are too many for one experiment; ask for "
            f"{MOST_RUNS} at most."
        )


def _read(path: Path) -> Experiment:
    try:
        return Experiment.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise LabError(f"{path}: cannot be read as an experiment; delete the file.") from None
