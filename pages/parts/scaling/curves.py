"""How the error falls with the number of training frames: points, laws, and tests of the laws."""

import plotly.graph_objects as go
import streamlit as st

from core.figures.scaling.error_curves import scaling_curves
from core.report.sweep import curves_of, form_table, forms_refused, law_table, prediction_table
from core.scaling.analysis import ScalingAnalysis
from core.scaling.words import FORM_TEXT, name_of, provenance_of
from pages.parts.scaling.paper import show_paper
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain


def show_curves(analysis: ScalingAnalysis) -> str:
    """Show the view, and return the command that shows the same."""
    _figure(analysis)
    for method, reason in analysis.refused.items():
        st.warning(plain(f"{name_of(method)}: {reason}"), icon=":material/block:")
    for note in analysis.start_notes:
        st.caption(plain(note))
    if analysis.laws:
        _laws(analysis)
        left, right = st.columns([2, 3], gap="large")
        with left:
            _forms(analysis)
        with right:
            _extrapolations(analysis)
    show_paper(analysis.metric)
    return analysis.command


def _figure(analysis: ScalingAnalysis) -> None:
    _, figure, is_untrained = drawn(analysis, dark=is_dark())
    show(
        figure,
        name="scaling",
        caption=_caption(analysis, untrained=is_untrained),
        source=provenance_of(analysis),
        table=analysis.points_table,
    )


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={ScalingAnalysis: id})
def drawn(analysis: ScalingAnalysis, *, dark: bool) -> tuple[ScalingAnalysis, go.Figure, bool]:
    """Draw the curves once for all readers, and return whether untrained models are among them.

    The analysis is kept with them, so that no other one can get its id.
    """
    series = curves_of(analysis)
    figure = scaling_curves(series, title=analysis.title, unit=analysis.unit, dark=dark)
    return analysis, figure, any(len(each.zero) for each in series)


def _caption(analysis: ScalingAnalysis, *, untrained: bool) -> str:
    text = "Filled markers are geometric means over seeds, dashes single seeds."
    if {"scratch", "refit"} <= set(analysis.points):
        text += (
            " Scratch and refit have one AtomRef, by least squares; scratch starts from random "
            "weights, refit from pretrained ones."
        )
    if analysis.laws:
        text += (
            " Straight lines are power laws: the steeper, the more each additional frame helps. "
            "Bands are 95 % intervals of the law; dashed parts extrapolate beyond the fitted sizes."
        )
    if untrained:
        text += " Open markers left of the break: the untrained model"
        text += (
            "."
            if analysis.results is None
            else " with the method's AtomRef, fitted to the largest training set. Where it lies "
            "below trained points, training on so few frames is worse than not training."
        )
    elif analysis.split == "test":
        text += " Untrained models are evaluated on validation frames only."
    return text


def _laws(analysis: ScalingAnalysis) -> None:
    forms = {law.form for law in analysis.laws.values()}
    st.dataframe(
        law_table(analysis),
        key="laws",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": st.column_config.TextColumn("Method", width=260),
            "law": "Law",
            "exponent": st.column_config.TextColumn(
                "Exponent b [95 %]",
                help="E = a·N⁻ᵇ: the error falls with the b-th power of the number of frames.",
            ),
            # Columns without a value are left out.
            "twice": None
            if forms == {"offset"}
            else st.column_config.NumberColumn(
                "Twice the frames",
                format="%+.1f %%",
                help="Change of the error when the number of frames doubles.",
            ),
            "floor": None
            if forms == {"power"}
            else st.column_config.TextColumn(
                f"Floor c [95 %], {analysis.unit}",
                help="The error that remains however many such frames are added.",
            ),
            "r2": st.column_config.NumberColumn(
                "R²",
                format="%.3f",
                help="Of log error over log frames, all points, as in the paper.",
            ),
            "points": "Points",
            "range": "Frames",
            "start": st.column_config.TextColumn("Starts from", width=270),
        },
    )
    for method, law in analysis.laws.items():
        if not law.falls:
            st.caption(
                f":material/warning: {plain(name_of(method))}: over these sizes the error does not "
                "fall with more frames."
            )


def _forms(analysis: ScalingAnalysis) -> None:
    st.markdown(
        "**Power law with or without a floor**",
        help="Both are fitted to the smaller sizes and predict the larger ones, which were held "
        "out. A floor is better if its error is clearly smaller; where it was not tried, neither "
        "form is better.",
    )
    st.dataframe(
        form_table(analysis),
        key="forms",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": "Method",
            **{
                str(form): st.column_config.NumberColumn(
                    text,
                    format="%.1f %%",
                    help="Root mean square of the log error at the held-out sizes.",
                )
                for form, text in FORM_TEXT.items()
            },
            "better": "Better",
            "held_out": "Held-out sizes",
        },
    )
    for text in forms_refused(analysis):
        st.caption(plain(text))


def _extrapolations(analysis: ScalingAnalysis) -> None:
    st.markdown(
        "**Extrapolation test**",
        help="For each size N, the law is fitted to sizes up to N/4 alone and predicts the error "
        "at N, which is known here.",
    )
    with st.spinner("Testing the laws …"):
        summary = analysis.extrapolation_summary
    if summary is None:
        st.caption("A test needs a size with enough sizes up to a quarter of it; train at more.")
        return
    st.markdown(
        f"Extrapolated to at least four times the frames they were fitted to, the laws were off by "
        f"**{100 * summary.median:.0f} %** in the median and **{100 * summary.largest:.0f} %** at "
        f"most; {summary.n_held} of {summary.n} bands contain the actual error."
    )
    st.dataframe(
        prediction_table(analysis),
        key="extrapolations",
        hide_index=True,
        column_config={
            "method": "Method",
            "n_frames": st.column_config.NumberColumn("Frames", format="localized"),
            "fitted": st.column_config.NumberColumn("Sizes fitted"),
            "seen": st.column_config.NumberColumn(f"Actual, {analysis.unit}", format="%.3g"),
            "predicted": f"Predicted [95 %], {analysis.unit}",
            "off": st.column_config.NumberColumn("Off by", format="%+.0f %%"),
        },
    )
