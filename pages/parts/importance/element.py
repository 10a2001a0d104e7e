"""How one element acts: its SHAP values against its fraction, and the materials behind them."""

import plotly.graph_objects as go
import streamlit as st

from core.reference.importance.interpretation import ElementEffect, element_effect
from core.report.importance import COLORS, N_MATERIALS, Analysis, effect_text
from core.report.importance import dependence_figure as drawn
from pages.parts.importance.analysis import BY_KEY
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.structures import table_with_structures
from pages.parts.shared.views import one_of


def show_element(analyses: list[Analysis], analysis: Analysis) -> list[str]:
    """Show the view.

    Returns:
        Options of the command that shows the same.
    """
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    symbols = analyses[0].importance.table()["symbol"].tolist()
    symbol = left.selectbox(
        "Element",
        symbols,
        key="element",
        bind="query-params",
        help="Whose SHAP values are drawn; a click on the periodic table chooses one as well.",
    )
    color = one_of(
        right,
        "Colour by",
        list(COLORS),
        format_func=COLORS.__getitem__,
        default="partner",
        key="color",
        wrap=True,
        help="The strongest partner is the other element whose fraction correlates most with the "
        "part of the SHAP values that this element's own fraction does not explain.",
    )
    choice = analysis.choice
    effect = _effect(analysis, symbol)
    unit, number = analysis.unit[1], f"%.{analysis.digits}f"
    show_numbers(analysis, effect)
    table = effect.table(choice.summary.residual)
    show(
        dependence_figure(analysis, symbol, color, dark=is_dark()),
        name="importance-dependence",
        caption=effect_text(analysis, effect),
        source=analysis.source,
        table=lambda: table,
    )
    if not table.empty:
        st.subheader(f"Materials in which {symbol} moves the difference most")
        table_with_structures(
            analysis.in_unit(table.head(N_MATERIALS), "shap", "difference"),
            choice,
            key=f"importance-{analysis.key}-{symbol}",
            columns={
                "fraction": st.column_config.NumberColumn(f"Fraction of {symbol}", format="%.3f"),
                "shap": st.column_config.NumberColumn(f"SHAP, {unit}", format=number),
                "difference": st.column_config.NumberColumn(f"Difference, {unit}", format=number),
            },
        )
    return ["--element", symbol]


def show_numbers(analysis: Analysis, effect: ElementEffect) -> None:
    """Show the element's rank, importance and number of materials."""
    table = analysis.importance.table()
    (row,) = table[table["symbol"] == effect.symbol].to_dict("records")
    cells = st.columns(4)
    cells[0].metric("Rank", f"{row['rank']} of {len(table)}", border=True)
    (factor, unit), digits = analysis.unit, analysis.digits
    error = f" ± {factor * row['error']:.{digits}f}" if row["error"] > 0 else ""
    cells[1].metric(
        f"Mean |SHAP|, {unit}",
        f"{factor * row['importance']:.{digits}f}{error}",
        border=True,
        help="Over all explained materials; ± is the standard error of the sample explained.",
    )
    cells[2].metric(f"Mean where present, {unit}", analysis.energy(row["signed"]), border=True)
    rare = " (rare)" if effect.symbol in analysis.importance.rare else ""
    cells[3].metric(
        f"Materials{rare}",
        f"{row['count']:,}",
        border=True,
        help=f"{len(effect.shap):,} of their rows have SHAP values.",
    )


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def _effect(analysis: Analysis, symbol: str) -> ElementEffect:
    return element_effect(analysis.importance, analysis.choice.pairs, symbol)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_KEY)
def dependence_figure(analysis: Analysis, symbol: str, color: str, *, dark: bool) -> go.Figure:
    return drawn(analysis, _effect(analysis, symbol), color, dark=dark)
