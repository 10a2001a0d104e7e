"""How many fewer frames one method needs than another at equal error."""

import streamlit as st

from core.figures.scaling.savings import savings
from core.report.sweep import savings_of
from core.scaling.analysis import Pair, ScalingAnalysis
from core.scaling.extrapolation import FACTOR
from core.scaling.savings_text import answer_text, crossing_sentences
from core.scaling.words import name_of, provenance_of
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain


def show_savings(analysis: ScalingAnalysis) -> str:
    """Show the view, and return the command that shows the same."""
    if analysis.results is None:
        st.info(
            "This view compares two methods of a sweep, and a table of points holds one method: "
            "choose a sweep above."
        )
        return analysis.command
    if not analysis.pairs:
        st.info(
            "This view compares two methods, and fewer than two of scratch, refit and residual "
            "have a law here: see the view Curves for the reasons, or add a method to the sweep."
        )
        return analysis.command
    error = _choose_error(analysis)
    for pair, column in zip(analysis.pairs, st.columns(len(analysis.pairs)), strict=True):
        with column:
            _answer(analysis, pair, error)
    show(
        savings(savings_of(analysis), title=analysis.title, unit=analysis.unit, dark=is_dark()),
        name="frames-saved",
        caption="At each error, the frames that the other method needs over those that this one "
        "needs. Solid: both numbers lie within the fitted sizes. Dotted: this method is better "
        "already with the smallest of them, so the ratio is a lower bound. Dashed: a law is "
        f"extrapolated, by a factor of {FACTOR} at most; nothing is drawn beyond, nor where an "
        "interval leaves the order of magnitude open. Below one, the "
        "method needs more frames; where a band includes one, the difference is not larger than "
        "chance.",
        source=provenance_of(analysis),
        table=analysis.savings_table,
    )
    for note in analysis.start_notes:
        st.caption(plain(note))
    st.markdown("**Crossings**")
    for pair in analysis.pairs:
        st.markdown(plain(_crossings(analysis, pair)))
    return f"{analysis.command} --at {error:g}"


def _choose_error(analysis: ScalingAnalysis) -> float:
    lowest, highest = analysis.error_range
    typical = analysis.typical_error
    value = st.number_input(
        f"{analysis.title} to reach, {analysis.unit}",
        min_value=lowest / 100,
        max_value=highest * 100,
        value=float(f"{typical:.2g}"),
        step=float(f"{typical / 10:.1g}"),
        format="%.4g",
        key=f"wanted-{analysis.metric}-{analysis.split}",
        bind="query-params",
        width=320,
        help="Any error; beyond those reached in training, laws are extrapolated.",
    )
    return float(value)


def _answer(analysis: ScalingAnalysis, pair: Pair, error: float) -> None:
    (row,) = analysis.saved(pair, [error]).to_dict("records")
    number, sentence = answer_text(analysis.laws[pair[0]], analysis.laws[pair[1]], pair, row)
    st.metric(
        f"{pair[0].capitalize()} instead of {pair[1]}",
        number,
        border=True,
        help=f"{name_of(pair[0])} compared with {name_of(pair[1])} at {error:g} {analysis.unit}.",
    )
    st.caption(plain(sentence))


def _crossings(analysis: ScalingAnalysis, pair: Pair) -> str:
    return f"{pair[0].capitalize()} and {pair[1]}: " + " ".join(
        crossing_sentences(analysis.crossings[pair], pair, analysis.unit)
    )
