"""The start of a training run: its frames, its model, and the untrained model's errors."""

import copy
import math
import time
from typing import Any

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.errors import LabError
from core.potential.examples import Examples, load_examples
from core.potential.models import get_atomref
from core.training.loop import checkpoint
from core.training.loop.certainty import DRAWS
from core.training.loop.checkpoint import Position, Saved
from core.training.loop.context import RunContext, RunState
from core.training.loop.levels import level_facts, load_validation, validated
from core.training.loop.rate_finder import find_rate
from core.training.loop.source_labels import make_run_feed, source_labels
from core.training.scoring import error_rows
from core.training.settings.functionals import file_of
from core.training.settings.left_out import reasons
from core.training.settings.methods import METHODS
from core.training.settings.partition import trained_flags
from core.training.step.averaging import Anchor, Average
from core.training.step.compilation import compile_step, should_compile
from core.training.step.feed import Feed
from core.training.step.frame_weights import described
from core.training.step.offsets import add_offsets, has_offsets
from core.training.step.optimizer import make_optimizer
from core.training.step.setup import configure_model, initial_atomref, initial_model
from core.training.step.step import Stepper

_NAMED = 20
"""Left-out frames that the "start" event names."""


def start(context: RunContext, *, resume: bool) -> RunState:
    """Load the frames, and start the run or resume it from `last.pt`.

    Args:
        context: the run.
        resume: whether to resume from `last.pt` if it exists.

    Raises:
        LabError: if settings, data and model do not fit together.
        StopError: if the run is to stop.
        TeamError: if another process has ended.
    """
    train, validation = context.stopping.agreed(lambda: _load_frames(context))
    last = context.checkpoints / checkpoint.LAST
    if context.team.share(resume and last.exists()):
        state = _resume(context, train, validation)
    else:
        state = _begin(context, train, validation)
    position = state.position
    steps = math.ceil(len(state.feed.train) / context.config.batch_size)
    context.report(
        "start",
        **state.start,
        device=context.device.type,
        processes=context.team.size,
        threads=context.threads,
        step=position.epoch * steps + position.step,
        steps=(position.epochs or context.config.epochs) * steps,
    )
    return state


def compile_if_worthwhile(context: RunContext, state: RunState) -> None:
    """Compile the training step if the run is long enough."""
    config, team, stepper = context.config, context.team, state.stepper
    if should_compile(config, state.feed.train, team):
        context.report("prepare", what="compiled step", done=0, total=1)
        compile_step(stepper, config, state.feed, team)
    context.report("compile", eager_because=stepper.eager_because)


def _load_frames(context: RunContext) -> tuple[Examples, Examples]:
    """Return the frames that this process trains and validates on."""
    split = context.split
    flags = trained_flags(context.frame_set, context.config.loss)
    labelled = np.any(list(flags.values()), axis=0)[split.train]
    train = context.examples(split.train[labelled])
    if not len(train) and train.left_out:
        raise LabError(
            f"CHGNet can represent no training frame of data set {context.config.dataset} "
            f"({', '.join(reasons(train.left_out.values()))}); choose other data."
        )
    if not len(train):
        raise LabError(
            f"No training frame of data set {context.config.dataset} has a label whose loss ratio "
            "is above zero; raise the ratio of a label that the data set has."
        )
    return train, context.examples(context.share_of(split.validation))


def _begin(context: RunContext, train: Examples, validation: Examples) -> RunState:
    config, split = context.config, context.split
    atomref = context.stopping.led(lambda: _prepare(context, train))
    model = initial_model(config, np.array(atomref["energies"]), context.device, atomref["change"])
    feed = make_run_feed(context, train)
    if feed.levels:
        add_offsets(model, 1 + len(feed.levels))
    stepper = _stepper(context, model, feed)
    _set_beside(context, stepper)
    # Of the test frames as well: they are converted again at the end, but the log names all.
    test = load_examples(context.frame_set, context.share_of(split.test), context.stopping.here)
    gathered = context.team.gather(
        (len(test), {**train.left_out, **validation.left_out, **test.left_out})
    )
    left_out = {name: reason for _, part in gathered for name, reason in part.items()}
    began = time.perf_counter()
    errors = context.errors(stepper.result, validation, split.validation)
    metrics = context.save_errors(errors, error_rows.UNTRAINED)
    flags = trained_flags(context.frame_set, config.loss)
    content = {
        "rate": _found_rate(context, model, feed) if config.rate_from == "found" else None,
        "n_train": len(train),
        "n_validation": metrics["n_frames"],
        "n_test": sum(n_test for n_test, _ in gathered),
        "n_left_out": len(left_out),
        "left_out": list(left_out)[:_NAMED],
        "left_out_why": reasons(left_out.values()),
        "labels": [kind for kind, has in flags.items() if has[train.rows].any()],
        "elements": _elements(context, train),
        "atomref": atomref["summary"],
        "closed_form": atomref["closed_form"],
        "validation": metrics,
        "validation_seconds": time.perf_counter() - began,
        "source_functional": source_labels(context, feed),
        "frame_weights": described(config.frame_weights, feed.frame_weights),
        "functionals": [level_facts(level) for level in feed.levels],
    }
    state = RunState(
        feed=feed,
        validation=validation,
        stepper=stepper,
        position=Position(),
        start=content,
        level_validation=load_validation(context, feed.levels),
    )
    for level, facts, found in zip(
        feed.levels, content["functionals"], validated(context, state), strict=True
    ):
        name = file_of(error_rows.UNTRAINED, level.table)
        facts["validation"] = context.save_errors(found, name)
    if METHODS[config.method].closed_form:
        # Training has to improve on it.
        state.position.best_epoch, state.position.best_validation = 0, metrics
        context.save_errors(errors, error_rows.VALIDATION)
        context.save_model(stepper.result, state, checkpoint.BEST, epoch=0, validation=metrics)
    return state


def _found_rate(context: RunContext, model: CHGNet, feed: Feed) -> dict[str, Any]:
    """Find a learning rate with a copy of the model."""
    stepper = _stepper(context, copy.deepcopy(model), feed)
    _set_beside(context, stepper)
    return find_rate(context, stepper, feed)


def _elements(context: RunContext, train: Examples) -> list[str]:
    """Return the symbols of the elements in the training frames."""
    occurs = (context.frame_set.fractions()[train.rows] > 0).any(axis=0)
    return [SYMBOLS[index] for index in np.flatnonzero(occurs)]


def _prepare(context: RunContext, train: Examples) -> dict[str, Any]:
    for name in (checkpoint.LAST, checkpoint.BEST, DRAWS):
        (context.checkpoints / name).unlink(missing_ok=True)
    rows = train.rows
    is_solved = METHODS[context.config.method].closed_form
    what = "closed form" if is_solved else "interaction energies"
    found = initial_atomref(
        context.config,
        context.frame_set,
        rows,
        # the other processes wait meanwhile
        threads=context.threads * context.team.size,
        progress=context.report.progress(what, len(rows), context.stopping),
    )
    if (uncertainty := found.pop("uncertainty")) is not None:
        uncertainty.save(context.checkpoints / DRAWS)
    return found


def _resume(context: RunContext, train: Examples, validation: Examples) -> RunState:
    config, fingerprint = context.config, context.frame_set.fingerprint
    path = context.checkpoints / checkpoint.LAST
    saved = checkpoint.load(path, config=config, fingerprint=fingerprint)
    model = configure_model(config, saved.model, get_atomref(saved.model), context.device)
    feed = make_run_feed(context, train, saved)
    stepper = _stepper(context, model, feed, baseline=saved.baseline.numpy())
    stepper.optimizer.load_state_dict(saved.optimizer)
    _set_beside(context, stepper, saved)
    return RunState(
        feed=feed,
        validation=validation,
        stepper=stepper,
        position=saved.position,
        start=saved.start,
        level_validation=load_validation(context, feed.levels),
    )


def _set_beside(context: RunContext, stepper: Stepper, saved: Saved | None = None) -> None:
    """Set up the weights beside those that are trained, as they were saved."""
    config, model = context.config, stepper.model
    if config.ema:
        stepper.average = Average(model, config.ema)
        if saved is not None and saved.average is not None:
            stepper.average.model.load_state_dict(saved.average)
            stepper.average.n_updates = saved.n_updates
    of_offsets = config.functionals.pull if has_offsets(model) else 0.0
    if config.l2_sp or of_offsets:
        start = None if saved is None else saved.anchor
        stepper.anchor = Anchor(model, config.l2_sp, start, of_offsets=of_offsets)


def _stepper(
    context: RunContext,
    model: CHGNet,
    feed: Feed,
    *,
    baseline: NDArray[np.float64] | None = None,
) -> Stepper:
    config = context.config
    return Stepper(
        model,
        config.loss,
        baseline=baseline,
        team=context.team,
        optimizer=make_optimizer(model, config),
        weights=feed.weights,
        pretrained=feed.pretrained,
        alike=feed.frame_weights is None,
    )
