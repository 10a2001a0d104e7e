"""What energies a model predicts, without loading it."""

from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.schema import EnergyColumn
from core.potential.released import MODELS
from core.runs.record.listing import find_run


def energies_of(model: str) -> EnergyColumn | None:
    """Return functional and corrections of a model's energies; None where they are not known.

    Args:
        model: a released model, or a run, which predicts the energies that it was trained on.
    """
    if model in MODELS:
        info = MODELS[model]
        named = {"functional": info.functional, "corrections": info.corrections}
        return EnergyColumn.model_validate({"column": model, "labels": model, **named})
    try:
        return find_dataset(find_run(model).config.dataset).card.frame_energy
    except LabError:
        return None
