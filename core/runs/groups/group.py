"""Runs that belong together: created, started, stopped and deleted as one."""

import secrets
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import access
from core.errors import LabError
from core.files import disk_errors, write_whole
from core.home import runs_dir
from core.runs.groups.progress import GroupProgress, progress_of
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

MOST_RUNS = 500


class Group(BaseModel, ABC):
    """Runs that were requested together; their state is in their directories alone.

    Attributes:
        version: layout of this record.
        id: name of its file; empty for a draft.
        name: the user's own words; may be empty.
        created: UTC epoch seconds.
        base: settings that all runs have in common.
        methods: keys of METHODS.
        seeds: seeds; each method has one run per seed.
        runs: ids of the runs, in the order in which they were queued.
        on: profile of the cluster that they work on; None for this machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    """Its name on the command line."""

    folder: ClassVar[Callable[[], Path]]
    """Returns the directory that holds one file per group of this kind."""

    version: int = Field(default=1, ge=1, le=1)
    id: str = ""
    name: str = ""
    created: float = 0.0
    base: RunConfig
    methods: list[str]
    seeds: list[int]
    runs: list[str] = Field(default_factory=list)
    on: str | None = None

    @classmethod
    def load_all(cls) -> list[Self]:
        """Return all groups of this kind, newest first; unreadable files are skipped."""
        groups = []
        for path in cls.folder().glob("*.json"):
            try:
                groups.append(cls.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        return sorted(groups, key=lambda group: (group.created, group.id), reverse=True)

    @classmethod
    def load(cls, name: str) -> Self:
        """Return the group with this id.

        Raises:
            LabError: if there is none.
        """
        groups = cls.load_all()
        for group in groups:
            if group.id == name:
                return group
        ids = ", ".join(group.id for group in groups) or "none yet"
        raise LabError(f"{name}: no such {cls.kind}; existing ones: {ids}.")

    def save(self) -> None:
        """Write the record, or replace it.

        Raises:
            LabError: if the disk is full or the folder may not be written.
        """
        path = type(self).folder() / f"{self.id}.json"
        with disk_errors(path):
            write_whole(path, self.model_dump_json(indent=1).encode())

    @property
    def command(self) -> str:
        """The command that starts the same runs."""
        axes = self.axes().items()
        options = [word for name, values in axes for word in (f"--{name}", _joined(values))]
        options += [*self.own_options(), *(["--on", self.on] if self.on else [])]
        settings = shlex.split(self.base.command)
        settings = settings[settings.index("--dataset") :]
        if "--seed" in settings:
            at = settings.index("--seed")
            del settings[at : at + 2]
        return shlex.join(["atomref", self.kind, "run", *options, *settings])

    def axes(self) -> dict[str, list[Any]]:
        """Return what varies between its runs: values by the name of their option."""
        return {"methods": self.methods, "seeds": self.seeds}

    def own_options(self) -> list[str]:
        """Return the options of its command that no single run has."""
        return []

    @abstractmethod
    def configs(self) -> list[RunConfig]:
        """Return the settings of its runs, in the order in which they are queued.

        Raises:
            LabError: if a method does not support them.
        """

    def create(self) -> Self:
        """Create the missing runs, all of them or none, and start nothing.

        Returns:
            The group with its runs; a draft gets its id.

        Raises:
            LabError: if a run cannot be created.
        """
        access.require("launch", f"make {self.kind} {self.id or self.name}".rstrip())
        existing = {_cell(run.config): run.id for run in self.existing_runs()}
        missing = [config for config in self.configs() if _cell(config) not in existing]
        changes: dict[str, Any] = {}
        if not self.id:
            now = time.time()
            changes = {"id": _new_id(now), "created": now}
        with new_runs(missing, on=self.on) as runs:
            changes["runs"] = [*existing.values(), *(run.id for run in runs)]
            group = self.model_copy(update=changes)
            group.save()
        return group

    def existing_runs(self) -> list[Run]:
        """Return its runs that have not been deleted, in their order."""
        return [Run(path) for name in self.runs if (path := runs_dir() / name).is_dir()]

    def progress(self) -> GroupProgress:
        """Return how many runs have finished and how long the others may take."""
        return progress_of(self.existing_runs())

    def summary(self) -> dict[str, Any]:
        """Return what a list of groups shows of it: what varies, and how many runs finished."""
        progress = self.progress()
        return {
            "name": self.name,
            "dataset": self.base.dataset,
            **self.axes(),
            "finished": progress.finished,
            "active": progress.active,
            "of": progress.of,
        }

    def launch(self) -> None:
        """Start the processes of all runs that were never started; each waits for its device.

        On a cluster they are one array of jobs.

        Raises:
            LabError: if some cannot be started; the others are.
        """

        def new(status: Status) -> bool:
            return status.handle is None and status.state == "queued"

        def forgotten(status: Status) -> bool:
            # created a while ago, and without a process since
            return status.handle is None and status.state == "failed"

        runs = self.existing_runs()
        _together(runs, new, local.launch)
        _together(runs, forgotten, local.resume)

    def cancel(self) -> None:
        """Stop all runs that wait or train, the last ones first so that none starts meanwhile.

        Raises:
            LabError: if some cannot be stopped, such as runs of another user; the others are.
        """
        runs = self.existing_runs()[::-1]
        _for_each(runs, lambda run, status: local.cancel(run) if status.is_active else None)

    def resume(self) -> None:
        """Resume all runs that were stopped or failed.

        Raises:
            LabError: if some cannot be started; the others are.
        """
        stopped = {"cancelled", "paused", "failed"}
        _together(self.existing_runs(), lambda status: status.state in stopped, local.resume)

    def delete(self) -> None:
        """Delete the group with its runs.

        Raises:
            LabError: if one of them waits or trains.
        """
        for run in self.existing_runs():
            status = status_if_any(run)
            if status is not None and status.is_active:
                raise LabError(f"{self.id}: {run.id} is {status.state}; cancel it first.")
            owner = status.launched_by if status else None
            access.require("launch", f"delete {self.id}", owner=owner or access.UNKNOWN)
        for run in self.existing_runs():
            local.delete(run)
        (type(self).folder() / f"{self.id}.json").unlink(missing_ok=True)


@contextmanager
def new_runs(configs: Sequence[RunConfig], on: str | None = None) -> Iterator[list[Run]]:
    """Create runs, all of them or none, and start nothing.

    Args:
        configs: settings of each run.
        on: profile of the cluster that they will work on; None for this machine.

    Yields:
        The runs; an exception in the block deletes them.

    Raises:
        LabError: if one cannot be created.
    """
    runs: list[Run] = []
    try:
        runs.extend(local.create(config, on=on) for config in configs)
        yield runs
    except BaseException:
        for run in runs:
            local.cancel(run)
            local.delete(run)
        raise


def many(number: int, what: str) -> str:
    """Return "1 seed" or "3 seeds".

    Args:
        number: how many.
        what: of what, in the singular.
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _cell(config: RunConfig) -> tuple[int | None, str, int]:
    return config.frames, config.method, config.seed


def _new_id(created: float) -> str:
    """Return an id that sorts by time."""
    return f"{time.strftime('%Y%m%d-%H%M', time.localtime(created))}-{secrets.token_hex(2)}"


def check_choices(methods: Sequence[str], seeds: Sequence[int], *, n_runs: int) -> None:
    """Check the methods and seeds of a new group.

    Args:
        methods: keys of METHODS.
        seeds: seeds.
        n_runs: total number of runs.

    Raises:
        LabError: if methods or seeds are missing, unknown or repeated, or there are too many runs.
    """
    if unknown := sorted(set(methods) - METHODS.keys()):
        raise LabError(f"{unknown[0]}: is not a method; choose among {', '.join(METHODS)}.")
    if not methods or not seeds:
        raise LabError("Choose at least one method and one seed.")
    if len(set(methods)) < len(methods) or len(set(seeds)) < len(seeds):
        raise LabError("A method or a seed is given twice; give each only once.")
    if n_runs > MOST_RUNS:
        raise LabError(f"{n_runs} runs are too many at once; ask for at most {MOST_RUNS}.")


def _joined(values: Sequence[Any]) -> str:
    return ",".join(map(str, values))


def _together(
    runs: Sequence[Run], wanted: Callable[[Status], bool], start: Callable[..., None]
) -> None:
    """Start runs: those of this machine one by one, those of a cluster in one submission.

    Args:
        runs: runs of a group.
        wanted: whether a run is to be started, by its status.
        start: starts runs.
    """
    there = [
        run
        for run in runs
        if (status := status_if_any(run)) is not None and status.on and wanted(status)
    ]
    if there:
        start(*there)
    _for_each(runs, lambda run, status: start(run) if not status.on and wanted(status) else None)


def _for_each(runs: Sequence[Run], change: Callable[[Run, Status], None]) -> None:
    """Change each run as its state requires; raise the first failure once all are done.

    A run whose state has changed meanwhile, so that nothing is left to do, is not a failure.
    """
    errors: list[LabError] = []
    for run in runs:
        status = status_if_any(run)
        if status is None:
            continue
        try:
            change(run, status)
        except LabError as error:
            now = status_if_any(run)
            if now is not None and now.state == status.state:
                errors.append(error)
    if errors:
        raise errors[0]
