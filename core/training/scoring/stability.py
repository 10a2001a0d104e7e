"""The last two columns of the paper's Table 1: a trained model's stability on some materials."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.relaxation.settings import RelaxSettings
from core.progress import Progress
from core.reference.formation.energies import embedded_references
from core.stability.comparison import Comparison
from core.stability.of_model import OWN, ModelEnergies, stability_of
from core.training.settings.metrics import STABILITY_METRICS
from core.transfer.source_model import SourceModel


@dataclass(kw_only=True, frozen=True, slots=True)
class StabilityErrors:
    """How well a model tells the stability of some materials.

    Attributes:
        errors: MAE by the keys of `STABILITY_METRICS`, meV/atom.
        f1: of the stable ones; None where neither side has any.
        n: materials compared.
        n_phases: phases whose energies made the hulls.
        n_left_out: materials that could not be compared.
        n_not_converged: phases whose relaxation did not converge.
    """

    errors: dict[str, float]
    f1: float | None
    n: int
    n_phases: int
    n_left_out: int
    n_not_converged: int


def stability_errors(
    checkpoint: str | Path,
    data: FrameSet,
    rows: NDArray[np.integer],
    *,
    relaxed: bool,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress,
) -> StabilityErrors:
    """Compare formation and decomposition energies of some materials with their labels.

    Each energy is on the hull of its own source. Formation energies are relative to the elements of
    the Materials Project where these are embedded in the functional, else to the data set's own.

    Args:
        checkpoint: a released model's name, or a checkpoint.
        data: labelled frames; a material's frame of lowest energy stands for it.
        rows: rows of it whose materials are compared.
        relaxed: relax each structure by the model; otherwise it is taken as it is.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None takes the physical cores.
        progress: receives the share that is done; it may raise to stop.

    Raises:
        LabError: if model and data differ in functional or corrections, or nothing can be compared.
    """
    model = ModelEnergies(
        model=SourceModel(str(checkpoint), device, threads),
        name=Path(checkpoint).stem,
        relaxation=RelaxSettings() if relaxed else None,
    )
    found = stability_of(model, data, rows, references=_references(data), progress=progress)
    comparison = found.comparison()
    if not comparison.n:
        raise LabError(
            f"{data.card.name}: none of these materials can be compared, because "
            f"{_first_reason(comparison)}; choose a data set that holds more of their systems."
        )
    f1 = comparison.classification().f1
    values = (comparison.decomposition_mae, comparison.formation_mae)
    return StabilityErrors(
        errors=dict(zip(STABILITY_METRICS, values, strict=True)),
        f1=f1 if np.isfinite(f1) else None,
        n=comparison.n,
        n_phases=len(found.reference),
        n_left_out=len(comparison.left_out),
        n_not_converged=len(found.not_converged),
    )


def _first_reason(comparison: Comparison) -> str:
    reasons = [why for why in comparison.left_out["why"] if why]
    return reasons[0] if reasons else "they are pure elements"


def _references(data: FrameSet) -> str:
    try:
        embedded_references(data.card.functional or "")
    except LabError:
        return OWN
    return "mp"
