"""The section of a report about an AtomRef, and figures that the page draws of it."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.elements import SYMBOLS
from core.figures.atomref.influence import influence
from core.figures.atomref.intervals import intervals as draw_intervals
from core.figures.atomref.strength import prior_curves, strength_curve
from core.figures.base.periodic import periodic_table
from core.figures.shifts.parity import parity
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.schema import DFT
from core.intervals import NOT_DETERMINED
from core.reference.fits.atomref import RARE, AtomRef
from core.reference.fits.leave_one_out import LeaveOneOut
from core.reference.fits.prior_comparison import QUANTILES, PriorComparison
from core.reference.fits.priors import PRIOR_KINDS
from core.reference.fits.strength import StrengthCurve
from core.report.document import Figure, Section, Table
from core.report.origins import facts_of
from core.report.shifts import U_TITLES
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import WIDEST, Intervals
from core.transfer.atomref_fits import AtomRefFit

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


def atomref_section(
    study: AtomRefStudy,
    fit: AtomRefFit,
    *,
    bootstrap: Intervals | None = None,
    most: int = 0,
    priors: PriorComparison | None = None,
) -> Section:
    """Return the section about the elemental references of a functional.

    Args:
        study: the settings.
        fit: the fit.
        bootstrap: its uncertainty; None leaves it out.
        most: number of most influential materials; 0 leaves them out.
        priors: held-out errors by prior; None leaves them out.
    """
    atomref, counts = fit.atomref, fit.material_counts()
    labels = atomref.labels or DFT
    source = Provenance(
        data=study.datasets[-1],
        labels={labels},
        details=f"{atomref.n:,} energies in {atomref.functional}, "
        f"{CORRECTIONS[atomref.corrections]}.",
    )
    figures = [
        Figure(
            name="references",
            figure=references(atomref, counts, dark=False),
            caption="The part of the energy that composition explains, one energy per element; "
            "least squares includes the mean bonding energy.",
            source=source,
            table=_energies(atomref),
        )
    ]
    tables = [
        Table(title="Fit", table=pd.DataFrame([_numbers(fit, counts)]), note=atomref.scale_note),
        Table(
            title="References",
            table=_energies(atomref).rename(
                columns={"symbol": "Element", "energy": "Energy, eV/atom", "count": "Frames"}
            ),
        ),
    ]
    if fit.u_shifts is not None:
        tables.append(
            Table(title="What U adds", table=fit.u_shifts.table().rename(columns=U_TITLES))
        )
    if bootstrap is not None:
        table = bootstrap.table()
        figures.append(
            Figure(
                name="intervals",
                figure=interval_figure(bootstrap, atomref.functional, RARE, dark=False),
                caption=f"Top: each reference with its {bootstrap.interval.level:.0%} interval; "
                f"bottom: half its width. A cross: {NOT_DETERMINED}, or wider than ± {WIDEST:g} "
                "eV/atom.",
                source=source,
                table=table,
            )
        )
        tables.append(
            Table(
                title="Uncertainty",
                table=table.rename(columns=INTERVAL_TITLES),
                note=explanation(study, bootstrap),
            )
        )
    if fit.curve is not None:
        figures.append(
            Figure(
                name="strength",
                figure=strength_figure(fit.curve, dark=False),
                caption="On the far left the data alone determine the fit, on the far right the "
                "prior does. Best: smallest MAE. Diamond: the strongest pull within one standard "
                "error of it.",
                source=source,
                table=fit.curve.table(),
            )
        )
    if most:
        more, drawn = _left_out(study, fit, most, source)
        tables, figures = [*tables, more], [*figures, *drawn]
    if priors is not None:
        figures.append(
            Figure(
                name="priors",
                figure=prior_figure(priors, dark=False),
                caption=f"Ridge fits to small sets of materials, tested on {priors.n_held_out:,} "
                "others. The lower a line starts, the more materials its prior replaces.",
                source=source,
                table=priors.table(),
            )
        )
        tables.append(
            Table(
                title="Held-out MAE by number of fitting materials, eV/atom",
                table=priors.by_size().rename_axis("Prior").reset_index(),
            )
        )
    return Section(
        title=f"AtomRef of {atomref.functional}: {source.data}",
        paragraphs=[
            source.text,
            f"Prior: {atomref.prior_used}." if atomref.prior_used else "",
        ],
        tables=tables,
        figures=figures,
        facts={
            "Data": facts_of(study.datasets, (atomref.functional, labels, atomref.corrections)),
            "Fit": {
                "Method": atomref.method,
                "Model": study.model if study.is_pulled else "",
                "Strength": atomref.strength,
            },
        },
    )


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
        measure: "mae" or "rmse".
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


def _energies(atomref: AtomRef) -> pd.DataFrame:
    table = atomref.table()
    return table[table["count"] > 0]


def _numbers(fit: AtomRefFit, counts: dict[str, int]) -> dict[str, object]:
    atomref = fit.atomref
    return {
        "Method": atomref.method,
        "Materials": fit.n_materials,
        "Frames": atomref.n,
        "Rank": f"{atomref.rank} of {len(counts)}",
        "Condition number": atomref.condition,
        f"Elements in under {RARE} materials": sum(count < RARE for count in counts.values()),
        "MAE fitted, eV/atom": fit.mae,
    }


def _left_out(
    study: AtomRefStudy, fit: AtomRefFit, most: int, source: Provenance
) -> tuple[Table, list[Figure]]:
    left_out = fit.leave_one_out()
    formulas = study.pairs.open().data.table()["formula"].to_numpy()
    first = formulas[fit.rows[left_out.first]]
    table = left_out.influential(most)
    heads = {
        "material_id": "Material",
        "formula": "Formula",
        "moves": "Change of its references, eV/atom",
        "residual": "Residual, eV/atom",
        "leverage": "Leverage",
        "cook": "Cook's distance",
    }
    listed = table.assign(formula=formulas[fit.rows[table["row"]]])[list(heads)]
    figures = {
        "influence": (
            leverage_figure(left_out, first, [str(it) for it in left_out.materials], dark=False),
            (
                "Materials far to the right determine a reference almost alone; those far up or "
                "down are badly predicted by the others; both together move the fit."
            ),
            left_out.table(),
        ),
        "left-out": (
            left_out_parity(fit, left_out, dark=False),
            (
                "Each energy against its prediction by composition alone, fitted to all other "
                "materials."
            ),
            fit.predictions(left_out),
        ),
    }
    return Table(
        title="Most influential materials",
        table=listed.rename(columns=heads),
        note=f"MAE of each material left out: {left_out.mae:.4g} eV/atom. Sorted by Cook's "
        "distance: how far all fitted energies move without the material.",
    ), [
        Figure(name=name, figure=figure, caption=caption, source=source, table=data)
        for name, (figure, caption, data) in figures.items()
    ]
