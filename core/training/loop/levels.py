"""Further functionals of a run: their frames, AtomRef, models and errors."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.examples import Examples, load_examples
from core.potential.models import load_model
from core.training.loop import checkpoint
from core.training.loop.checkpoint import Saved
from core.training.loop.context import RunContext, RunState
from core.training.scoring import error_rows
from core.training.scoring.error_rows import ErrorRows
from core.training.settings.functionals import file_of
from core.training.settings.partition import further_sets, labels_among, trained_flags
from core.training.step.feed import Level
from core.training.step.offsets import of_functional
from core.training.step.replay import rows_to_draw
from core.transfer.references import method_atomref
from core.transfer.source_model import SourceModel


def make_levels(context: RunContext, train: Examples, saved: Saved | None = None) -> list[Level]:
    """Return the further functionals that a run learns.

    Args:
        context: the run.
        train: training frames of the first functional.
        saved: the checkpoint that it is resumed from.

    Raises:
        LabError: if a data set is missing, has changed or has nothing to train on, or two are in
            one functional.
        StopError: if the run is to stop.
        TeamError: if another process has ended.
    """
    found = further_sets(context.config, context.frame_set)
    return [
        _level(context, len(train), table, data, split, saved)
        for table, (data, split) in enumerate(found, start=1)
    ]


def _level(
    context: RunContext, n_train: int, table: int, data: FrameSet, split: Split, saved: Saved | None
) -> Level:
    config, name = context.config, data.card.name
    before = None if saved is None else saved.levels[table - 1]
    if before is not None and before["fingerprint"] != data.fingerprint:
        raise LabError(
            f"Data set {name}, which this run trains on, has changed since it began; start a new "
            "run."
        )
    labelled = np.any(list(trained_flags(data, config.loss).values()), axis=0)
    usable = split.train[labelled[split.train]]
    rows = rows_to_draw(config, usable, n_train, config.functionals.ratio(name))
    examples = context.stopping.agreed(lambda: context.examples(rows, data))
    if not len(examples):
        raise LabError(
            f"Data set {name} has no training frame with a label that is trained on and a "
            "structure that CHGNet can represent; choose another one."
        )
    if before is not None:
        atomref: NDArray[np.float64] = before["atomref"].numpy()
    else:
        atomref = np.array(context.stopping.led(lambda: _fit(context, data, examples))["energies"])
    return Level(
        functional=data.card.functional or "unknown",
        data=data,
        split=split,
        examples=examples,
        atomref=atomref,
        table=table,
    )


def _fit(context: RunContext, data: FrameSet, examples: Examples) -> dict[str, Any]:
    config, rows = context.config, examples.rows
    atomref = method_atomref(
        config.method,
        data,
        rows,
        SourceModel(config.source_model, config.device, context.threads),
        strength=config.ridge_strength,
        progress=context.report.progress("interaction energies", len(rows), context.stopping),
    )
    return {"energies": atomref.energies.tolist()}


def level_model(model: CHGNet, level: Level) -> CHGNet:
    """Return the ordinary CHGNet of a further functional."""
    return of_functional(model, level.table, level.atomref)


def level_facts(level: Level) -> dict[str, Any]:
    """Return what the "start" event says of a further functional."""
    card = level.data.card
    return {
        "dataset": card.name,
        "functional": level.functional,
        "corrections": card.corrections,
        "labels": card.labels,
        "kinds": labels_among(level.data, level.examples.rows),
        "n_train": len(level.examples),
        "n_validation": len(level.split.validation),
        "n_test": len(level.split.test),
        "elements": level.elements(),
    }


def load_validation(context: RunContext, levels: Sequence[Level]) -> list[Examples]:
    """Return the validation frames of this process of each further functional."""

    def load(level: Level) -> Examples:
        return context.examples(context.share_of(level.split.validation, level.data), level.data)

    return [context.stopping.agreed(partial(load, level)) for level in levels]


def validated(context: RunContext, state: RunState) -> list[ErrorRows]:
    """Return the errors of the latest model of each further functional on validation frames."""
    return [
        context.errors(
            level_model(state.stepper.latest, level), examples, level.split.validation, level.data
        )
        for level, examples in zip(state.feed.levels, state.level_validation, strict=True)
    ]


def keep(
    context: RunContext,
    state: RunState,
    errors: Sequence[ErrorRows],
    names: Sequence[str],
    *,
    epoch: int,
) -> None:
    """Write the latest models of the further functionals.

    Args:
        context: the run.
        state: its state.
        errors: of each functional.
        names: files of the first functional's model that are written now.
        epoch: number of epochs.
    """
    for level, found in zip(state.feed.levels, errors, strict=True):
        if checkpoint.BEST in names:
            context.save_errors(found, file_of(error_rows.VALIDATION, level.table))
        for name in names:
            context.save_model(
                level_model(state.stepper.latest, level),
                state,
                file_of(name, level.table),
                epoch=epoch,
                validation=found.metrics(),
                level=level,
            )


def by_functional(levels: Sequence[Level], values: Sequence[Any]) -> dict[str, Any]:
    """Return one value per further functional, by its name."""
    return {level.functional: value for level, value in zip(levels, values, strict=True)}


def tested(context: RunContext, level: Level) -> dict[str, Any]:
    """Return the errors of a further functional's best model on validation and test frames."""
    name = file_of(checkpoint.BEST, level.table)
    best = load_model(context.checkpoints / name, context.device)
    rows = context.share_of(level.split.test, level.data)
    examples = context.stopping.agreed(
        lambda: load_examples(level.data, rows, context.stopping.here)
    )
    errors = context.errors(best, examples, level.split.test, level.data)
    return {"test": context.save_errors(errors, file_of(error_rows.TEST, level.table))}
