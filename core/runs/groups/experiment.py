"""Matched experiments: several methods and seeds on the same data, split and budget.

Runs with the same seed share their training frames and the order of these, so that methods differ
in nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Self

from core.home import experiments_dir
from core.runs.groups.group import Group, check_choices, many
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS


class Experiment(Group):
    """One matched experiment: its runs are seeds × methods, those of the first seed first.

    The method and seed of `base` are those of the first run.
    """

    kind: ClassVar[str] = "experiment"
    folder: ClassVar[Callable[[], Path]] = staticmethod(experiments_dir)

    @classmethod
    def draft(cls, base: RunConfig, *, methods: Sequence[str], seeds: Sequence[int]) -> Self:
        """Return an experiment without runs, after checking its settings.

        Args:
            base: settings that all runs have in common.
            methods: keys of METHODS.
            seeds: seeds; each method has one run per seed.

        Raises:
            LabError: if methods or seeds are missing, unknown or repeated, a method does not
                support the settings, or there are too many runs.
        """
        check_choices(methods, seeds, n_runs=len(methods) * len(seeds))
        ordered = [method for method in METHODS if method in methods]
        draft = cls(name=base.name, base=base, methods=ordered, seeds=list(seeds))
        configs = draft.configs()
        # One that names all data sets, if any does.
        named = next((config for config in configs if config.functionals.datasets), configs[0])
        return draft.model_copy(update={"base": named})

    @property
    def text(self) -> str:
        """What its runs are, in one sentence."""
        frames = "all" if self.base.frames is None else f"{self.base.frames:,}"
        return (
            f"{many(len(self.methods), 'method')} and {many(len(self.seeds), 'seed')} on "
            f"{self.base.dataset}, {frames} training frames, at most "
            f"{many(self.base.epochs, 'epoch')}."
        )

    def configs(self) -> list[RunConfig]:
        """Return the settings of its runs.

        Raises:
            LabError: if a method does not support them.
        """
        return [
            self.base.of_method(method, where=method, seed=seed)
            for seed in self.seeds
            for method in self.methods
        ]
