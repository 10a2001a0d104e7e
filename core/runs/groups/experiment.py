"""Matched experiments: several methods and seeds on the same data, split and budget.

Runs of one seed share their training frames and the order of these, so methods differ in nothing
else.
"""

import secrets
import shlex
import time
from collections.abc import Sequence

from core.home import experiments_dir
from core.runs.groups import group
from core.runs.groups.group import Group, launch, runs_of
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

__all__ = [
    "Experiment",
    "cancel",
    "delete",
    "find_experiment",
    "launch",
    "list_experiments",
    "make_experiment",
    "resume",
    "runs_of",
]

cancel, resume = group.cancel, group.resume


class Experiment(Group):
    """One matched experiment: its runs are seeds × methods, the first seed's first.

    The method and seed of `base` stand for the first run's.
    """

    @property
    def command(self) -> str:
        """The command that starts the same experiment."""
        settings = settings_of(self.base)
        chosen = ["--methods", ",".join(self.methods), "--seeds", ",".join(map(str, self.seeds))]
        return shlex.join(["atomref", "experiment", "run", *chosen, *settings])


def settings_of(base: RunConfig) -> list[str]:
    """Return the words of a run's command that do not name its method or seed."""
    words = shlex.split(base.command())
    settings = words[words.index("--dataset") :]
    if "--seed" in settings:
        at = settings.index("--seed")
        settings = settings[:at] + settings[at + 2 :]
    return settings


def new_id(created: float) -> str:
    """Return an id that sorts by time, for an experiment or a sweep."""
    return f"{time.strftime('%Y%m%d-%H%M', time.localtime(created))}-{secrets.token_hex(2)}"


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
    n_runs = len(methods) * len(seeds)
    group.check(methods, seeds, n_runs=n_runs, what="an experiment")
    configs = [
        RunConfig.parse(base.model_dump() | {"method": method, "seed": seed}, where=method)
        for seed in seeds
        for method in METHODS
        if method in methods
    ]
    with group.new_runs(configs) as runs:
        now = time.time()
        experiment = Experiment(
            id=new_id(now),
            name=base.name,
            created=now,
            base=configs[0],
            methods=[method for method in METHODS if method in methods],
            seeds=list(seeds),
            runs=[run.id for run in runs],
        )
        group.write(experiment, experiments_dir())
    return experiment


def list_experiments() -> list[Experiment]:
    """Return all experiments, newest first; files that cannot be read are passed over."""
    return group.read_all(Experiment, experiments_dir())


def find_experiment(name: str) -> Experiment:
    """Return an experiment by its id.

    Raises:
        LabError: there is none.
    """
    return group.find(Experiment, experiments_dir(), name, what="experiment")


def delete(experiment: Experiment) -> None:
    """Delete an experiment with its runs.

    Raises:
        LabError: if one of them waits or trains.
    """
    group.delete(experiment, experiments_dir())
