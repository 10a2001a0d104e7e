"""Preflights of all methods side by side, for the preview of a run."""

from collections.abc import Mapping

import pandas as pd

from core.training.loop.preflight import Preflight
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

_RELEVANT = {"dataset", "source_model", "frames", "seed", "device", "loss", "ridge_strength"}
"""Settings that an AtomRef, and the error of the untrained model with it, depend on."""

_OFFSETS = {
    "as_is": ("frozen", "energy_mae_mev_per_atom"),
    "constant": ("frozen", "energy_mae_after_constant"),
    "atomref": ("refit", "energy_mae_mev_per_atom"),
    "residual": ("residual", "energy_mae_mev_per_atom"),
}
"""Method and error of each step of `core.reference.shifts.model_offset.STEPS`."""


def preview_configs(config: RunConfig) -> dict[str, RunConfig]:
    """Return the settings for a preflight of each method, that of the run's method first."""
    # One thread leaves the machine to a run that trains.
    base = RunConfig(**config.model_dump(include=_RELEVANT), threads=1)
    methods = sorted(METHODS, key=lambda method: method != config.method)
    return {method: base.model_copy(update={"method": method}) for method in methods}


def timing_config(config: RunConfig) -> RunConfig:
    """Return the settings that `estimated_seconds` times for an estimate of the run's duration.

    Settings without influence on the duration have one value, so that its result can be reused.
    """
    rate = RunConfig.model_fields["learning_rate"].default
    return config.model_copy(update={"name": "", "learning_rate": rate, "method": "frozen"})


def untrained_errors(preflights: Mapping[str, Preflight | None]) -> pd.DataFrame:
    """Return the errors of the untrained models.

    Args:
        preflights: by method; None while unknown.

    Returns:
        Columns method and error, the energy MAE in meV/atom; one row per method.
    """
    errors = [
        preflight.energy_mae_mev_per_atom if preflight else None
        for preflight in (preflights[method] for method in METHODS)
    ]
    return pd.DataFrame({"method": list(METHODS), "error": pd.array(errors, dtype="Float64")})


def offset_errors(preflights: Mapping[str, Preflight | None]) -> dict[str, float] | None:
    """Return how far references alone correct the pretrained model.

    Args:
        preflights: by method; None while unknown.

    Returns:
        Energy MAE in meV/atom by key of `core.reference.shifts.model_offset.STEPS`; None while a
        preflight is missing, or without energies.
    """
    errors = {
        step: getattr(preflights[method], error, None) for step, (method, error) in _OFFSETS.items()
    }
    complete = {step: float(error) for step, error in errors.items() if error}
    return complete if len(complete) == len(errors) else None
