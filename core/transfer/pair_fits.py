"""The AtomRef of either functional of some pairs, or of their difference, and its data.

Least squares and ridge are linear in the energies, so the difference of two fits is the fit to the
difference of the energies, and its uncertainty follows as that of any fit.
"""

from dataclasses import dataclass, replace
from typing import Literal

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.progress import Progress, silent
from core.reference.fits.atomref import AtomRef, Method
from core.reference.shifts.pairs import PairedEnergies
from core.transfer.atomref_fits import FitData, fit, fit_data

Side = Literal["target", "source", "difference"]
"""Whose references: a functional's, or target minus source."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class SideFit:
    """One fit and its data.

    Attributes:
        seen: What was fitted.
        fit: The AtomRef.
    """

    seen: FitData
    fit: AtomRef


def side_fit(
    data: FrameSet | PairSet,
    pairs: PairedEnergies,
    side: Side,
    *,
    method: Method,
    strength: float,
    source_model: str = "chgnet-0.3.0",
    start: str = "shifted",
    progress: Progress = silent,
) -> SideFit:
    """Fit one side of some pairs.

    Args:
        data: the data set that holds the pairs' rows.
        pairs: energies in the two functionals.
        side: whose references.
        method: `lstsq`, `huber`, `ridge` or `residual`.
        strength: pull toward the prior.
        source_model: a released model's name, or the path of a checkpoint.
        start: what the prior is, as in `core.transfer.atomref_fits.fit_atomref`.
        progress: told how many interaction energies are computed.

    Raises:
        LabError: as `fit_atomref`, or the difference of Huber fits, which are not linear.
    """
    if side == "difference":
        if method == "huber":
            raise LabError(
                "Huber fits are not linear, so their difference is no fit; choose a functional, or "
                "least squares."
            )
        both = [
            side_fit(
                data,
                pairs,
                one,
                method=method,
                strength=strength,
                source_model=source_model,
                start=start,
                progress=progress,
            )
            for one in ("target", "source")
        ]
        return _difference(*both)
    of_target = side == "target"
    functional = pairs.target_functional if of_target else pairs.source_functional
    seen = fit_data(
        data,
        pairs.index,
        pairs.target if of_target else pairs.source,
        method=method,
        functional=functional,
        source_model=source_model,
        start=start,
        progress=progress,
    )
    made = fit(seen, method=method, functional=functional, strength=strength)
    return SideFit(
        seen=seen,
        fit=replace(
            made,
            labels=pairs.target_labels if of_target else pairs.source_labels,
            corrections=pairs.target_corrections if of_target else pairs.source_corrections,
        ),
    )


def _difference(target: SideFit, source: SideFit) -> SideFit:
    prior = target.seen.prior
    if prior is not None and source.seen.prior is not None:
        prior = prior - source.seen.prior
    return SideFit(
        seen=replace(
            target.seen, energies=target.seen.energies - source.seen.energies, prior=prior
        ),
        fit=replace(
            target.fit,
            functional=f"{target.fit.functional} − {source.fit.functional}",
            energies=target.fit.energies - source.fit.energies,
            labels=", ".join(sorted({target.fit.labels or "", source.fit.labels or ""})),
            # Of two energies with and without them, nothing can be said of the difference.
            corrections=(
                target.fit.corrections
                if target.fit.corrections == source.fit.corrections
                else "unknown"
            ),
        ),
    )
