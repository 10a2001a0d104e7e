"""How one element acts: its SHAP values against its share, and the materials behind them."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.elements import INDEX, SYMBOLS, chemistry
from core.figures.importance.beeswarm import dependence
from core.reference.importance.reading import strongest_partner
from pages.parts.importance.analysis import Analysis, Compared
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, signed
from pages.parts.shared.structures import table_with_structures

N_MATERIALS = 50
COLORS = {"partner": "Strongest partner", "chemistry": "Chemistry"}


def show_element(compared: Compared) -> None:
    """Show the view."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    table = compared.first.found.table()
    symbols = table["symbol"].tolist()
    symbol = left.selectbox("Element", symbols, key="element", bind="query-params")
    color = right.segmented_control(
        "Colour by",
        list(COLORS),
        format_func=COLORS.__getitem__,
        default="partner",
        required=True,
        key="color",
        bind="query-params",
        help="The strongest partner is the other element whose share goes most with what this "
        "element's own share leaves unexplained of its SHAP values.",
    )
    analysis = compared.chosen
    found = analysis.found
    index = INDEX[symbol]
    fractions = compared.choice.pairs.fractions[found.shap_rows]
    here = np.flatnonzero(fractions[:, index] > 0)
    numbers(analysis, symbol, n_here=len(here))
    absent = found.shap[fractions[:, index] == 0, index]
    elsewhere = (
        f" Where it is absent, its mean SHAP value is {signed(float(absent.mean()), digits=4)} "
        "eV/atom."
        if len(absent)
        else ""
    )
    show(
        dependence_figure(analysis.key, symbol, color, analysis, compared, dark=is_dark()),
        name="importance-dependence",
        caption=f"Materials that contain {symbol}: how far it moves the predicted difference, "
        "against its share. A vertical spread at one share is what other elements do to it."
        + elsewhere,
        source=compared.source(analysis),
        labels=compared.choice.labels,
        table=lambda: materials(compared, analysis, symbol, len(here)),
    )
    if len(here):
        st.subheader(f"Materials in which {symbol} moves the difference most")
        table_with_structures(
            materials(compared, analysis, symbol, N_MATERIALS),
            compared.choice,
            key=f"importance-{analysis.key}-{symbol}",
        )


def numbers(analysis: Analysis, symbol: str, *, n_here: int) -> None:
    """Show what is known of the element."""
    table = analysis.found.table()
    row = table[table["symbol"] == symbol].to_dict("records")[0]
    cells = st.columns(4)
    cells[0].metric("Rank", f"{row['rank']} of {len(table)}", border=True)
    error = f" ± {1000 * row['error']:.1f}" if row["error"] > 0 else ""
    cells[1].metric(
        "Mean |SHAP|, meV/atom",
        f"{1000 * row['importance']:.1f}{error}",
        border=True,
        help="Over all explained materials; ± is the standard error of the sample explained.",
    )
    cells[2].metric(
        "Mean where present, meV/atom", signed(1000 * row["signed"], digits=1), border=True
    )
    few = ", few" if symbol in analysis.found.rare else ""
    cells[3].metric(
        f"Materials{few}",
        f"{row['count']:,}",
        border=True,
        help=f"{n_here:,} of their rows have SHAP values.",
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def dependence_figure(
    key: str,  # noqa: ARG001  part of the cache's key
    symbol: str,
    color: str,
    _analysis: Analysis,
    _compared: Compared,
    *,
    dark: bool,
) -> go.Figure:
    """Draw the element's SHAP values once for all readers."""
    found, index = _analysis.found, INDEX[symbol]
    pairs = _compared.choice.pairs.select(found.shap_rows)
    here = np.flatnonzero(pairs.fractions[:, index] > 0)
    pairs = pairs.select(here)
    shap = found.shap[here, index]
    partner = strongest_partner(shap, pairs.fractions, index) if color == "partner" else None
    return dependence(
        pairs.fractions[:, index],
        shap,
        symbol=symbol,
        names=pairs.names(),
        other=None if partner is None else (SYMBOLS[partner], pairs.fractions[:, partner]),
        groups=chemistry(pairs.fractions) if color == "chemistry" else None,
        title=f"SHAP value of {symbol}",
        dark=dark,
    )


def materials(compared: Compared, analysis: Analysis, symbol: str, most: int) -> pd.DataFrame:
    """Return the materials with the element, largest |SHAP| first, as the structure table wants."""
    found, index = analysis.found, INDEX[symbol]
    choice = compared.choice
    rows = found.shap_rows
    here = np.flatnonzero(choice.pairs.fractions[rows, index] > 0)
    here = here[np.argsort(-np.abs(found.shap[here, index]), kind="stable")[:most]]
    chosen = choice.pairs.select(rows[here])
    residual = (choice.summary.scaled_target - choice.summary.scaled_source)[rows[here]]
    place = np.searchsorted(found.rows, rows[here])
    return pd.DataFrame(
        {
            "row": chosen.index,
            "material_id": chosen.material_id,
            "formula": chosen.formula,
            f"Share of {symbol}": chosen.fractions[:, index].round(3),
            "SHAP, eV/atom": found.shap[here, index].astype(float).round(4),
            "Difference, eV/atom": found.differences[place].round(3),
            "residual": residual,
        }
    )
