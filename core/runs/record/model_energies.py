"""What energies a model predicts, without loading it."""

from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.schema import EnergyColumn
from core.potential.released import MODELS
from core.runs.record.functionals import functional_named
from core.runs.record.named_models import run_and_functional


def energies_of(model: str) -> EnergyColumn | None:
    """Return functional and corrections of a model's energies; None where they are not known.

    Args:
        model: a released model, or a run, which predicts the energies that it was trained on, or
            RUN@FUNCTIONAL.
    """
    if model in MODELS:
        info = MODELS[model]
        named = {"functional": info.functional, "corrections": info.corrections}
        return EnergyColumn.model_validate({"column": model, "labels": model, **named})
    try:
        run, functional = run_and_functional(model)
        dataset = run.config.dataset
        if functional is not None:
            dataset = functional_named(run, functional).dataset
        return find_dataset(dataset).card.frame_energy
    except LabError:
        return None
