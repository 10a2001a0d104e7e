"""What a preflight finds, and the preflights of all methods side by side; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.frames.schema import LABELS
from core.reference.fits.atomref import RARE, AtomRef
from core.training.settings.config import RunConfig
from core.training.settings.energies_only import before_text
from core.training.settings.left_out import left_out_text
from core.training.settings.methods import METHODS

_OFFSETS = {
    "as_is": ("frozen", "energy_mae_mev_per_atom"),
    "constant": ("frozen", "energy_mae_after_constant"),
    "atomref": ("refit", "energy_mae_mev_per_atom"),
    "residual": ("residual", "energy_mae_mev_per_atom"),
}
"""Method and error of each step of `core.reference.shifts.model_offset.STEPS`."""


_FAR = 500.0
"""Energy MAE in meV/atom above which an AtomRef clearly belongs to another functional."""


@dataclass(kw_only=True, slots=True)
class Preflight:
    """What a run starts with.

    Attributes:
        n_train: training frames that are trained on.
        n_validation: validation frames.
        n_test: test frames.
        n_atoms_mean: mean number of atoms of the training frames.
        labels: number of training frames that carry each kind of label; kinds without any are
            left out.
        atomref: AtomRef that the method starts with.
        energy_mae_mev_per_atom: error of the untrained model with that AtomRef, on validation
            frames; None if none has an energy.
        energy_mae_after_constant: the same in meV/atom after subtracting from each frame's error
            the mean error of the other frames; None for fewer than two.
        n_probed: validation frames behind these errors.
        n_fitted_on: training frames that this AtomRef is fitted to, a sample of many.
        rare: elements in fewer than ten training frames.
        unseen: elements of the data set that no training frame contains.
        left_out: training frames that CHGNet cannot represent, by reason; not among `n_train`.
        store_bytes: what the graphs of the data set take on the disk, roughly; None if so few are
            needed that they stay in memory.
    """

    n_train: int
    n_validation: int
    n_test: int
    n_atoms_mean: float
    labels: dict[str, int]
    atomref: AtomRef
    energy_mae_mev_per_atom: float | None
    energy_mae_after_constant: float | None
    n_probed: int
    n_fitted_on: int
    rare: list[str]
    unseen: list[str]
    left_out: dict[str, int]
    store_bytes: int | None


def timing_config(config: RunConfig) -> RunConfig:
    """Return the settings that `estimated_seconds` times for an estimate of the run's duration.

    Settings without influence on the duration have one value, so that its result can be reused.
    """
    rate = RunConfig.model_fields["learning_rate"].default
    method = config.method if METHODS[config.method].closed_form else "frozen"
    return config.model_copy(update={"name": "", "learning_rate": rate, "method": method})


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


def warnings(config: RunConfig, result: Preflight) -> list[str]:
    """Return what the user should know before a run, one sentence each.

    Args:
        config: the run's settings.
        result: preflight of its method on its frames.
    """
    sentences = []
    fitted = result.atomref.n > 0
    for kind, ratio in config.loss.model_dump(include=set(LABELS)).items():
        if ratio and kind not in result.labels:
            sentences.append(f"No training frame has a {kind} label, so {kind} is not trained on.")
    if text := before_text(config, result.labels):
        sentences.append(text)
    if result.left_out:
        sentences.append(f"{left_out_text(result.left_out)}; AtomRef is not fitted to them either.")
    if result.unseen and fitted:
        value = "stay at the prior" if config.method == "residual" else "are 0 eV"
        sentences.append(
            f"No training frame contains {', '.join(result.unseen)}; their references {value}."
        )
    if result.rare and fitted:
        sentences.append(
            f"{len(result.rare)} elements occur in fewer than {RARE} training frames, so their "
            "references are uncertain."
        )
    if result.n_fitted_on < result.n_train:
        sentences.append(
            f"This preview fits AtomRef to {result.n_fitted_on:,} of {result.n_train:,} training "
            "frames; the run fits it to all of them."
        )
    mae = result.energy_mae_mev_per_atom or 0.0
    if not fitted and mae > _FAR:
        sentences.append(
            f"The energies of the source AtomRef are off by {mae / 1000:.1f} eV/atom; most of the "
            "training will be spent on correcting this."
        )
    if not result.n_validation:
        sentences.append("There are no validation frames, so the last epoch's model is kept.")
    if not result.n_test:
        sentences.append("There are no test frames, so the run ends without a test.")
    return sentences
