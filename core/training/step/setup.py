"""The initial state of a run: its AtomRef and its model, with the parameters that are trained."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import ArrayLike, NDArray

from core.frames.store import FrameSet
from core.potential.models import load_model, new_model, set_atomref
from core.potential.tangent.rows import moved_model
from core.progress import Progress
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from core.training.step.blocks import freeze
from core.transfer.references import method_atomref, unseen_elements
from core.transfer.solved_model import solve_model
from core.transfer.source_model import SourceModel


def initial_atomref(
    config: RunConfig,
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    *,
    threads: int,
    progress: Progress,
) -> dict[str, Any]:
    """Return the AtomRef that a run starts with.

    Args:
        config: the run's settings.
        frame_set: its data set.
        rows: its training frames.
        threads: CPU threads.
        progress: reports the interaction energies computed.

    Returns:
        `energies`, 94 numbers in eV/atom, and `summary`, their description for the "start" event.
        Of a method in closed form also `change`, the change of the network's parameters by name,
        `closed_form`, what it was solved from, and `uncertainty`, the `Uncertainty` of its
        energies; otherwise these are None.

    Raises:
        LabError: if the source model cannot be read or no training frame has an energy.
    """
    source = SourceModel(config.source_model, config.device, threads)
    change = closed_form = uncertainty = None
    if METHODS[config.method].closed_form:
        solved = solve_model(
            frame_set, rows, source, own=config.atomref, seed=config.seed, progress=progress
        )
        atomref, uncertainty = solved.atomref, solved.uncertainty
        change = {name: values.tolist() for name, values in solved.change.items()}
        closed_form = {
            "frames": solved.n,
            "of": solved.of,
            "corrected": solved.corrected,
            "deviations": atomref.deviations,
        }
    else:
        atomref = method_atomref(
            config.method,
            frame_set,
            rows,
            source,
            strength=config.ridge_strength,
            own=config.atomref,
            progress=progress,
        )
    return {
        "change": change,
        "closed_form": closed_form,
        "uncertainty": uncertainty,
        "energies": atomref.energies.tolist(),
        "summary": {
            "method": atomref.method,
            "rank": atomref.rank,
            "condition": atomref.condition if math.isfinite(atomref.condition) else None,
            "unseen": unseen_elements(frame_set, rows),
            "rare": atomref.rare(),
        },
    }


def initial_model(
    config: RunConfig,
    energies: ArrayLike,
    device: torch.device,
    change: Mapping[str, ArrayLike] | None = None,
) -> CHGNet:
    """Return the untrained model of a run.

    Args:
        config: the run's settings.
        energies: its AtomRef, (94,) eV/atom.
        device: device of the model.
        change: what a closed form adds to the pretrained network's parameters, by name.
    """
    random = METHODS[config.method].start == "random"
    model = new_model(config.seed) if random else load_model(config.source_model)
    moved_model(model, {name: np.asarray(values) for name, values in (change or {}).items()})
    return configure_model(config, model, energies, device)


def configure_model(
    config: RunConfig, model: CHGNet, energies: ArrayLike, device: torch.device
) -> CHGNet:
    """Set a model's AtomRef, freeze what the settings exclude from training, and move the model.

    Arguments as of `initial_model`.
    """
    set_atomref(model, energies, trainable=METHODS[config.method].trainable_atomref)
    freeze(model, config.frozen)
    return model.to(device)
