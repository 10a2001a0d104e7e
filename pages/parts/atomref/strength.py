"""AtomRef, view "Strength and prior": how hard to pull, and toward what."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from core.figures.atomref.strength import prior_curves, strength_curve
from core.reference.fits.atomref import Method
from core.reference.fits.prior_comparison import QUANTILES, PriorComparison
from core.reference.fits.priors import PRIOR_KINDS
from core.reference.fits.strength import StrengthCurve
from core.reference.fits.strength import strength_curve as cross_validated
from core.studies.prior_comparison import PriorStudy
from core.transfer.pair_fits import SideFit
from pages.parts.atomref.form import METHODS, FitChoice, choose_side, fitted
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, is_dark, plain
from pages.parts.shared.pairs import PairChoice

Functional = Literal["target", "source"]
MEASURES = {"mae": "MAE", "rmse": "RMSE"}


def strength_and_prior(choice: PairChoice, how: FitChoice) -> None:
    """Show held-out errors by ridge strength and by prior."""
    pulled = how if how.is_pulled else replace(how, method="ridge")
    if not how.is_pulled:
        st.info(f"{METHODS[how.method]} has no prior: this is about ridge.")
    side = choose_functional(choice)
    made = fitted(choice, pulled, side)
    st.subheader("How hard to pull")
    curve = held_out(choice.key, pulled.key, side, made)
    numbers(curve)
    curve_shown(choice, pulled, side, curve, in_use=how.strength if how.is_pulled else None)
    take(pulled.method, curve)
    own = priors(choice, pulled, side)
    line = pulled.command(choice, side, strength="auto")
    # With a strength of the form, the comparison is a command of its own.
    command(
        f"{line} --compare-priors"
        if own
        else f"{line}\n{pulled.command(choice, side)} --compare-priors"
    )


def choose_functional(choice: PairChoice) -> Functional:
    """Let the reader choose a functional: each has a prior of its own."""
    return "source" if choose_side(choice, difference=False) == "source" else "target"


@st.cache_resource(max_entries=16, show_spinner="Trying strengths …")
def held_out(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    how: tuple[Any, ...],  # noqa: ARG001  the same
    side: Functional,  # noqa: ARG001  the same
    _made: SideFit,
) -> StrengthCurve:
    """Cross-validate strengths, once for all readers."""
    seen = _made.seen
    prior = np.zeros(len(_made.fit.energies)) if seen.prior is None else seen.prior
    return cross_validated(seen.fractions, seen.energies, seen.materials, prior=prior)


def numbers(curve: StrengthCurve) -> None:
    """Show the best strength and what it brings."""
    cells = st.columns(4)
    cells[0].metric("Best strength", f"{curve.best:.3g}", border=True)
    cells[1].metric(
        "Held out, meV/atom",
        f"{1000 * curve.best_mae:,.0f}",
        border=True,
        help=f"MAE at the best strength; {curve.k} folds of whole materials, each predicted "
        "from the others.",
    )
    cells[2].metric("Least squares, meV/atom", f"{1000 * curve.lstsq_mae:,.0f}", border=True)
    cells[3].metric(
        "Prior alone, meV/atom",
        f"{1000 * curve.prior_mae:,.0f}",
        border=True,
        help="Nothing fitted at all.",
    )


def curve_shown(
    choice: PairChoice,
    how: FitChoice,
    side: Functional,
    curve: StrengthCurve,
    *,
    in_use: float | None,
) -> None:
    """Show error against strength."""
    measure = st.segmented_control(
        "Error",
        list(MEASURES),
        format_func=MEASURES.__getitem__,
        default="mae",
        required=True,
        key="measure",
        bind="query-params",
    )
    error, spread = getattr(curve, measure), getattr(curve, f"{measure}_error")
    lines = {"least squares": curve.lstsq_mae, "prior alone": curve.prior_mae}
    show(
        strength_curve(
            curve.strengths,
            error,
            spread,
            title=f"Held-out {MEASURES[measure]}",
            best=curve.best,
            cautious=curve.cautious,
            current=in_use,
            lines=lines if measure == "mae" else {},
            dark=is_dark(),
        ),
        name=f"atomref-strength-{side}",
        caption=f"{METHODS[how.method]}: far left the data decide alone, far right the prior does. "
        "Best is the smallest MAE; the diamond pulls as hard as the error allows within one "
        "standard error.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: pd.DataFrame(
            {
                "strength": curve.strengths,
                "mae": curve.mae,
                "mae_error": curve.mae_error,
                "rmse": curve.rmse,
                "rmse_error": curve.rmse_error,
            }
        ),
    )


def take(method: Method, curve: StrengthCurve) -> None:
    """Offer to take a strength into the form."""
    with st.container(horizontal=True):
        for name, strength in (("best", curve.best), ("cautious", curve.cautious)):
            st.button(
                f"Take the {name} strength, {strength:.3g}",
                key=f"take-{name}",
                icon=":material/check:",
                on_click=into_form,
                args=(method, strength),
            )


def into_form(method: Method, strength: float) -> None:
    """Set the form's method and strength."""
    if st.session_state.get("fit") != method:
        st.session_state["fit"] = method
    st.session_state["strength"] = strength


def priors(choice: PairChoice, how: FitChoice, side: Functional) -> bool:
    """Show error against the number of fitting materials, prior by prior.

    Returns:
        Whether each fit takes its own best strength.
    """
    st.subheader("Which prior, when materials are few")
    own = st.toggle(
        "Each fit takes its own best strength",
        value=True,
        key="own",
        bind="query-params",
        help="By cross-validation over its fitting materials; else all take the form's strength.",
    )
    settings = how.settings() | ({"strength": 0.01} if own else {}) | {"start": "shifted"}
    found: PriorComparison | None = computed(
        PriorStudy(pairs=choice.selection, side=side, own_strength=own, **settings)
    )
    if found is None:
        return own
    names = {prior: PRIOR_KINDS[prior] for prior in found.priors}  # type: ignore[index]
    low, high = QUANTILES
    same = alike(found)
    show(
        prior_curves(
            found.table(),
            names=names,
            title="Held-out MAE",
            band=f"{high - low:.0%} of the choices",
            dark=is_dark(),
        ),
        name=f"atomref-priors-{side}",
        caption=f"Ridge to so many materials, judged on {found.n_held_out:,} others; mean and "
        f"middle {high - low:.0%} of {found.repeats} choices. The further down a "
        f"line begins, the more materials its prior replaces. {same}".strip(),
        source=choice.source,
        labels=choice.labels,
        table=found.table,
    )
    st.dataframe(
        found.table().pivot_table(index="prior", columns="materials", values="mae", sort=False),
        column_config={
            str(size): st.column_config.NumberColumn(f"{size:,}", format="%.3f")
            for size in found.sizes
        },
    )
    st.caption("Held-out MAE, eV/atom, by number of fitting materials.")
    return own


def alike(found: PriorComparison) -> str:
    """Say which priors give the same errors here, so that their lines lie on each other."""
    first = [
        next(j for j in range(len(found.priors)) if np.allclose(found.mae[j], found.mae[i]))
        for i in range(len(found.priors))
    ]
    joined = [
        " and ".join(plain(found.priors[i]) for i in range(len(first)) if first[i] == leader)
        for leader in sorted(set(first))
        if first.count(leader) > 1
    ]
    return f"The same here: {'; '.join(joined)}." if joined else ""
