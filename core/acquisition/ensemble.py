"""Energies, errors and uncertainties of models of the same functional."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.acquisition.materials import Materials
from core.elements import SYMBOLS
from core.errors import LabError
from core.potential.examples import load_examples
from core.potential.models import atomref_of, load_model
from core.progress import Progress, chunk, part
from core.transfer.interaction import interaction_energies
from core.transfer.source_model import SourceModel
from core.transfer.uncertainty import uncertainty_of

_CHUNK = 256
"""Structures whose graphs are held at once."""


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


def energy_changes(
    materials: Materials, model: str, *, progress: Progress
) -> tuple[NDArray[np.float64], float]:
    """Return by how much calibrated draws of a posterior change energies, and the noise.

    Args:
        materials: rows of a data set, n.
        model: path of a checkpoint with an uncertainty.
        progress: receives the share that is done.

    Returns:
        (n, s) eV/atom, NaN where there is no structure that CHGNet can represent, and the standard
        deviation of a calculation's own scatter, eV/atom.

    Raises:
        LabError: if the model cannot be loaded or has no uncertainty.
    """
    network = load_model(model)
    uncertainty = uncertainty_of(model, network)
    if uncertainty is None:
        raise LabError(
            f"{model}: has no uncertainty of its energies; take a run of the method linearised."
        )
    scale = uncertainty.factor
    changes = np.full((len(materials.rows), len(uncertainty.references)), np.nan)
    place = {int(row): number for number, row in enumerate(materials.rows)}
    for begin in range(0, len(materials.rows), _CHUNK):
        rows = materials.rows[begin : begin + _CHUNK]
        told = chunk(progress, begin, len(rows), len(materials.rows), "Uncertainties")
        examples = load_examples(materials.data, rows)[:]
        if examples:
            found = uncertainty.changes(
                network, [example.graph for example in examples], progress=told
            )
            changes[[place[example.index] for example in examples]] = scale * found
    return changes, scale * uncertainty.noise


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
