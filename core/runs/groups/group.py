"""Several runs that were asked for together: made, started, stopped and deleted as one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import LabError
from core.files import disk_errors, write_whole
from core.home import runs_dir
from core.runs.process import local
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

MOST_RUNS = 500

GroupType = TypeVar("GroupType", bound="Group")


class Group(BaseModel):
    """Runs that were asked for together; all that is known of them is in their directories.

    Attributes:
        version: layout of this record.
        id: its file's name.
        name: the user's own words; may be empty.
        created: UTC epoch seconds.
        base: what all runs have in common.
        methods: keys of METHODS.
        seeds: one run of each method a seed.
        runs: ids of the runs, in the order in which they were queued.
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


@contextmanager
def new_runs(configs: Sequence[RunConfig]) -> Iterator[list[Run]]:
    """Make runs, all of them or none, and start nothing.

    Args:
        configs: what each is asked for.

    Yields:
        The runs; an exception in the block deletes them.

    Raises:
        LabError: if one cannot be made.
    """
    runs: list[Run] = []
    try:
        runs.extend(local.create(config) for config in configs)
        yield runs
    except BaseException:
        for run in runs:
            local.cancel(run)
            local.delete(run)
        raise


def write(group: Group, folder: Path) -> None:
    """Write a group's record, or replace it.

    Raises:
        LabError: the disk is full or the folder may not be written.
    """
    path = folder / f"{group.id}.json"
    with disk_errors(path):
        write_whole(path, group.model_dump_json(indent=1).encode())


def read_all(kind: type[GroupType], folder: Path) -> list[GroupType]:
    """Return all records of a kind, newest first; files that cannot be read are passed over."""
    found = []
    for path in folder.glob("*.json"):
        try:
            found.append(kind.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            continue
    return sorted(found, key=lambda one: (one.created, one.id), reverse=True)


def find(kind: type[GroupType], folder: Path, name: str, *, what: str) -> GroupType:
    """Return a record by its id.

    Args:
        kind: its class.
        folder: where records of the kind lie.
        name: its id.
        what: what the message calls the kind.

    Raises:
        LabError: there is none.
    """
    known = read_all(kind, folder)
    for one in known:
        if one.id == name:
            return one
    listed = ", ".join(one.id for one in known) or "none yet"
    raise LabError(f"{name}: no such {what}; there are: {listed}.")


def check(methods: Sequence[str], seeds: Sequence[int], *, n_runs: int, what: str) -> None:
    """Check what is asked for.

    Args:
        methods: keys of METHODS.
        seeds: seeds.
        n_runs: runs in all.
        what: what the message calls the group.

    Raises:
        LabError: no or unknown methods, no seeds, one of either twice, or too many runs.
    """
    if strangers := sorted(set(methods) - METHODS.keys()):
        raise LabError(f"{strangers[0]}: is no method; choose among {', '.join(METHODS)}.")
    if not methods or not seeds:
        raise LabError(f"{what} needs at least one method and one seed; name them.")
    if len(set(methods)) < len(methods) or len(set(seeds)) < len(seeds):
        raise LabError(f"{what} has each method and each seed once; name none twice.")
    if n_runs > MOST_RUNS:
        raise LabError(f"{n_runs} runs are too many for {what}; ask for {MOST_RUNS} at most.")


def launch(group: Group) -> None:
    """Start the processes of all runs that were never started; each waits for its device.

    Raises:
        LabError: if some cannot be started; the others are.
    """

    def start(run: Run, status: Status) -> None:
        if status.pid is None and status.state == "queued":
            local.launch(run)
        elif status.pid is None and status.state == "failed":
            # made a while ago, and left without a process since
            local.resume(run)

    _each(runs_of(group), start)


def runs_of(group: Group) -> list[Run]:
    """Return the runs of a group that are still there, in its order."""
    return [Run(path) for name in group.runs if (path := runs_dir() / name).is_dir()]


def cancel(group: Group) -> None:
    """Ask all runs that wait or train to stop, the last ones first, so that none begins meanwhile.

    Raises:
        LabError: if some cannot be stopped, as a run of another user; the others are.
    """

    def stop(run: Run, status: Status) -> None:
        if status.is_active:
            local.cancel(run)

    _each(runs_of(group)[::-1], stop)


def resume(group: Group) -> None:
    """Let all runs go on that were stopped or failed.

    Raises:
        LabError: if some cannot be started; the others are.
    """

    def go_on(run: Run, status: Status) -> None:
        if status.state in {"cancelled", "paused", "failed"}:
            local.resume(run)

    _each(runs_of(group), go_on)


def _each(runs: Sequence[Run], change: Callable[[Run, Status], None]) -> None:
    """Do something to each run as it stands then, and tell of the first that refused at the end.

    A run that somebody else changed between the look and the deed, so that now there is nothing to
    do, is no refusal.
    """
    refused: list[LabError] = []
    for run in runs:
        status = status_if_any(run)
        if status is None:
            continue
        try:
            change(run, status)
        except LabError as error:
            now = status_if_any(run)
            if now is not None and now.state == status.state:
                refused.append(error)
    if refused:
        raise refused[0]


def delete(group: Group, folder: Path) -> None:
    """Delete a group with its runs.

    Raises:
        LabError: if one of them waits or trains.
    """
    for run in runs_of(group):
        status = status_if_any(run)
        if status is not None and status.is_active:
            raise LabError(f"{group.id}: {run.id} is {status.state}; cancel it first.")
    for run in runs_of(group):
        local.delete(run)
    (folder / f"{group.id}.json").unlink(missing_ok=True)
