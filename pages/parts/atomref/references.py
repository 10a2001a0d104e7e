"""AtomRef, view "References": the fits, what they do to the energies, and how they work."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.elements import SYMBOLS, fractions_from_formula
from core.figures.atomref.vectors import atomref_bars, atomref_difference, worked_example
from core.figures.base.periodic import periodic_table
from core.figures.shifts.parity import Side, before_after
from core.reference.fits.atomref import RARE, AtomRef, compared
from core.reference.fits.uncertainty import material_counts
from core.reference.shifts.shift import pearson, scaled_energies
from core.transfer.pair_fits import SideFit
from pages.parts.atomref.form import FitChoice, fitted, prior_lines
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, conditioned, errors_shown, is_dark, plain, signed
from pages.parts.shared.pairs import PairChoice


def references(choice: PairChoice, how: FitChoice) -> None:
    """Show the fits of both functionals."""
    made = fitted(choice, how, "target")
    source, target = fitted(choice, how, "source").fit, made.fit
    counts, materials = in_materials(choice.key, how.method, made)
    numbers(source, target, counts, materials)
    correlation(choice, source, target, how)
    vector(choice, source, target, counts)
    with errors_shown():
        example(choice, target)
    command(how.command(choice))


@st.cache_data(max_entries=16, show_spinner=False)
def in_materials(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    method: str,  # noqa: ARG001  the same: `residual` passes some rows over
    _made: SideFit,
) -> tuple[np.ndarray, int]:
    """Count the materials with each element, (94,), and all of them, once for all readers."""
    counts = material_counts(_made.seen.fractions, _made.seen.materials)
    return counts, len(pd.unique(_made.seen.materials))


def numbers(source: AtomRef, target: AtomRef, counts: np.ndarray, materials: int) -> None:
    """Show rank, condition and rare elements."""
    rare = [SYMBOLS[i] for i in np.flatnonzero((counts > 0) & (counts < RARE))]
    cells = st.columns(4)
    cells[0].metric(
        "Materials",
        f"{materials:,}",
        border=True,
        help=f"With {target.n:,} frames." if target.n != materials else None,
    )
    cells[1].metric(
        "Rank",
        f"{target.rank} of {len(SYMBOLS) - len(target.unseen)}",
        border=True,
        help="Independent compositions against elements present. Where the rank falls short, some "
        "elements only occur together, and least squares cannot tell their energies apart.",
    )
    cells[2].metric(
        "Condition number",
        conditioned(target.condition),
        border=True,
        help="How much an error in the energies can grow in the least certain combination of "
        "references.",
    )
    cells[3].metric(
        f"Elements in under {RARE} materials",
        len(rare),
        border=True,
        help="Their energies rest on few data.",
    )
    if rare:
        st.warning(
            f"In fewer than {RARE} materials, so poorly known: {', '.join(rare)}.",
            icon=":material/warning:",
        )
    prior_lines(target, source)


def correlation(choice: PairChoice, source: AtomRef, target: AtomRef, how: FitChoice) -> None:
    """Show how far the functionals agree before and after."""
    st.subheader("Before and after")
    pairs = choice.pairs
    scaled = scaled_energies(pairs, source, target)
    show(
        before_after_figure(choice.key, how.key, choice, scaled, dark=is_dark()),
        name="before-after",
        caption="On the right, each functional's own AtomRef is subtracted: what remains is what "
        "structure adds beyond composition, and r says how far the two functionals agree on it.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: pairs.table().assign(scaled_source=scaled[0], scaled_target=scaled[1]),
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def before_after_figure(
    key: tuple[str, ...],  # noqa: ARG001  part of the cache's key
    fit: tuple[Any, ...],  # noqa: ARG001  the same
    _choice: PairChoice,
    _scaled: tuple[np.ndarray, np.ndarray],
    *,
    dark: bool,
) -> go.Figure:
    """Draw total and scaled energies, once for all readers."""
    pairs = _choice.pairs
    return before_after(
        Side(
            title=f"Total energy, r = {signed(_choice.summary.pearson_raw, digits=3)}",
            x=pairs.source,
            y=pairs.target,
            x_title=pairs.source_functional,
            y_title=pairs.target_functional,
        ),
        Side(
            title=f"Scaled energy, r = {signed(pearson(*_scaled), digits=3)}",
            x=_scaled[0],
            y=_scaled[1],
            x_title=f"{pairs.source_functional}, scaled",
            y_title=f"{pairs.target_functional}, scaled",
        ),
        hover=pairs.names(),
        dark=dark,
    )


def vector(choice: PairChoice, source: AtomRef, target: AtomRef, counts: np.ndarray) -> None:
    """Show the references."""
    st.subheader("The references")
    names = {
        "difference": "Difference",
        "target": plain(target.functional),
        "source": plain(source.functional),
        "bars": "Both, as bars",
    }
    which = st.segmented_control(
        "Show",
        list(names),
        format_func=names.__getitem__,
        default="difference",
        required=True,
        key="show",
        bind="query-params",
    )
    hover = {symbol: f"in {n:,} materials" for symbol, n in zip(SYMBOLS, counts, strict=True)}
    if which == "difference":
        figure = atomref_difference(
            source.seen(),
            target.seen(),
            source_name=source.functional,
            target_name=target.functional,
            hover=hover,
            dark=is_dark(),
        )
    elif which == "bars":
        figure = atomref_bars(
            source.seen(),
            target.seen(),
            source_name=source.functional,
            target_name=target.functional,
            counts=dict(zip(SYMBOLS, target.counts.tolist(), strict=True)),
            dark=is_dark(),
        )
    else:
        chosen = target if which == "target" else source
        figure = periodic_table(
            chosen.seen(),
            title=f"AtomRef of {chosen.functional}",
            unit="eV/atom",
            diverging=False,
            hover=hover,
            dark=is_dark(),
        )
    show(
        figure,
        name=f"atomref-{which}",
        caption="What composition explains, one energy an element; least squares takes the mean "
        "bonding in as well. A difference that follows the atomic number is a change of scale.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: compared(source, target),
    )

    st.dataframe(
        compared(source, target),
        hide_index=True,
        column_config={
            "symbol": "Element",
            "source": st.column_config.NumberColumn(f"{source.functional}, eV/atom", format="%.4f"),
            "target": st.column_config.NumberColumn(f"{target.functional}, eV/atom", format="%.4f"),
            "difference": st.column_config.NumberColumn("Difference, eV/atom", format="%.4f"),
            "count": "Frames",
        },
        height=300,
    )


def example(choice: PairChoice, target: AtomRef) -> None:
    """Show the arithmetic for one formula."""
    st.subheader("How it works")
    formula = st.text_input(
        "Formula",
        "LiCoO2",
        key="formula",
        bind="query-params",
        max_chars=100,
        help="AtomRef's contribution to the energy of any composition.",
    )
    fractions = fractions_from_formula(formula)
    present = fractions.nonzero()[0]
    unseen = [SYMBOLS[i] for i in present if target.counts[i] == 0]
    if unseen:
        st.warning(f"No material of this data set contains {', '.join(unseen)}.")
    show(
        worked_example(
            [SYMBOLS[i] for i in present],
            fractions[present].tolist(),
            target.energies[present].tolist(),
            dark=is_dark(),
        ),
        name="worked-example",
        caption="Composition row times AtomRef: the part of the total energy that composition "
        "explains.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: target.table().assign(fraction=fractions).query("fraction > 0"),
    )
