"""AtomRef, view "Strength and prior": how hard to pull, and toward what."""

import streamlit as st

from core.reference.fits.atomref import Method
from core.reference.fits.prior_comparison import QUANTILES, PriorComparison
from core.reference.fits.strength import StrengthCurve
from core.report.atomref.figures import MEASURES, prior_figure, strength_figure
from core.studies.atomref_fit import AtomRefStudy
from core.studies.pair_choice import PairChoice
from core.studies.prior_comparison import PriorStudy
from pages.parts.atomref.form import METHODS, choose_side, fit_of_form, fitted, pull_key
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, is_dark, plain
from pages.parts.shared.views import one_of


def show_strength_and_prior(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show held-out errors by ridge strength and by prior."""
    is_ridge = study.is_pulled and study.strength != "covariance"
    in_use = st.session_state["strength"] if is_ridge else None
    if not study.is_pulled:
        st.info(f"{METHODS[study.method]} has no prior; this view is about ridge.")
        study = fit_of_form(choice, "ridge")
    study = choose_side(choice, study, difference=False)
    st.subheader("Strength of the pull")
    automatic = study.model_copy(update={"strength": "auto"})
    curve = fitted(choice, automatic).curve
    assert curve is not None, "an automatic strength comes from a curve"  # noqa: S101
    show_numbers(curve)
    show_curve(choice, study, curve, in_use=in_use)
    with st.container(horizontal=True):
        for name, strength in (("best", curve.best), ("cautious", curve.cautious)):
            st.button(
                f"Use the {name} strength, {strength:.3g}",
                key=f"take-{name}",
                icon=":material/check:",
                on_click=set_form,
                args=(study.method, strength),
                help="Sets this strength in the form above.",
            )
    own_strength = show_priors(choice, study)
    # With the strength of the form, the comparison is a command of its own.
    if own_strength:
        command(f"{automatic.command} --compare-priors")
    else:
        command(automatic.command, f"{study.command} --compare-priors")


def show_numbers(curve: StrengthCurve) -> None:
    """Show the best strength and its error."""
    cells = st.columns(4)
    cells[0].metric("Best strength", f"{curve.best:.3g}", border=True)
    cells[1].metric(
        "Held out, eV/atom",
        f"{curve.best_mae:.3f}",
        border=True,
        help=f"MAE at the best strength; {curve.k} folds of whole materials, each predicted "
        "from the others.",
    )
    cells[2].metric("Least squares, eV/atom", f"{curve.lstsq_mae:.3f}", border=True)
    cells[3].metric(
        "Prior alone, eV/atom",
        f"{curve.prior_mae:.3f}",
        border=True,
        help="Without any fit.",
    )


def show_curve(
    choice: PairChoice, study: AtomRefStudy, curve: StrengthCurve, *, in_use: float | None
) -> None:
    """Show error against strength."""
    measure = one_of(
        st,
        "Error",
        list(MEASURES),
        format_func=MEASURES.__getitem__,
        default="mae",
        key="measure",
        wrap=True,
        help="On materials to which the references were not fitted.",
    )
    show(
        strength_figure(curve, measure, in_use=in_use, dark=is_dark()),
        name=f"atomref-strength-{study.side}",
        caption=f"{METHODS[study.method]}: on the far left the data alone determine the fit, on "
        "the far right the prior does. Best: smallest MAE. Diamond: the strongest pull within one "
        f"standard error of it.{flat_end(curve)}"
        + (f" {left_end(curve)}" if measure == "mae" else ""),
        source=choice.source,
        table=curve.table,
    )


def flat_end(curve: StrengthCurve) -> str:
    """Return that weaker pulls do as well, where the data do not tell strengths apart."""
    place = curve.strengths.tolist().index(curve.best)
    if curve.mae[0] > curve.best_mae + curve.mae_error[place]:
        return ""
    return (
        " All strengths up to it do as well within one standard error, so the data do not "
        "determine the best one."
    )


def left_end(curve: StrengthCurve) -> str:
    """Return why the weakest pull does not end at the error of least squares."""
    return (
        f"The left end, {curve.mae[0]:.3f} eV/atom, is not the {curve.lstsq_mae:.3f} of least "
        "squares: however weak the pull, an element that the other folds lack keeps its prior, and "
        "so do combinations of elements that they cannot tell apart, while least squares counts "
        "a missing element as 0."
    )


def set_form(method: Method, strength: float) -> None:
    """Set the form's method and strength."""
    if st.session_state.get("fit") != method:
        st.session_state["fit"] = method
    st.session_state[pull_key(method)] = "ridge"
    st.session_state["strength"] = strength


def show_priors(choice: PairChoice, study: AtomRefStudy) -> bool:
    """Show error against the number of fitting materials, prior by prior.

    Returns:
        Whether each fit takes its own best strength.
    """
    st.subheader("Priors for small data sets")
    own_strength = st.toggle(
        "Each fit uses its own best strength",
        value=True,
        key="own",
        bind="query-params",
        help="By cross-validation over its fitting materials; otherwise all use the strength of "
        "the form.",
    )
    comparison: PriorComparison | None = computed(PriorStudy.of(study, own_strength=own_strength))
    if comparison is None:
        return own_strength
    low, high = QUANTILES
    same = "; ".join(" and ".join(map(plain, group)) for group in comparison.same_errors())
    show(
        prior_figure(comparison, dark=is_dark()),
        name=f"atomref-priors-{study.side}",
        caption="Ridge fits to small sets of materials, tested on "
        f"{comparison.n_held_out:,} others; median and middle {high - low:.0%} of "
        f"{comparison.repeats} random choices. The lower a line starts, the more materials its "
        "prior replaces." + (f" Identical: {same}." if same else ""),
        source=choice.source,
        table=comparison.table,
    )
    st.dataframe(
        comparison.by_size(),
        column_config={
            str(size): st.column_config.NumberColumn(f"{size:,}", format="%.4f")
            for size in comparison.sizes
        },
    )
    st.caption("Held-out MAE, eV/atom, by number of fitting materials.")
    return own_strength
