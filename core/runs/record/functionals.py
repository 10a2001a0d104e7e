"""The functionals that a run learns, each with its model and its errors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.frames.functionals import same_functional
from core.frames.registry import find_dataset, open_frame_set
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.runs.record.directory import Run
from core.training.settings.functionals import file_of
from core.training.settings.partition import further_sets

SIGN = "@"
"""Between a run and one of its functionals, in the name of a model."""


@dataclass(kw_only=True, frozen=True, slots=True)
class RunFunctional:
    """One functional of a run.

    Attributes:
        number: its number, from 0.
        functional: its name.
        dataset: the data set that it was learnt from.
        checkpoint: the best model's file, whether it exists or not.
        facts: of a further functional: frames and errors, as the "start" event tells them.
        test: errors of the best model on test frames; None before the end.
        validation: errors of the best model on validation frames, None before the first epoch.
    """

    number: int
    functional: str
    dataset: str
    checkpoint: Path
    facts: dict[str, Any]
    validation: dict[str, Any] | None
    test: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """Return functional, data set, file and errors for an answer in JSON."""
        return {
            "functional": self.functional,
            "dataset": self.dataset,
            "checkpoint": str(self.checkpoint),
            "validation": self.validation,
            "test": self.test,
        }


def functionals_of(run: Run) -> list[RunFunctional]:
    """Return all functionals of a run, the first data set's first; empty for a run on one alone."""
    further = run.event("start").get("functionals", [])
    if not further:
        return []
    status = run.status()
    best = next(
        (event for event in run.metrics("epoch") if event["epoch"] == status.best_epoch), {}
    )
    end = run.event("end").get("functionals", {})
    try:
        first = find_dataset(run.config.dataset).card.functional or "unknown"
    except LabError:
        first = run.config.dataset
    found = [
        RunFunctional(
            number=0,
            functional=first,
            dataset=run.config.dataset,
            checkpoint=run.best_checkpoint,
            facts={},
            validation=status.validation,
            test=status.test,
        )
    ]
    for number, facts in enumerate(further, start=1):
        name = facts["functional"]
        found.append(
            RunFunctional(
                number=number,
                functional=name,
                dataset=facts["dataset"],
                checkpoint=run.checkpoints / file_of(run.best_checkpoint.name, number),
                facts=facts,
                validation=best.get("functionals", {}).get(name, {}).get("validation"),
                test=end.get(name, {}).get("test"),
            )
        )
    return found


def functional_named(run: Run, name: str) -> RunFunctional:
    """Return the functional of a run with this name, or that of the data set with this name.

    Raises:
        LabError: if the run has not learnt it.
    """
    known = functionals_of(run)
    for one in known:
        if same_functional(one.functional, name) or one.dataset == name:
            return one
    if not known:
        raise LabError(f"{run.id}: has learnt one functional; name the run alone.")
    names = ", ".join(one.functional for one in known)
    raise LabError(f"{run.id}: has not learnt {name}; its functionals are {names}.")


def split_for(run: Run, data: FrameSet) -> Split:
    """Return the split of a data set that a run kept to.

    A run on several data sets keeps a material in one part of all of them; of any other data set it
    is its own split.

    Raises:
        LabError: if another data set of the run is gone.
    """
    further = run.config.functionals.datasets
    if data.card.name not in further:
        return data.split()
    found = further_sets(run.config, open_frame_set(run.config.dataset))
    return found[further.index(data.card.name)][1]
