"""Sweeps: sizes of the training set × methods × seeds, from which scaling laws are fitted.

Training sets are nested: the frames of one size are among those of every larger size with the same
seed. They go through the materials in rounds (`core.frames.splits.training_subset`), so that sizes
up to the number of materials have one frame per material. The cheapest runs go first, so that small
sizes can be looked at while large ones train. A sweep can grow by sizes, methods and seeds;
existing runs stay as they are.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from filelock import FileLock
from pydantic import Field

from core.errors import LabError
from core.home import locks_dir, sweeps_dir
from core.runs.groups.group import Group, check_choices
from core.runs.groups.progress import cost
from core.runs.groups.sizes import check_sizes
from core.runs.record.machine import machine, software
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS


class Sweep(Group):
    """One sweep; `base` has neither frames nor, with `steps`, epochs of its own.

    Attributes:
        sizes: numbers of training frames, ascending.
        steps: optimiser steps of every run, rounded up to whole epochs; None where all runs have
            the epochs (and the patience) of `base`.
        machine: description of the machine on which it was created.
        versions: software versions at its creation, by name.
    """

    kind: ClassVar[str] = "sweep"
    folder: ClassVar[Callable[[], Path]] = staticmethod(sweeps_dir)

    sizes: list[int]
    steps: int | None = Field(default=None, ge=1)
    machine: str
    versions: dict[str, str]

    @classmethod
    def draft(
        cls,
        base: RunConfig,
        *,
        sizes: Sequence[int],
        methods: Sequence[str],
        seeds: Sequence[int],
        steps: int | None = None,
        n_train: int | None = None,
    ) -> Self:
        """Return a sweep without runs, after checking its settings.

        Args:
            base: settings that all runs have in common.
            sizes: numbers of training frames.
            methods: keys of METHODS.
            seeds: seeds; each method and size has one run per seed.
            steps: optimiser steps of every run, instead of the epochs of `base`.
            n_train: training frames of the data set; None counts them.

        Raises:
            LabError: if sizes, methods or seeds are missing, unknown, repeated or beyond the data,
                settings exclude each other or are not supported by a method, or there are too many
                runs.
        """
        if base.frames is not None:
            raise LabError("a sweep has sizes instead of a number of frames; leave --frames out.")
        if steps is not None and (steps < 1 or base.patience or base.minutes):
            raise LabError(
                "--steps is at least 1 and sets the epochs of every run; leave --patience and "
                "--minutes out, or --steps."
            )
        draft = cls(
            name=base.name,
            base=base,
            sizes=[],
            methods=[],
            seeds=[],
            steps=steps,
            machine=machine(),
            versions=software(),
        )
        return draft.extended(sizes, methods, seeds, n_train)

    def axes(self) -> dict[str, list[Any]]:
        """Return what varies between its runs: values by the name of their option."""
        return {"sizes": self.sizes, **super().axes()}

    def own_options(self) -> list[str]:
        """Return the options of its command that no single run has."""
        return [] if self.steps is None else ["--steps", str(self.steps)]

    def epochs(self, size: int) -> int:
        """Return the epochs of a run.

        Args:
            size: its number of training frames.
        """
        if self.steps is None:
            return self.base.epochs
        return math.ceil(self.steps / math.ceil(size / self.base.batch_size))

    def configs(self) -> list[RunConfig]:
        """Return the settings of its runs, the cheapest first.

        Raises:
            LabError: if a method does not support them.
        """
        configs = [
            self.base.of_method(
                method,
                where=f"{method}, {size} frames",
                frames=size,
                seed=seed,
                epochs=self.epochs(size),
            )
            for seed in self.seeds
            for method in self.methods
            for size in self.sizes
        ]
        # a stable sort: among runs of equal cost, by seed, then method
        return sorted(configs, key=lambda config: (cost(config, 0), config.frames))

    def grow(
        self,
        *,
        sizes: Sequence[int] = (),
        methods: Sequence[str] = (),
        seeds: Sequence[int] = (),
    ) -> Self:
        """Add sizes, methods or seeds, and create deleted runs anew.

        Existing runs stay as they are. The new runs queue behind all others, the cheapest of them
        first; `launch` starts them.

        Args:
            sizes: further sizes; those it already has are ignored.
            methods: further methods.
            seeds: further seeds.

        Returns:
            The sweep with its new runs.

        Raises:
            LabError: as `draft` and `create`.
        """
        with FileLock(locks_dir() / f"sweep-{self.id}.lock"):
            # another process may have let it grow meanwhile
            current = self.load(self.id)
            grown = current.extended(
                list(dict.fromkeys([*current.sizes, *sizes])),
                list(dict.fromkeys([*current.methods, *methods])),
                list(dict.fromkeys([*current.seeds, *seeds])),
            )
            return grown.create()

    def extended(
        self,
        sizes: Sequence[int],
        methods: Sequence[str],
        seeds: Sequence[int],
        n_train: int | None = None,
    ) -> Self:
        """Return the sweep with other sizes, methods and seeds, after checking them.

        Args:
            sizes: numbers of training frames.
            methods: keys of METHODS.
            seeds: seeds.
            n_train: training frames of the data set; None counts them.

        Raises:
            LabError: as `draft`.
        """
        check_choices(methods, seeds, n_runs=len(sizes) * len(methods) * len(seeds))
        dataset = self.base.dataset
        check_sizes(sizes, dataset=dataset, n_train=n_train or _n_train(dataset))
        axes = {
            "sizes": sorted(sizes),
            "methods": [method for method in METHODS if method in methods],
            "seeds": list(seeds),
        }
        extended = self.model_copy(update=axes)
        extended.configs()
        return extended


def _n_train(dataset: str) -> int:
    # listing sweeps does without pandas
    from core.frames.registry import open_frame_set  # noqa: PLC0415

    return len(open_frame_set(dataset).split().train)
