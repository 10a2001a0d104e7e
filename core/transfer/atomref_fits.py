"""Fitting an AtomRef to the energies of a data set, optionally toward a pretrained model's."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.compositions import rows_of
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef, Method, fit_huber, fit_lstsq, fit_pulled
from core.reference.fits.covariance import fit_covariance
from core.reference.fits.leave_one_out import LeaveOneOut, leave_one_out
from core.reference.fits.priors import Prior
from core.reference.fits.strength import StrengthCurve, strength_curve
from core.reference.fits.uncertainty import material_counts
from core.reference.shifts.hubbard import HubbardShifts, carrying_u, u_shifts
from core.reference.shifts.labelled import LabelledEnergies
from core.transfer.source_model import SourceModel

PULLED: frozenset[Method] = frozenset({"ridge", "residual"})
"""Methods with a prior."""

_U_ROUNDS = 2

Strength = float | Literal["auto", "covariance"]
"""How a prior pulls."""


@dataclass(kw_only=True, frozen=True, eq=False)
class AtomRefFit:
    """An AtomRef and the n rows of a data set that it was fitted to.

    Attributes:
        atomref: the fitted AtomRef.
        rows: row numbers in the data set, (n,).
        fractions: composition fractions, (n, 94).
        energies: fitted energies, (n,) eV/atom: total energies, for `residual` minus the network's
            interaction energies.
        materials: material ids, (n,).
        prior: values that the fit is pulled toward, (94,) eV/atom; None for `lstsq` and `huber`.
        curve: the cross-validation that chose the strength; None if the strength was given.
        u_shifts: what U adds to some elements, where it was fitted beside the references, which
            are then those without U, as are `energies`; else None.
    """

    atomref: AtomRef
    rows: NDArray[np.int64]
    fractions: NDArray[np.float64]
    energies: NDArray[np.float64]
    materials: np.ndarray
    prior: NDArray[np.float64] | None = None
    curve: StrengthCurve | None = None
    u_shifts: HubbardShifts | None = None

    @cached_property
    def mae(self) -> float:
        """Mean |residual| of the fitted rows, eV/atom."""
        return float(np.abs(self.energies - self.atomref.contribution(self.fractions)).mean())

    @cached_property
    def n_materials(self) -> int:
        """Number of fitted materials."""
        return pd.unique(self.materials).size

    def material_counts(self) -> dict[str, int]:
        """Return the number of materials with each element that occurs, by symbol."""
        counts = material_counts(self.fractions, self.materials)
        return {SYMBOLS[i]: int(counts[i]) for i in np.flatnonzero(counts)}

    def leave_one_out(self) -> LeaveOneOut:
        """Predict each material from all others, and measure its influence."""
        return leave_one_out(self.fractions, self.energies, self.materials, self.atomref)

    def predictions(self, left_out: LeaveOneOut) -> pd.DataFrame:
        """Return columns material_id, energy, prediction and residual (eV/atom), one row each."""
        return pd.DataFrame(
            {
                "material_id": self.materials,
                "energy": self.energies,
                "prediction": left_out.prediction,
                "residual": left_out.residual,
            }
        )


def fit_atomref(
    target: LabelledEnergies,
    *,
    method: Method,
    source: SourceModel,
    start: str = "shifted",
    strength: Strength = 1e-2,
    separate_u: bool = False,
    progress: Progress = silent,
) -> AtomRefFit:
    """Fit the elemental references of one functional.

    Args:
        target: total energies; `residual` needs their structures. Rows without a finite energy,
            and for `residual` without a structure that CHGNet can represent, are left out.
        method: `lstsq`, `huber`, `ridge` or `residual`.
        source: its AtomRef is where the prior starts, its network gives the interaction energies.
        start: the prior, as in `SourceModel.prior`.
        strength: pull toward the prior; "auto" takes the best one by cross-validation over
            materials, "covariance" pulls elements that are alike jointly, as strongly as the data
            suggest (``core.reference.fits.covariance``).
        separate_u: whether elements that are met both with and without U have an extra column
            (``core.reference.shifts.hubbard``); of a Huber fit that column is least squares'.
        progress: reports the interaction energies computed.

    Raises:
        LabError: if there are no energies, no structures where they are needed, no such model or
            prior, or too few materials to choose a strength.
    """
    has_energy = np.isfinite(target.energies)
    rows = np.asarray(target.rows, dtype=np.int64)[has_energy]
    y = target.energies[has_energy]
    if method == "residual":
        interaction = _interaction_energies(target, rows, source, progress)
        usable = np.isfinite(interaction)
        rows, y = rows[usable], (y - interaction)[usable]
    # A copy of all compositions of a large data set is too much to keep for every fit.
    X = rows_of(target.data.fractions(), rows)
    materials = rows_of(target.data.material_ids(), rows)
    prior: Prior | None = None
    if method in PULLED:
        data = target.data if isinstance(target.data, FrameSet) else None
        prior = source.prior(target.functional, start, data=data)
    fit = _Fitting(
        fractions=X,
        materials=materials,
        functional=target.functional,
        prior=prior,
        robust=method == "huber",
        strength=strength,
        embedding=source.embedding() if prior and strength == "covariance" else None,
    )
    atomref, curve = fit.to(y)
    shifts = None
    carried = carrying_u(target.data, target.functional, rows) if separate_u else None
    if carried is not None:
        # What U adds and what pulls the references follow from each other.
        for _ in range(_U_ROUNDS):
            left = y if prior is None else y - X @ prior.energies
            shifts = u_shifts(X, carried, left, materials, penalty=atomref.pull)
            if shifts is None:
                break
            atomref, curve = fit.to(y - shifts.contribution(carried))
        y = y if shifts is None else y - shifts.contribution(carried)
    return AtomRefFit(
        atomref=replace(
            atomref, method=method, labels=target.labels, corrections=target.corrections
        ),
        rows=rows,
        fractions=X,
        energies=y,
        materials=materials,
        prior=None if prior is None else prior.energies,
        curve=curve,
        u_shifts=shifts,
    )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Fitting:
    """A way to fit references to energies of the same rows; attributes as of `fit_atomref`."""

    fractions: NDArray[np.float64]
    materials: np.ndarray
    functional: str
    prior: Prior | None
    robust: bool
    strength: Strength
    embedding: NDArray[np.floating] | None

    def to(self, energies: NDArray[np.float64]) -> tuple[AtomRef, StrengthCurve | None]:
        """Return the fit to energies, (n,) eV/atom, and what chose its strength."""
        X, prior, strength = self.fractions, self.prior, self.strength
        if prior is None:
            fit = fit_huber if self.robust else fit_lstsq
            return fit(X, energies, functional=self.functional), None
        about: dict[str, Any] = {
            "prior": prior.energies,
            "functional": self.functional,
            "prior_used": prior.description,
        }
        if strength == "covariance":
            n_materials = pd.unique(self.materials).size
            covariance = fit_covariance(
                X, energies, **about, embedding=self.embedding, n_materials=n_materials
            )
            return covariance, None
        curve = None
        if strength == "auto":
            curve = strength_curve(X, energies, self.materials, prior=prior.energies)
            strength = curve.best
        return fit_pulled(X, energies, **about, strength=strength), curve


def fit_difference(
    target: AtomRefFit, source: AtomRefFit, *, embedding: NDArray[np.float64] | None = None
) -> AtomRefFit:
    """Return the fit to the difference of two functionals' energies of the same rows.

    Least squares and ridge are linear in the energies, so it is the difference of their fits, and
    its uncertainty follows as that of any fit. A fit with a covariance learns it from the
    differences themselves, which depart from the difference of the priors less than the energies.

    Args:
        target: the fit to the target functional.
        source: the fit to the source functional, of the same method and strength.
        embedding: as of `core.reference.fits.covariance.fit_covariance`, for such a fit.

    Raises:
        LabError: if they are Huber fits, which are not linear.
    """
    ours, theirs = target.atomref, source.atomref
    if ours.method == "huber":
        raise LabError(
            "Huber fits are not linear, so their difference is not a fit; choose one functional, "
            "or least squares."
        )
    prior = target.prior
    if prior is not None and source.prior is not None:
        prior = prior - source.prior
    energies = target.energies - source.energies
    fitted = replace(ours, energies=ours.energies - theirs.energies)
    if prior is not None and ours.penalty is not None:
        fitted = fit_covariance(
            target.fractions,
            energies,
            prior=prior,
            functional=ours.functional,
            prior_used=ours.prior_used or "given",
            embedding=embedding,
            n_materials=target.n_materials,
        )
    return replace(
        target,
        energies=energies,
        prior=prior,
        u_shifts=None,
        atomref=replace(
            fitted,
            method=ours.method,
            functional=f"{ours.functional} − {theirs.functional}",
            labels=", ".join(sorted({ours.labels or "", theirs.labels or ""})),
            # Of one energy with corrections and one without, nothing can be said.
            corrections=ours.corrections if ours.corrections == theirs.corrections else "unknown",
        ),
    )


def _interaction_energies(
    target: LabelledEnergies, rows: NDArray[np.int64], source: SourceModel, progress: Progress
) -> NDArray[np.float64]:
    data = target.data
    if isinstance(data, PairSet) and not data.has_structures:
        raise LabError(
            f"{data.card.name} has no structures, and residual needs them; import it with a "
            "column of structures, or choose lstsq, huber or ridge."
        )
    # Only this fit waits for torch.
    from core.transfer.interaction import interaction_energies  # noqa: PLC0415

    return interaction_energies(data, source, rows=rows, progress=progress)
