"""All that a model says of structures, each of which may be one that it cannot predict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import Frame
from core.potential.compiled_prediction import compile_if_faster
from core.potential.forward import ALL_PROPERTIES
from core.potential.graph import PackedGraph, convert
from core.potential.models import load_model, resolve_device
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, part, silent
from core.transfer.source_model import SourceModel
from core.transfer.uncertainty import Uncertainty, uncertainty_of

_NOT_FINITE = (
    "the model predicts something that is not a finite number; check the distances between the "
    "atoms, or take another checkpoint."
)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Predicted:
    """What a model says of n structures.

    Attributes:
        found: the prediction of each, without stress where nothing is periodic, or why there is
            none.
        deviations: standard deviations of the energies, (n,) eV/atom; NaN where not known.
        uncertainty: where these come from; None of a model that does not know them.
    """

    found: list[FramePrediction | LabError]
    deviations: NDArray[np.float64]
    uncertainty: Uncertainty | None


def predict_structures(
    source: SourceModel, frames: Sequence[Frame], *, progress: Progress = silent
) -> Predicted:
    """Load a model and predict all properties of structures, in their order.

    Args:
        source: the model, and where it is evaluated.
        frames: the structures, whose labels are not looked at.
        progress: receives the share that is done.

    Raises:
        LabError: if the model cannot be loaded, the device is not available, or the file of its
            uncertainty is damaged.
    """
    where = resolve_device(source.device)
    model = load_model(source.name, where)
    uncertainty = uncertainty_of(source.name, model)
    found: list[FramePrediction | LabError] = [LabError(_NOT_FINITE)] * len(frames)
    graphs: dict[int, PackedGraph] = {}
    for place, frame in enumerate(frames):
        try:
            graphs[place] = convert(
                frame.atomic_numbers, frame.frac_coords, frame.lattice, frame.pbc
            )
        except LabError as error:
            found[place] = error
    deviations = np.full(len(frames), np.nan)
    known = list(graphs.values())
    first = 1.0 if uncertainty is None else 0.4
    with compute_settings(source.threads, where):
        compile_if_faster(model, ALL_PROPERTIES, sum(graph.n_atoms for graph in known))
        predictions = predict(model, known, progress=part(progress, 0.0, first))
        if uncertainty is not None and known:
            deviations[list(graphs)] = uncertainty.deviations(
                model, known, progress=part(progress, first, 1.0)
            )
    for place, prediction in zip(graphs, predictions, strict=True):
        is_periodic = any(frames[place].pbc)
        one = prediction if is_periodic else replace(prediction, stress=None)
        if _is_finite(one):
            found[place] = one
    return Predicted(found=found, deviations=deviations, uncertainty=uncertainty)


def _is_finite(prediction: FramePrediction) -> bool:
    values = (prediction.energy, prediction.forces, prediction.stress, prediction.magmoms)
    return all(np.isfinite(value).all() for value in values if value is not None)
