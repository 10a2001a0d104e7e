"""The shift against another quantity of the materials, and the material behind a point."""

import shlex
from operator import attrgetter
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.clicks import picked
from core.figures.base.cloud import DENSITY_ABOVE
from core.figures.base.text import signed
from core.figures.shifts.columns import MOST_BOXES, boxes
from core.reference.shifts.explore import Exploration, by_category, explore
from core.reference.shifts.shift import residual_table
from core.reference.shifts.variables import Variable, variables
from core.report.shifts import CATEGORY_TITLES, axis_of, column_figure
from core.studies.pair_choice import PairChoice
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain
from pages.parts.shared.pairs import BY_KEY
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.structures import PICKED, material
from pages.parts.shifts.quantity import choose_quantity

DEFAULT = "atomic_number"
LINEAR_IN_COMPOSITION = ("d_electrons", "f_electrons", "electronegativity", "atomic_number")
KEYS = BY_KEY | {Variable: attrgetter("name")}


def show_columns(choice: PairChoice) -> str:
    """Show the view.

    Returns:
        The same as options of `shift`.
    """
    options = available_variables(choice)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        variable = options[choose_variable(options)]
    with right:
        quantity = choose_quantity()
    if variable.about:
        st.caption(f"{variable.title}: {variable.about}")
    if variable.kind == "category":
        show_categories(choice, variable, quantity)
    else:
        show_numbers(choice, variable, quantity)
    return shlex.join(["--against", variable.name])


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=BY_KEY)
def available_variables(choice: PairChoice) -> dict[str, Variable]:
    """List the variables, cached for all sessions."""
    return variables(choice.opened)


def choose_variable(options: dict[str, Variable]) -> str:
    """Show the selection of the horizontal axis."""
    titles = [variable.option for variable in options.values()]
    labels = {
        name: variable.option
        if titles.count(variable.option) == 1
        else f"{variable.option} ({name})"
        for name, variable in options.items()
    }
    return st.selectbox(
        "Against",
        list(options),
        index=list(options).index(DEFAULT),
        format_func=lambda name: labels.get(name, name),
        key="against",
        bind="query-params",
        help="Columns of the data set, then quantities computed from structures and compositions.",
    )


def show_numbers(choice: PairChoice, variable: Variable, quantity: str) -> None:
    """Show a scatter or a density image, with its running median and correlations."""
    exploration = explored(choice, variable, quantity)
    relation = exploration.relation
    metrics = {
        "Pairs with both": (f"{relation.n:,}", "Other pairs lack the quantity."),
        "Pearson r": (
            signed(relation.pearson, digits=3),
            "Linear correlation: how well a straight line describes the relation.",
        ),
        "Spearman r": (
            signed(relation.spearman, digits=3),
            "Rank correlation: how well any rising or falling curve describes the relation.",
        ),
    }
    for cell, (label, (value, explanation)) in zip(st.columns(3), metrics.items(), strict=True):
        cell.metric(label, value, border=True, help=explanation)
    clickable = relation.n <= DENSITY_ABOVE
    row = choice.row_named(linked(PICKED)) if clickable else None
    caption = f"{choice.lead}The line is the running median; the band holds half of the pairs."
    if quantity == "residual":
        caption += f" AtomRef is fitted to {choice.fitted_to}."
    if quantity == "residual" and variable.name in LINEAR_IN_COMPOSITION:
        caption += (
            " Least squares removes everything that is linear in composition, so over the pairs "
            "fitted Pearson's r is zero by construction."
        )
    if clickable:
        caption += " Click a point to see its material."
    show(
        draw_columns(
            choice,
            variable,
            quantity,
            picked_name=None if row is None else linked(PICKED),
            dark=is_dark(),
        ),
        name=f"{quantity}-against-{variable.name}",
        caption=plain(caption),
        source=choice.source,
        table=lambda: choice.pairs.table().assign(
            **{quantity: exploration.y, variable.name: exploration.x}
        ),
        on_click=pick,
    )
    if row is not None:
        show_material(choice, row, variable, exploration)


@st.cache_resource(max_entries=32, show_spinner="Computing correlations …", hash_funcs=KEYS)
def explored(choice: PairChoice, variable: Variable, quantity: str) -> Exploration:
    """Compare a quantity with a variable, cached for all sessions."""
    return explore(variable.values(), choice.quantities[quantity])


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=KEYS)
def draw_columns(
    choice: PairChoice, variable: Variable, quantity: str, *, picked_name: str | None, dark: bool
) -> go.Figure:
    """Draw the figure, cached for all sessions."""
    return column_figure(
        choice,
        variable,
        quantity,
        explored(choice, variable, quantity),
        picked=picked_name,
        dark=dark,
    )


def pick(event: Any) -> None:
    """Keep the clicked point in the page's address."""
    if names := picked(event):
        link_to(PICKED, names[-1])


def show_material(
    choice: PairChoice, row: int, variable: Variable, exploration: Exploration
) -> None:
    """Show the numbers and the structure of the material in a row of the data set."""
    pairs = choice.pairs
    is_picked = pairs.index == row
    if not is_picked.any():
        return
    energies = residual_table(pairs, choice.summary, is_picked).iloc[0]
    facts = {
        "Material": str(energies["material_id"]),
        f"Source, {pairs.source_functional}, eV/atom": f"{energies['source']:.3f}",
        f"Target, {pairs.target_functional}, eV/atom": f"{energies['target']:.3f}",
        "Shift, eV/atom": f"{energies['shift']:.3f}",
        "Residual, eV/atom": f"{energies['residual']:.3f}",
        ", ".join(filter(None, [variable.title, variable.unit])): (
            f"{exploration.x[is_picked][0]:.4g}"
        ),
    }
    left, right = st.columns([3, 2])
    with left:
        st.dataframe(
            {"what": list(facts), "value": list(facts.values())},
            hide_index=True,
            key=f"facts-{row}",
            column_config={"what": "", "value": str(energies["formula"])},
        )
    with right:
        material(energies, choice, key=f"picked-{row}")


def show_categories(choice: PairChoice, variable: Variable, quantity: str) -> None:
    """Show one box per category, and all categories in a table."""
    table = described(choice, variable, quantity)
    limit = f" The {MOST_BOXES} largest of {len(table)}." if len(table) > MOST_BOXES else ""
    show(
        boxes(table, title=variable.title, axis=axis_of(quantity), dark=is_dark()),
        name=f"{quantity}-by-{variable.name}",
        caption=plain(
            f"{choice.lead}Boxes hold half of the pairs, whiskers 90 %; the solid line is the "
            f"median, the dashed one the mean.{limit}"
        ),
        source=choice.source,
        table=lambda: table,
    )
    st.dataframe(
        table,
        key="categories",
        hide_index=True,
        column_config={
            "category": variable.title,
            **{
                name: st.column_config.NumberColumn(
                    title, format="localized" if name == "n" else "%.3f"
                )
                for name, title in CATEGORY_TITLES.items()
            },
        },
    )


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=KEYS)
def described(choice: PairChoice, variable: Variable, quantity: str) -> Any:
    """Describe the categories, cached for all sessions."""
    return by_category(variable.values(), choice.quantities[quantity])
