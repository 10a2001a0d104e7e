"""Energies and errors of several models of the same functional."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.acquisition.materials import Materials
from core.elements import SYMBOLS
from core.potential.models import atomref_of
from core.progress import Progress, part
from core.transfer.interaction import interaction_energies
from core.transfer.source_model import SourceModel


def ensemble_energies(
    materials: Materials, models: Sequence[str], *, progress: Progress
) -> NDArray[np.float64]:
    """Return the energies that several models predict.

    Args:
        materials: rows of a data set, n.
        models: names of released models or paths of checkpoints, k.
        progress: receives the share that is done.

    Returns:
        Total energies (k, n) eV/atom, AtomRef included; NaN where there is no structure that
        CHGNet can represent.

    Raises:
        LabError: if a model cannot be loaded.
    """
    energies = np.empty((len(models), len(materials.rows)))
    for number, name in enumerate(models):
        model_progress = part(
            progress,
            number / len(models),
            (number + 1) / len(models),
            prefix=f"Model {number + 1} of {len(models)}: ",
        )
        interaction = interaction_energies(
            materials.data, SourceModel(name), rows=materials.rows, progress=model_progress
        )
        energies[number] = interaction + materials.fractions @ atomref_of(name)
    return energies


def errors_by_element(
    fractions: NDArray[np.float64], predicted: NDArray[np.float64], labels: NDArray[np.float64]
) -> pd.DataFrame:
    """Average the models' energy errors over the frames with each element.

    Args:
        fractions: composition fractions of the frames, (n, 94).
        predicted: (k, n) eV/atom.
        labels: (n,) eV/atom, NaN where missing.

    Returns:
        Columns symbol, error_mev_per_atom (mean over frames and models) and test_frames; one row
        per element, NaN and 0 where no frame holds it.
    """
    errors = 1000 * np.abs(predicted - labels).mean(axis=0)
    is_labelled = np.isfinite(errors)
    present = fractions[is_labelled] > 0
    frames = present.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = (errors[is_labelled] @ present) / frames
    return pd.DataFrame({"symbol": SYMBOLS, "error_mev_per_atom": mean, "test_frames": frames})
