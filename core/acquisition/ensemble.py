"""Energies of several models of the same functional: where they err, and where they disagree."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.frames.schema import Structures
from core.potential.models import get_atomref, load_model
from core.progress import Progress, part
from core.transfer.interaction import interaction_energies


def ensemble_energies(
    data: Structures,
    fractions: NDArray[np.float64],
    models: Sequence[str],
    rows: NDArray[np.integer],
    *,
    progress: Progress,
) -> NDArray[np.float64]:
    """Return what each model says of some structures.

    Args:
        data: the data set.
        fractions: composition fractions of these rows, (n, 94).
        models: names of released models or paths of checkpoints, k.
        rows: rows of the data set, (n,).
        progress: told the share that is done.

    Returns:
        Total energies (k, n) eV/atom, AtomRef included; NaN where there is no structure that
        CHGNet can represent.

    Raises:
        LabError: if a model cannot be loaded.
    """
    energies = np.empty((len(models), len(rows)))
    for number, name in enumerate(models):
        own = part(
            progress,
            number / len(models),
            (number + 1) / len(models),
            prefix=f"Model {number + 1} of {len(models)}: ",
        )
        interaction = interaction_energies(data, name, indices=rows, progress=own)
        energies[number] = interaction + fractions @ get_atomref(load_model(name))
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
        an element, NaN and 0 where no frame holds it.
    """
    errors = 1000 * np.abs(predicted - labels).mean(axis=0)
    known = np.isfinite(errors)
    present = fractions[known] > 0
    frames = present.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = (errors[known] @ present) / frames
    return pd.DataFrame({"symbol": SYMBOLS, "error_mev_per_atom": mean, "test_frames": frames})
