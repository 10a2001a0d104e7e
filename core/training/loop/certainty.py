"""How certain the energies of a run's model are: from its closed form, calibrated at its end."""

from typing import Any

import numpy as np
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.potential.examples import load_examples
from core.potential.forward import Wanted
from core.potential.models import get_atomref, model_fingerprint
from core.potential.prediction import predict
from core.training.loop import checkpoint
from core.training.loop.context import RunContext
from core.transfer.uncertainty import WITHIN, Uncertainty, uncertainty_path

DRAWS = "closed-form.npz"
"""The uncertainty of the closed form, before calibration."""

_MOST = 500
"""Held-out frames that calibrate, and that tell the coverage."""


def calibrate(context: RunContext, best: CHGNet) -> dict[str, Any] | None:
    """Calibrate the uncertainty of the best model on validation frames, and write it beside it.

    Args:
        context: the run.
        best: its best model.

    Returns:
        For the "end" event: materials (held-out ones that it was calibrated on), factor (by which
        deviations were multiplied), noise_mev_per_atom; of test frames: n_test, mean deviation and
        mean |error| in meV/atom, and coverage, the share of the 90 % intervals that hold. None of a
        run without a closed form.
    """
    path = context.checkpoints / DRAWS
    if not path.is_file():
        return None
    raw = Uncertainty.load(path)
    materials = np.unique(context.frame_set.material_ids().astype(str), return_inverse=True)[1]
    rows, errors, deviations = _held_out(context, best, raw, context.split.validation)
    found = raw.calibrated(errors / deviations, materials[rows], model=model_fingerprint(best))
    found.save(uncertainty_path(context.checkpoints / checkpoint.BEST))
    _, errors, deviations = _held_out(context, best, found, context.split.test)
    said = {
        "materials": found.n_held_out,
        "factor": found.factor,
        "noise_mev_per_atom": 1000 * found.noise,
        "n_test": len(errors),
    }
    if not len(errors):
        return said
    return said | {
        "deviation_mev_per_atom": 1000 * float(deviations.mean()),
        "error_mev_per_atom": 1000 * float(errors.mean()),
        "coverage": float((errors < WITHIN * deviations).mean()),
    }


def _held_out(
    context: RunContext, model: CHGNet, uncertainty: Uncertainty, rows: NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.float64], NDArray[np.float64]]:
    """Return rows of labelled frames, their |errors| and deviations, eV/atom."""
    rows = rows[np.isfinite(context.frame_set.energies()[rows])]
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST])
    examples = load_examples(context.frame_set, rows, context.stopping.here)[:]
    graphs = [example.graph for example in examples]
    atomref = get_atomref(model)
    predictions = predict(model, graphs, Wanted.of(()), progress=context.stopping.here)
    errors = [
        abs(example.energy - prediction.interaction - example.contribution(atomref))
        for example, prediction in zip(examples, predictions, strict=True)
    ]
    deviations = uncertainty.deviations(model, graphs, progress=context.stopping.here)
    return np.array([example.index for example in examples], int), np.array(errors), deviations
