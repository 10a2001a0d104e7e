"""Runs that train on energies alone, which may spoil the pretrained model's forces.

Measured on 560 materials with energies in r2SCAN, from CHGNet 0.3.0: on frames that nobody trained
on, the force error rose from 161 to 225 meV/Å, by training and in closed form alike.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

BEFORE = (
    "Energies alone are trained on, and forces may become worse than the pretrained model's; a "
    "teacher of weight 1 keeps them. The run measures at its end how far they have moved, on "
    "displaced training structures."
)
"""What is said before the launch."""

TAUGHT = (
    "There are energies alone, so forces and stresses of {model} (source functional) are targets "
    "too, with weight {weight:g}; the run measures at its end how far forces have moved."
)
"""What is said instead where the pretrained model teaches."""


def trains_energies_only(config: RunConfig, labels: Iterable[str]) -> bool:
    """Return whether a pretrained model is trained without any force or stress.

    Args:
        config: the run's settings.
        labels: kinds of label that training frames have.
    """
    trained = {kind for kind in labels if getattr(config.loss, kind) > 0}
    return METHODS[config.method].start == "pretrained" and not trained & {"force", "stress"}


def before_text(config: RunConfig, labels: Iterable[str]) -> str:
    """Return what to know of a run on energies alone before its launch; empty for others.

    Args:
        config: the run's settings.
        labels: kinds of label that training frames have.
    """
    if not trains_energies_only(config, labels):
        return ""
    if not config.teacher.weight:
        return BEFORE
    return TAUGHT.format(model=Path(config.source_model).name, weight=config.teacher.weight)


def teacher_text(source: Mapping[str, Any] | None) -> str:
    """Return in one phrase what the pretrained model taught; empty without a teacher.

    Args:
        source: what the run's "start" event says under "source_functional".
    """
    teacher = (source or {}).get("teacher")
    if not teacher:
        return ""
    return (
        f"forces and stresses of {Path(teacher['labels']).name} (source functional "
        f"{teacher['functional']}) on {teacher['n_frames']:,} training frames, displaced copies of "
        f"each: {teacher['copies']}, by {teacher['displacement']:g} Å, "
        f"weight {teacher['weight']:g}"
    )


def replay_text(source: Mapping[str, Any] | None) -> str:
    """Return in one phrase what a run replayed; empty without replay.

    Args:
        source: what the run's "start" event says under "source_functional".
    """
    replay = (source or {}).get("replay")
    if not replay:
        return ""
    name = Path(replay["labels"]).name
    labels = f"pseudolabels of {name}, not DFT" if replay["pseudolabels"] else f"labels by {name}"
    return (
        f"{replay['n_frames']:,} frames of {replay['dataset']} (source functional "
        f"{replay['functional']}, {labels}), {replay['ratio']:g} per training frame, weight "
        f"{replay['weight']:g}"
    )


def drift_text(drift: Mapping[str, Any] | None) -> str:
    """Return how far forces have moved in one phrase; empty where it was not measured.

    Args:
        drift: as `core.training.scoring.force_drift.force_drift` returns it.
    """
    if not drift:
        return ""
    return (
        f"forces {drift['after_mev_per_angstrom']:.0f} meV/Å away from the pretrained model's on "
        f"{drift['n_frames']} displaced training structures (0 before training; size of "
        f"the forces {drift['size_mev_per_angstrom']:.0f})"
    )
