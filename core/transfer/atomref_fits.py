"""Fitting an AtomRef to the energies of a data set, toward a pretrained model where asked."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Corrections
from core.frames.store import FrameSet
from core.progress import Progress, silent
from core.reference.fits.atomref import (
    AtomRef,
    Method,
    fit_huber,
    fit_lstsq,
    fit_residual,
    fit_ridge,
)
from core.reference.fits.priors import PRIOR_KINDS, Prior, prior
from core.reference.fits.strength import strength_curve

AUTO: Literal["auto"] = "auto"
"""A strength that stands for the best one by cross-validation over materials."""

PULLED: frozenset[Method] = frozenset({"ridge", "residual"})
"""Methods with a prior."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FitData:
    """What a fit sees: n rows of a data set.

    Attributes:
        rows: their numbers in the data set, (n,).
        fractions: composition fractions (n, 94).
        energies: what is fitted, (n,) eV/atom: total energies, for `residual` less the network's
            interaction energies.
        materials: material ids (n,).
        prior: what the fit is pulled toward, (94,) eV/atom; None for `lstsq` and `huber`.
        prior_used: the same in words.
    """

    rows: NDArray[np.int64]
    fractions: NDArray[np.float64]
    energies: NDArray[np.float64]
    materials: np.ndarray
    prior: NDArray[np.float64] | None = None
    prior_used: str | None = None


def fit_atomref(
    data: FrameSet | PairSet,
    rows: NDArray[np.integer],
    energies: NDArray[np.float64],
    *,
    method: Method,
    functional: str,
    source_model: str,
    strength: float | Literal["auto"],
    labels: str | None = None,
    corrections: Corrections = "unknown",
    start: str = "shifted",
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> AtomRef:
    """Fit the elemental references of some rows of a data set.

    Args:
        data: the data set; `residual` needs its structures.
        rows: rows to fit on, (n,); those without an energy, and for `residual` those without a
            structure that CHGNet can represent, are passed over.
        energies: total energies of these rows, (n,) eV/atom.
        method: `lstsq`, `huber`, `ridge` or `residual`.
        functional: level of theory of the energies.
        source_model: a released model's name, or the path of a checkpoint: its AtomRef is where
            the prior starts, its network gives the interaction energies.
        strength: pull toward the prior; "auto" takes the best one by cross-validation over
            materials.
        labels: who made the energies, kept with the AtomRef.
        corrections: whether MP2020 corrections are in the energies, kept with the AtomRef.
        start: what the prior is: a kind of `core.reference.fits.priors`, or the path of an AtomRef
            in JSON.
        device: where interaction energies are computed.
        threads: CPU threads for that; None takes the physical cores.
        progress: reports the interaction energies computed.

    Raises:
        LabError: no energies, no structures where they are needed, or no such model.
    """
    seen = fit_data(
        data,
        rows,
        energies,
        method=method,
        functional=functional,
        source_model=source_model,
        start=start,
        device=device,
        threads=threads,
        progress=progress,
    )
    fitted = fit(seen, method=method, functional=functional, strength=strength)
    return replace(fitted, labels=labels, corrections=corrections)


def fit_data(
    data: FrameSet | PairSet,
    rows: NDArray[np.integer],
    energies: NDArray[np.float64],
    *,
    method: Method,
    functional: str,
    source_model: str,
    start: str = "shifted",
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> FitData:
    """Return what a fit sees of some rows of a data set; arguments as of `fit_atomref`.

    Raises:
        LabError: no structures where they are needed, or no such model.
    """
    known = np.isfinite(energies)
    rows, energies = np.asarray(rows, dtype=np.int64)[known], energies[known]
    if method in PULLED:
        pull, used = prior_for(start, functional=functional, source_model=source_model)
    else:
        pull, used = None, None
    if method == "residual":
        if isinstance(data, PairSet) and not data.has_structures:
            raise LabError(
                f"{data.card.name} has no structures, and residual needs them; import it with a "
                "column of structures, or take lstsq, huber or ridge."
            )
        # Only these fits wait for torch.
        from core.transfer.interaction import interaction_energies  # noqa: PLC0415

        interaction = interaction_energies(
            data, source_model, indices=rows, device=device, threads=threads, progress=progress
        )
        usable = np.isfinite(interaction)
        rows, energies = rows[usable], (energies - interaction)[usable]
    fractions = data.fractions()
    # A copy of all compositions of a large data set is too much to keep for every fit.
    whole = len(rows) == len(fractions) and bool((np.diff(rows) == 1).all())
    return FitData(
        rows=rows,
        fractions=fractions if whole else fractions[rows],
        energies=energies,
        materials=data.table()["material_id"].to_numpy()[rows],
        prior=pull,
        prior_used=used,
    )


def fit(
    seen: FitData, *, method: Method, functional: str, strength: float | Literal["auto"]
) -> AtomRef:
    """Fit what `fit_data` returned for the same method.

    Args:
        seen: what the fit sees.
        method: `lstsq`, `huber`, `ridge` or `residual`.
        functional: level of theory of the energies.
        strength: pull toward the prior; "auto" takes the best one by cross-validation.

    Raises:
        LabError: no energies, or too few materials to find a strength.
    """
    X, y = seen.fractions, seen.energies
    if method == "lstsq":
        return fit_lstsq(X, y, functional=functional)
    if method == "huber":
        return fit_huber(X, y, functional=functional)
    if seen.prior is None:
        raise LabError(f"{method} needs a prior; prepare the rows for this method.")
    if strength == AUTO:
        strength = strength_curve(X, y, seen.materials, prior=seen.prior).best
    used = seen.prior_used or "given"
    if method == "ridge":
        return fit_ridge(
            X, y, prior=seen.prior, strength=strength, functional=functional, prior_used=used
        )
    return fit_residual(
        X,
        y,
        np.zeros(len(y)),
        prior=seen.prior,
        strength=strength,
        functional=functional,
        prior_used=used,
    )


def prior_for(start: str, *, functional: str, source_model: str) -> tuple[NDArray[np.float64], str]:
    """Return a prior (94,) in eV/atom and what it is in words; arguments as of `fit_atomref`.

    Raises:
        LabError: no such model, or the file is not an AtomRef.
    """
    if start in PRIOR_KINDS:
        made = known_priors(functional=functional, source_model=source_model)[start]
        return made.values, made.description
    path = Path(start)
    if not path.is_file():
        raise LabError(
            f"{start} is neither a prior nor a file; choose one of {', '.join(PRIOR_KINDS)}, or "
            "give a file that atomref --out wrote."
        )
    return AtomRef.read(path).energies, f"AtomRef of {path.name}"


def known_priors(*, functional: str, source_model: str) -> dict[str, Prior]:
    """Return the prior of every kind that a pretrained model gives.

    Args:
        functional: what the priors are for.
        source_model: a released model's name, or the path of a checkpoint.

    Raises:
        LabError: no such model.
    """
    # Torch reads the model's AtomRef.
    from core.potential.models import (  # noqa: PLC0415
        get_atomref,
        load_model,
        source_functional,
    )

    own, source = get_atomref(load_model(source_model)), source_functional(source_model)
    return {kind: prior(own, source, functional, kind) for kind in PRIOR_KINDS}
