"""The shift against another quantity of the materials, and the material behind a point."""

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.elements import chemistry
from core.figures.base.canvas import Axis
from core.figures.base.clicks import picked
from core.figures.base.cloud import DENSITY_ABOVE
from core.figures.shifts.columns import MOST_BOXES, Trend, against, boxes
from core.reference.shifts.explore import Relation, Running, by_category, relation, running_median
from core.reference.shifts.pairs import OpenedPairs
from core.reference.shifts.variables import Variable, variables
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain, signed
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.structures import PICKED, material
from pages.parts.shifts.selection import Shown, axis_of, choose_quantity

FIRST = "atomic_number"
HALF = "half of the pairs"
NO_COMPOSITION = ("d_electrons", "f_electrons", "electronegativity", "atomic_number")


@dataclass(kw_only=True, frozen=True)
class Explored:
    """One quantity against one variable.

    Attributes:
        x: The variable (n,).
        relation: Their correlation.
        running: The running median.
    """

    x: np.ndarray
    relation: Relation
    running: Running


def show_columns(shown: Shown) -> str:
    """Show the view.

    Returns:
        Options of `shift` that say the same.
    """
    known = known_variables(shown.key, shown)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        chosen = known[choose_variable(known)]
    with right:
        quantity = choose_quantity()
    if chosen.about:
        st.caption(f"{chosen.title}: {chosen.about}")
    if chosen.kind == "category":
        categories(shown, chosen, quantity)
    else:
        numeric(shown, chosen, quantity)
    return shlex.join(["--against", chosen.name])


@st.cache_resource(max_entries=8, show_spinner=False)
def known_variables(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _shown: Shown,
) -> dict[str, Variable]:
    """List the variables once for all readers."""
    return variables(
        OpenedPairs(data=_shown.choice.data, pairs=_shown.pairs, other=_shown.choice.other)
    )


def choose_variable(known: dict[str, Variable]) -> str:
    """Let the reader choose what stands on the horizontal axis."""
    titles = [one.title for one in known.values()]
    labels = {
        name: one.title if titles.count(one.title) == 1 else f"{one.title} ({name})"
        for name, one in known.items()
    }
    return st.selectbox(
        "Against",
        list(known),
        index=list(known).index(FIRST),
        format_func=lambda name: labels.get(name, name),
        key="against",
        bind="query-params",
        help="The columns of the data set, then what follows from structures and compositions.",
    )


def numeric(shown: Shown, chosen: Variable, quantity: str) -> None:
    """Show a scatter, or a density, with its running median and correlations."""
    found = explored(shown.key, shown, chosen.name, chosen, quantity)
    cells = st.columns(3)
    cells[0].metric(
        "Pairs with both", f"{found.relation.n:,}", border=True, help="Others lack the number."
    )
    cells[1].metric(
        "Pearson r",
        signed(found.relation.pearson, digits=3),
        border=True,
        help="How well a straight line describes it.",
    )
    cells[2].metric(
        "Spearman r",
        signed(found.relation.spearman, digits=3),
        border=True,
        help="How well any rising or falling curve describes it: Pearson's r of the ranks.",
    )
    clickable = found.relation.n <= DENSITY_ABOVE
    row = shown.choice.row_named(linked(PICKED)) if clickable else None
    ring = linked(PICKED) if row is not None else None
    figure = columns_figure(
        shown.key, shown, found, chosen.name, chosen, quantity, picked_name=ring, dark=is_dark()
    )
    caption = f"{shown.lead}The line is the running median; the band holds half of the pairs."
    if quantity == "residual" and chosen.name in NO_COMPOSITION:
        caption += (
            " Least squares leaves nothing that is linear in composition: Pearson's r is zero by "
            "construction."
        )
    if clickable:
        caption += " Click a point to see its material."
    values = shown.values(quantity)
    show(
        figure,
        name=f"{quantity}-against-{chosen.name}",
        caption=plain(caption),
        source=shown.choice.source,
        table=lambda: shown.pairs.table().assign(**{quantity: values, chosen.name: found.x}),
        on_click=pick,
    )
    if row is not None:
        one_material(shown, row, chosen, found.x)


@st.cache_resource(max_entries=32, show_spinner="Looking for relations …")
def explored(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _shown: Shown,
    name: str,  # noqa: ARG001  the same
    _chosen: Variable,
    quantity: str,
) -> Explored:
    """Correlate once for all readers."""
    x, y = _chosen.values(), _shown.values(quantity)
    return Explored(x=x, relation=relation(x, y), running=running_median(x, y))


@st.cache_resource(max_entries=16, show_spinner=False)
def columns_figure(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _shown: Shown,
    _found: Explored,
    name: str,  # noqa: ARG001  the same
    _chosen: Variable,
    quantity: str,
    *,
    picked_name: str | None,
    dark: bool,
) -> go.Figure:
    """Draw the figure once for all readers."""
    pairs, running = _shown.pairs, _found.running
    # A density image has neither hover labels of pairs nor anything to click.
    few = _found.relation.n <= DENSITY_ABOVE
    return against(
        _found.x,
        _shown.values(quantity),
        x_axis=Axis(title=_chosen.title, unit=_chosen.unit),
        y_axis=axis_of(quantity),
        trend=Trend(
            x=running.x, median=running.median, low=running.low, high=running.high, band=HALF
        ),
        hover=pairs.names() if few else None,
        ids=_shown.choice.names_of(pairs.index.tolist()) if few else None,
        groups=chemistry(pairs.fractions) if few else None,
        picked=picked_name,
        dark=dark,
    )


def pick(event: Any) -> None:
    """Keep the clicked point in the page's link."""
    if names := picked(event):
        link_to(PICKED, names[-1])


def one_material(shown: Shown, row: int, chosen: Variable, x: np.ndarray) -> None:
    """Show the numbers and the structure of one material."""
    found = np.flatnonzero(shown.pairs.index == row)
    if not len(found):
        return
    pairs, at = shown.pairs, int(found[0])
    facts = pd.Series(
        {
            "row": row,
            "material_id": pairs.material_id[at],
            "formula": pairs.formula[at],
            "source": pairs.source[at],
            "target": pairs.target[at],
            "shift": pairs.shift[at],
            "residual": shown.values("residual")[at],
        }
    )
    left, right = st.columns([3, 2])
    with left:
        told = {
            "Material": str(facts["material_id"]),
            f"Source, {pairs.source_functional}, eV/atom": f"{facts['source']:.3f}",
            f"Target, {pairs.target_functional}, eV/atom": f"{facts['target']:.3f}",
            "Shift, eV/atom": f"{facts['shift']:.3f}",
            "Residual, eV/atom": f"{facts['residual']:.3f}",
            ", ".join(filter(None, [chosen.title, chosen.unit])): f"{x[at]:.4g}",
        }
        st.dataframe(
            pd.DataFrame({"what": list(told), "value": list(told.values())}),
            hide_index=True,
            key=f"facts-{row}",
            column_config={"what": "", "value": str(facts["formula"])},
        )
    with right:
        material(facts, shown.choice, key=f"picked-{row}")


def categories(shown: Shown, chosen: Variable, quantity: str) -> None:
    """Show a box for each category, and all of them in a table."""
    table = described(shown.key, shown, chosen.name, chosen, quantity)
    few = f" The {MOST_BOXES} commonest of {len(table)}." if len(table) > MOST_BOXES else ""
    show(
        boxes(table, title=chosen.title, axis=axis_of(quantity), dark=is_dark()),
        name=f"{quantity}-by-{chosen.name}",
        caption=plain(
            f"{shown.lead}Boxes hold half of the pairs, whiskers 90 %; the line is the median, the "
            f"dashed one the mean.{few}"
        ),
        source=shown.choice.source,
        table=lambda: table,
    )
    number = {
        "mean": "Mean",
        "low": "5 %",
        "first": "25 %",
        "median": "Median",
        "third": "75 %",
        "high": "95 %",
    }
    st.dataframe(
        table,
        key="categories",
        hide_index=True,
        column_config={
            "category": chosen.title,
            "n": st.column_config.NumberColumn("Pairs", format="localized"),
            **{
                name: st.column_config.NumberColumn(f"{title}, eV/atom", format="%.3f")
                for name, title in number.items()
            },
        },
    )


@st.cache_data(max_entries=16, show_spinner=False)
def described(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _shown: Shown,
    name: str,  # noqa: ARG001  the same
    _chosen: Variable,
    quantity: str,
) -> pd.DataFrame:
    """Describe the categories once for all readers."""
    return by_category(_chosen.values(), _shown.values(quantity))
