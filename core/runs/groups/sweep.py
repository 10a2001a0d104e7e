"""Sweeps: sizes of the training set × methods × seeds, from which scaling laws are fitted.

Training frames are nested: those of a size are among those of every larger size of the same seed.
They go through the materials in rounds (`core.frames.splits.training_subset`), so that sizes up to
the number of materials have one frame of each. The cheapest runs go first, so that the small sizes
are there to look at while the large ones train. A sweep can grow by sizes, methods and seeds; what
is there stays.
"""

import math
import shlex
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from filelock import FileLock
from pydantic import Field

from core.errors import LabError
from core.home import locks_dir, sweeps_dir
from core.runs.groups import group
from core.runs.groups.experiment import new_id, settings_of
from core.runs.groups.group import Group, launch, runs_of
from core.runs.groups.sizes import check_sizes
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.machine import machine, software
from core.runs.record.status import Status
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

__all__ = [
    "Progress",
    "Sweep",
    "cancel",
    "delete",
    "epochs_of",
    "find_sweep",
    "grow",
    "launch",
    "list_sweeps",
    "make_sweep",
    "progress",
    "resume",
    "runs_of",
]

cancel, resume = group.cancel, group.resume

_LATEST = 5
"""Finished runs by which the time left is told."""


class Sweep(Group):
    """One sweep; `base` has neither frames nor, with `steps`, epochs of its own.

    Attributes:
        sizes: numbers of training frames, from small to large.
        steps: optimiser steps of every run, rounded up to whole epochs; None where all runs have
            the epochs (and the patience) of `base`.
        machine: the machine that it was asked for on, in words.
        versions: software it was asked for with, by name.
    """

    sizes: list[int]
    steps: int | None = Field(default=None, ge=1)
    machine: str
    versions: dict[str, str]

    @property
    def command(self) -> str:
        """The command that starts the same sweep."""
        words = [
            *("--sizes", ",".join(map(str, self.sizes))),
            *("--methods", ",".join(self.methods)),
            *("--seeds", ",".join(map(str, self.seeds))),
        ]
        if self.steps is not None:
            words += ["--steps", str(self.steps)]
        settings = settings_of(self.base)
        return shlex.join(["atomref", "sweep", "run", *words, *settings])


@dataclass(kw_only=True, frozen=True, slots=True)
class Progress:
    """How far a sweep is.

    Attributes:
        finished: runs that finished.
        active: runs that wait or train.
        of: runs in all that are still there.
        share: of all training steps, those that are done.
        eta_s: seconds left, by what the last finished runs took; None until one has finished, or
            where nothing waits or trains.
    """

    finished: int
    active: int
    of: int
    share: float
    eta_s: float | None


def make_sweep(
    base: RunConfig,
    *,
    sizes: Sequence[int],
    methods: Sequence[str],
    seeds: Sequence[int],
    steps: int | None = None,
) -> Sweep:
    """Make the runs of a sweep, all of them or none, and start nothing.

    Args:
        base: what all runs have in common.
        sizes: numbers of training frames.
        methods: keys of METHODS.
        seeds: one run of each method and size a seed.
        steps: give each run so many optimiser steps instead of the epochs of `base`.

    Raises:
        LabError: sizes, methods or seeds that are missing, unknown, given twice or beyond the
            data; settings that exclude each other or that a method refuses; or too many runs.
    """
    if base.frames is not None:
        raise LabError("a sweep has sizes instead of a number of frames; leave --frames out.")
    if steps is not None and (steps < 1 or base.patience or base.minutes):
        raise LabError(
            "--steps is at least 1 and settles the epochs of every run; leave --patience and "
            "--minutes out, or --steps."
        )
    now = time.time()
    draft = Sweep(
        id=new_id(now),
        name=base.name,
        created=now,
        base=base,
        sizes=[],
        methods=[],
        seeds=[],
        steps=steps,
        machine=machine(),
        versions=software(),
        runs=[],
    )
    return _extended(draft, sizes, methods, seeds)


def grow(
    sweep: Sweep,
    *,
    sizes: Sequence[int] = (),
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Sweep:
    """Add sizes, methods or seeds to a sweep, and make anew what was deleted of it.

    What is there already stays as it is. The new runs queue behind all others, the cheapest of
    them first; `launch` starts them.

    Args:
        sweep: the sweep.
        sizes: further sizes; those it has already do no harm.
        methods: further methods.
        seeds: further seeds.

    Returns:
        The sweep with its new runs.

    Raises:
        LabError: as `make_sweep`.
    """
    lock = FileLock(locks_dir() / f"sweep-{sweep.id}.lock")
    with lock:
        # as it is now: somebody else may have let it grow meanwhile
        known = find_sweep(sweep.id)
        return _extended(
            known,
            list(dict.fromkeys([*known.sizes, *sizes])),
            list(dict.fromkeys([*known.methods, *methods])),
            list(dict.fromkeys([*known.seeds, *seeds])),
        )


def epochs_of(size: int, *, base: RunConfig, steps: int | None) -> int:
    """Return the epochs of a run of a sweep.

    Args:
        size: its training frames.
        base: the sweep's.
        steps: the sweep's.
    """
    return base.epochs if steps is None else math.ceil(steps / math.ceil(size / base.batch_size))


def list_sweeps() -> list[Sweep]:
    """Return all sweeps, newest first; files that cannot be read are passed over."""
    return group.read_all(Sweep, sweeps_dir())


def find_sweep(name: str) -> Sweep:
    """Return a sweep by its id.

    Raises:
        LabError: there is none.
    """
    return group.find(Sweep, sweeps_dir(), name, what="sweep")


def delete(sweep: Sweep) -> None:
    """Delete a sweep with its runs.

    Raises:
        LabError: if one of them waits or trains.
    """
    group.delete(sweep, sweeps_dir())


def progress(sweep: Sweep) -> Progress:
    """Return how far a sweep is and how long it may still take."""
    known = [(run, status) for run in runs_of(sweep) if (status := status_if_any(run)) is not None]
    finished = [(run, status) for run, status in known if status.state == "finished"]
    active = [(run, status) for run, status in known if status.is_active]
    cost = sum(_cost(run.config) for run, _ in known)
    done = sum(
        _cost(run.config) * (1.0 if status.state == "finished" else _share(status))
        for run, status in known
    )
    return Progress(
        finished=len(finished),
        active=len(active),
        of=len(known),
        share=done / cost if cost else 0.0,
        eta_s=_seconds_left(active, finished) if active and finished else None,
    )


def _share(status: Status) -> float:
    return min(1.0, status.epoch / status.epochs)


def _seconds_left(
    active: Sequence[tuple[Run, Status]], finished: Sequence[tuple[Run, Status]]
) -> float | None:
    """Return the time that runs still need, by the last ones that finished.

    A run takes as long as its frames take at their rate, and a while besides for starting,
    validation and test, which does not depend on its size.
    """
    seconds_a_frame, besides = [], []
    for run, status in finished[-_LATEST:]:
        rates = [event["frames_per_second"] for event in run.metrics("epoch")]
        if rates and status.started is not None and status.ended is not None:
            seconds_a_frame.append(len(rates) / sum(rates))
            trained = _cost(run.config) * seconds_a_frame[-1]
            besides.append(max(0.0, status.ended - status.started - trained))
    if not besides:
        return None
    pace, fixed = statistics.median(seconds_a_frame), statistics.median(besides)
    return sum((1 - _share(status)) * (_cost(run.config) * pace + fixed) for run, status in active)


def _extended(
    sweep: Sweep, sizes: Sequence[int], methods: Sequence[str], seeds: Sequence[int]
) -> Sweep:
    """Make the runs that a sweep lacks of the product of all that is asked for."""
    n_runs = len(sizes) * len(methods) * len(seeds)
    group.check(methods, seeds, n_runs=n_runs, what="a sweep")
    dataset = sweep.base.dataset
    check_sizes(sizes, dataset=dataset, n_train=_training_frames(dataset))
    there = {_key(run.config) for run in runs_of(sweep)}
    asked = [
        _config(sweep, size, method, seed)
        for seed in seeds
        for method in METHODS
        if method in methods
        for size in sizes
    ]
    missing = [config for config in asked if _key(config) not in there]
    # a stable sort: of equal cost, the first seed's first, in the order of methods
    missing.sort(key=lambda config: (_cost(config), config.frames))
    with group.new_runs(missing) as runs:
        kept = [run.id for run in runs_of(sweep)]
        grown = sweep.model_copy(
            update={
                "sizes": sorted(sizes),
                "methods": [method for method in METHODS if method in methods],
                "seeds": list(seeds),
                "runs": [*kept, *(run.id for run in runs)],
            }
        )
        group.write(grown, sweeps_dir())
    return grown


def _config(sweep: Sweep, size: int, method: str, seed: int) -> RunConfig:
    base = sweep.base
    changes = {
        "frames": size,
        "method": method,
        "seed": seed,
        "epochs": epochs_of(size, base=base, steps=sweep.steps),
    }
    return RunConfig.parse(base.model_dump() | changes, where=f"{method}, {size} frames")


def _key(config: RunConfig) -> tuple[int | None, str, int]:
    return config.frames, config.method, config.seed


def _cost(config: RunConfig) -> int:
    """Return the number of frames that a run trains on, each counted in every epoch."""
    return (config.frames or 0) * config.epochs


def _training_frames(dataset: str) -> int:
    # listing sweeps has no use for pandas
    from core.frames.registry import open_dataset  # noqa: PLC0415
    from core.frames.store import FrameSet  # noqa: PLC0415

    data = open_dataset(dataset)
    if not isinstance(data, FrameSet):
        raise LabError(f"{dataset}: holds pairs; a sweep trains on frames, so import it as frames.")
    return len(data.split().train)
