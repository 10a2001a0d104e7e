"""Labels of the source functional in a run: set up at its start, and named in its record."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.examples import Examples
from core.potential.models import load_model, source_functional
from core.training.loop.checkpoint import Saved
from core.training.loop.context import RunContext
from core.training.loop.levels import make_levels
from core.training.settings.partition import label_flags
from core.training.step.feed import Feed, Replay, make_feed
from core.training.step.frame_weights import described, frame_weights
from core.training.step.replay import replayed_rows, replayed_set
from core.transfer.references import method_atomref
from core.transfer.source_model import SourceModel

_MOST_FITTED = 2000
"""Replayed frames that their AtomRef is fitted to."""


def make_run_feed(context: RunContext, train: Examples, saved: Saved | None = None) -> Feed:
    """Return the batches of a run, with the labels of the source functional that it asks for.

    Args:
        context: the run.
        train: its training frames.
        saved: the checkpoint that it is resumed from.

    Raises:
        LabError: if there is nothing to teach or to replay, or the replayed data set has changed.
        StopError: if the run is to stop.
        TeamError: if another process has ended.
    """
    config = context.config
    if config.teacher.weight and not _without_forces(context, train):
        raise LabError(
            f"Every training frame of data set {config.dataset} has forces, so there is nothing "
            "to teach; train without the teacher."
        )
    replay = _replay(context, train, saved) if config.replay.dataset else None
    asked = config.teacher.weight or (replay is not None and replay.atomref is None)
    pretrained = load_model(config.source_model, context.device) if asked else None
    levels = make_levels(context, train, saved)
    weights = context.stopping.agreed(
        lambda: frame_weights(config.frame_weights, context.frame_set, train.rows)
    )
    told = described(config.frame_weights, weights)
    if saved is not None and saved.start.get("frame_weights") != told:
        raise LabError(
            f"The weights of frames in {config.frame_weights} have changed since this run began; "
            "start a new run."
        )
    return make_feed(config, train, pretrained, replay, levels, weights)


def _without_forces(context: RunContext, train: Examples) -> int:
    return int((~label_flags(context.frame_set)["force"][train.rows]).sum())


def _replay(context: RunContext, train: Examples, saved: Saved | None) -> Replay:
    """Return what the run replays, with the AtomRef that its labels are relative to."""
    config = context.config
    data = replayed_set(config)
    before = None if saved is None else saved.replay
    if before is not None and before["fingerprint"] != data.fingerprint:
        raise LabError(
            f"Data set {data.card.name}, which this run replays, has changed since it began; start "
            "a new run."
        )
    rows, held_out = replayed_rows(config, data, len(train))
    examples = context.stopping.agreed(lambda: context.examples(rows, data))
    if not len(examples):
        raise LabError(
            f"CHGNet can represent no frame of data set {data.card.name}, which is to be replayed; "
            "choose another one."
        )
    if not isinstance(data, FrameSet) or config.replay.labels == "pretrained":
        return Replay(examples=examples, held_out=held_out, atomref=None, data=data)
    if before is not None:
        atomref: NDArray[np.float64] = before["atomref"].numpy()
    else:
        atomref = np.array(context.stopping.led(lambda: _fit(context, data, examples))["energies"])
    return Replay(examples=examples, held_out=held_out, atomref=atomref, data=data)


def _fit(context: RunContext, data: FrameSet, examples: Examples) -> dict[str, Any]:
    """Fit the AtomRef of the replayed labels to what the pretrained network leaves."""
    config, rows = context.config, examples.rows[:_MOST_FITTED]
    atomref = method_atomref(
        "residual",
        data,
        rows,
        SourceModel(config.source_model, config.device, context.threads),
        strength=config.ridge_strength,
        progress=context.report.progress("interaction energies", len(rows), context.stopping),
    )
    return {"energies": atomref.energies.tolist()}


def source_labels(context: RunContext, feed: Feed) -> dict[str, Any]:
    """Return which labels are not the target's, and whose they are, for the "start" event."""
    config = context.config
    functional = source_functional(config.source_model)
    found: dict[str, Any] = {}
    if feed.taught is not None:
        found["teacher"] = {
            "labels": config.source_model,
            "functional": functional,
            "n_frames": _without_forces(context, feed.train),
            **config.teacher.model_dump(),
        }
    if feed.replay is not None:
        card, pseudo = feed.replay.data.card, feed.replay.atomref is None
        found["replay"] = {
            **config.replay.model_dump(),
            "labels": config.source_model if pseudo else card.labels,
            "pseudolabels": pseudo,
            "functional": functional if pseudo else card.functional,
            "n_frames": len(feed.replay.examples),
        }
    return found
