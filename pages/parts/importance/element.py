"""How one element acts: its SHAP values against its fraction, and the materials behind them."""

import plotly.graph_objects as go
import streamlit as st

from core.elements import INDEX
from core.figures.importance.beeswarm import dependence
from core.reference.importance.interpretation import ElementEffect, element_effect
from core.report.importance import Analysis
from pages.parts.importance.analysis import BY_KEY
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.structures import table_with_structures
from pages.parts.shared.views import one_of

N_MATERIALS = 50
COLORS = {"partner": "Strongest partner", "chemistry": "Chemistry"}


def show_element(analyses: list[Analysis], analysis: Analysis) -> None:
    """Show the view."""
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
        caption=f"Materials that contain {symbol}: how far it moves the predicted difference, "
        "against its fraction. The spread at one fraction comes from the other elements. Mean SHAP "
        f"value where {symbol} is absent: {analysis.energy(effect.mean_absent)} {unit}.",
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
    effect = _effect(analysis, symbol)
    partner = effect.partner if color == "partner" else None
    factor, unit = analysis.unit
    return dependence(
        effect.fractions,
        factor * effect.shap,
        unit=unit,
        symbol=symbol,
        names=effect.pairs.names(),
        other=None if partner is None else (partner, effect.pairs.fractions[:, INDEX[partner]]),
        groups=effect.chemistry if color == "chemistry" else None,
        title=f"SHAP value of {symbol}",
        dark=dark,
    )
