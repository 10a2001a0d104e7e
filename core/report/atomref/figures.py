"""Figures of an AtomRef that page and report draw."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.elements import SYMBOLS
from core.figures.atomref.influence import influence
from core.figures.atomref.intervals import intervals as draw_intervals
from core.figures.atomref.strength import prior_curves, strength_curve
from core.figures.atomref.vectors import atomref_bars, atomref_difference
from core.figures.base.periodic import periodic_table
from core.figures.shifts.parity import parity
from core.reference.fits.atomref import AtomRef
from core.reference.fits.leave_one_out import LeaveOneOut
from core.reference.fits.prior_comparison import QUANTILES, PriorComparison
from core.reference.fits.priors import PRIOR_KINDS
from core.reference.fits.strength import StrengthCurve
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import Intervals
from core.transfer.atomref_fits import AtomRefFit

VECTORS = ("difference", "target", "source", "bars")
"""What is drawn of the references of two functionals."""

MEASURES = {"mae": "MAE", "rmse": "RMSE"}
"""Errors by strength of the pull."""

INTERVAL_TITLES = {
    "symbol": "Element",
    "energy": "Reference, eV/atom",
    "low": "From",
    "high": "To",
    "half_width": "± (bootstrap)",
    "error": "Standard error",
    "margin": "± (standard error)",
    "count": "Materials",
}
"""Titles of the columns of `Intervals.table`."""


def references(atomref: AtomRef, counts: dict[str, int], *, dark: bool) -> go.Figure:
    """Draw an AtomRef on the periodic table.

    Args:
        atomref: the references.
        counts: materials with each element, by symbol.
        dark: whether the background is dark.
    """
    return periodic_table(
        atomref.fitted_energies(),
        title=f"AtomRef of {atomref.functional}",
        unit="eV/atom",
        diverging=False,
        hover=element_texts(atomref, counts),
        dark=dark,
    )


def element_texts(atomref: AtomRef, counts: dict[str, int]) -> dict[str, str]:
    """Return what hover labels say of each element: its materials and the error of its energy."""
    texts = {symbol: f"in {counts.get(symbol, 0):,} materials" for symbol in SYMBOLS}
    for symbol, error in atomref.errors_by_symbol().items():
        texts[symbol] += f", error {error:.3f} eV/atom"
    return texts


def interval_figure(result: Intervals, name: str, few: int, *, dark: bool) -> go.Figure:
    """Draw each reference with its interval.

    Args:
        result: the references.
        name: whose references.
        few: elements in fewer materials are marked.
        dark: whether the background is dark.
    """
    return draw_intervals(
        result.table(),
        title=f"AtomRef, {name}",
        few=few,
        level=result.interval.level,
        dark=dark,
    )


def strength_figure(
    curve: StrengthCurve, measure: str = "mae", *, in_use: float | None = None, dark: bool
) -> go.Figure:
    """Draw held-out error against the strength of the pull.

    Args:
        curve: the errors.
        measure: a key of MEASURES.
        in_use: a strength to mark.
        dark: whether the background is dark.
    """
    lines = {"least squares": curve.lstsq_mae, "prior alone": curve.prior_mae}
    return strength_curve(
        curve.strengths,
        getattr(curve, measure),
        getattr(curve, f"{measure}_error"),
        title=f"Held-out {measure.upper()}",
        best=curve.best,
        cautious=curve.cautious,
        current=in_use,
        lines=lines if measure == "mae" else {},
        dark=dark,
    )


def prior_figure(comparison: PriorComparison, *, dark: bool) -> go.Figure:
    """Draw held-out error against the number of fitting materials, prior by prior."""
    low, high = QUANTILES
    return prior_curves(
        comparison.table(),
        names={prior: PRIOR_KINDS[prior] for prior in comparison.priors},  # type: ignore[index]
        title="Held-out MAE",
        band=f"{high - low:.0%} of the choices",
        dark=dark,
    )


def leverage_figure(
    left_out: LeaveOneOut,
    formulas: np.ndarray,
    ids: list[str],
    *,
    picked: str | None = None,
    dark: bool,
) -> go.Figure:
    """Draw leverage against residual of each material.

    Args:
        left_out: the m materials, each left out.
        formulas: (m,) strings.
        ids: m names that a click reports.
        picked: the one to mark.
        dark: whether the background is dark.
    """
    return influence(
        left_out.leverage,
        left_out.mean_residual,
        left_out.cook,
        names=[f"{f}\n{m}" for f, m in zip(formulas, left_out.materials, strict=True)],
        ids=ids,
        picked=picked,
        dark=dark,
    )


def left_out_parity(fit: AtomRefFit, left_out: LeaveOneOut, *, dark: bool) -> go.Figure:
    """Draw each energy against its prediction by the fit to all other materials."""
    quantity = "minus interaction energy" if fit.atomref.method == "residual" else "energy"
    return parity(
        fit.energies,
        left_out.prediction,
        x_title=f"{fit.atomref.functional} {quantity}",
        y_title="Prediction without the material",
        hover=fit.materials.astype(str).tolist(),
        dark=dark,
    )


def explanation(study: AtomRefStudy, result: Intervals) -> str:
    """Return what the numbers mean, and what they do not cover."""
    text = (
        f"Intervals: Bayesian bootstrap over materials, {result.interval.n:,} resamplings "
        "(Rubin 1981, doi:10.1214/aos/1176345338), with leave-one-out residuals and Student's t "
        "distribution for elements in few materials. Standard errors: jackknife over materials, so "
        "that all frames of one material count once. On generated data both contain the true "
        "reference in about 95 % of cases, for elements in at least ten materials."
    )
    if study.is_pulled:
        text += (
            " They do not include the bias of the prior: where the prior dominates, both are small "
            "and the reference is as good as the prior."
        )
    if study.method == "huber":
        text += " Each resampling of a Huber fit takes one Newton step."
    return text


def vectors_figure(
    which: str, source: AtomRef, target: AtomRef, counts: dict[str, int], *, dark: bool
) -> go.Figure:
    """Draw the references of two functionals.

    Args:
        which: of VECTORS.
        source: of the source functional.
        target: of the target functional.
        counts: materials with each element, by symbol.
        dark: whether the background is dark.
    """
    vectors = (source.fitted_energies(), target.fitted_energies())
    functionals: dict[str, Any] = {
        "source_name": source.functional,
        "target_name": target.functional,
    }
    if which == "difference":
        hover = element_texts(target, counts)
        return atomref_difference(*vectors, **functionals, hover=hover, dark=dark)
    if which == "bars":
        frames = dict(zip(SYMBOLS, target.counts.tolist(), strict=True))
        return atomref_bars(*vectors, **functionals, counts=frames, dark=dark)
    return references(target if which == "target" else source, counts, dark=dark)
