"""The section of a report about what a data set holds, and what the page draws and says of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.base.periodic import periodic_table
from core.figures.data.distributions import Histogram, distributions
from core.frames.contents.distributions import SIZES, Bins, bins_of, histogram_table, summary
from core.frames.contents.filters import LABEL_KINDS
from core.frames.contents.numbers import Quantity
from core.frames.contents.selected import Selected
from core.report.document import Figure, Section, Table
from core.report.origins import dataset_facts

COUNTED = ("frames", "materials")
"""What is counted of each element."""

Counts = tuple[Bins, np.ndarray, np.ndarray]
"""Bins of a quantity, with all frames and the selected ones in each of them, (b,)."""


def contents_section(selected: Selected, rows: pd.DataFrame | None = None) -> Section:
    """Return the section about elements, sizes and labels of a data set.

    Args:
        selected: the frames.
        rows: those that are listed, of `listed`; None lists none.
    """
    things, source = selected.things, selected.source
    table, counts = selected.counted.table(), counts_of(selected)
    figures = [
        Figure(
            name=f"elements-{counted}",
            figure=occurrence_figure(selected, counted, dark=False),
            caption=f"{selected.lead}{counted_title(selected, counted)} that contain the element, "
            "logarithmic colours.",
            source=source,
            table=table,
        )
        for counted in COUNTED
    ]
    figures.append(
        Figure(
            name="distributions",
            figure=distribution_figure(selected, counts, dark=False),
            caption=distribution_text(selected),
            source=source,
            table=histogram_table([(bins, part) for bins, _, part in counts]),
        )
    )
    tables = [
        Table(
            title="Distributions",
            table=summary_of(selected).drop(columns="key").rename(columns=summary_titles(selected)),
        ),
        Table(title="Elements", table=table.rename(columns=element_titles(selected))),
    ]
    if rows is not None:
        titles = {key: title for key, title in row_titles(selected).items() if key in rows}
        listed = rows[list(titles)].rename(columns=titles)
        tables.insert(1, Table(title=things.capitalize(), table=listed))
    return Section(
        title=f"Data: {selected.name}",
        paragraphs=[source.text, missing_text(selected.missing())],
        tables=tables,
        figures=figures,
        facts={"Data": dataset_facts(selected.name)},
    )


def counted_title(selected: Selected, counted: str) -> str:
    """Return what a key of COUNTED counts, with a capital: frames of pairs are pairs."""
    return (selected.things if counted == "frames" else counted).capitalize()


def occurrence_figure(
    selected: Selected, counted: str, *, cutoff: int = 1, dark: bool
) -> go.Figure:
    """Draw how often each element occurs (Figure 1a of the paper).

    Args:
        selected: the frames.
        counted: of COUNTED.
        cutoff: elements with no more than this number have the lowest colour.
        dark: whether the background is dark.
    """
    table, things = selected.counted.table(), selected.things
    return periodic_table(
        dict(zip(table["symbol"], table[counted], strict=True)),
        title=f"{counted_title(selected, counted)} with the element",
        unit="",
        diverging=False,
        log=True,
        cutoff=cutoff if cutoff > 1 else None,
        hover={
            str(row.symbol): f"{row.frames:,} {things} ({row.share:.1%}), "
            f"{row.materials:,} materials"
            for row in table.itertuples()
        },
        selected=selected.chosen.all_of,
        dark=dark,
    )


def counts_of(selected: Selected, binned: Sequence[Bins] | None = None) -> list[Counts]:
    """Count the frames in the bins of each quantity.

    Args:
        selected: the frames.
        binned: the bins of all frames of the data set, in the order of `quantities_drawn`; made
            anew by default.
    """
    if binned is None:
        binned = [bins_of(selected.contents, each) for each in quantities_drawn(selected)]
    mask = None if selected.chosen.is_empty else selected.mask
    return [(bins, bins.counts(), bins.counts(mask)) for bins in binned]


def quantities_drawn(selected: Selected) -> list[Quantity]:
    """Return the quantities that have a distribution."""
    return [*SIZES, *selected.quantities]


def distribution_figure(
    selected: Selected, counts: Sequence[Counts], *, log: bool = True, dark: bool
) -> go.Figure:
    """Draw how sizes and labels are distributed.

    Args:
        selected: the frames.
        counts: of `counts_of`.
        log: whether counts are logarithmic.
        dark: whether the background is dark.
    """
    return distributions(
        [
            Histogram(
                title=bins.quantity.title,
                unit=bins.quantity.unit,
                edges=bins.edges,
                counts=part,
                whole=whole,
                ends=bins.ends,
            )
            for bins, whole, part in counts
        ],
        things=selected.things,
        selected=not selected.chosen.is_empty,
        log=log,
        dark=dark,
    )


def distribution_text(selected: Selected) -> str:
    """Return what to see in the distributions."""
    labels = ""
    if selected.things == "frames":
        labels = "Forces and magmoms are each frame's largest, stress is the norm of the tensor. "
    return f"{selected.lead}{labels}The first and the last bin also hold what lies beyond them."


def summary_of(selected: Selected) -> pd.DataFrame:
    """Return ends, median and percentiles of each quantity, as `summary` does."""
    mask = None if selected.chosen.is_empty else selected.mask
    return summary(selected.contents, quantities_drawn(selected), mask)


def missing_text(missing: dict[str, int]) -> str:
    """Return how many frames lack which label, of `Selected.missing`; empty where none does."""
    if not missing:
        return ""
    counts = (f"{LABEL_KINDS.get(key, key)} {n:,}" for key, n in missing.items())
    return f"Without a label: {', '.join(counts)}."


def element_titles(selected: Selected) -> dict[str, str]:
    """Return titles of the columns of `Occurrence.table`."""
    things = selected.things
    return {
        "symbol": "Element",
        "frames": things.capitalize(),
        "materials": "Materials",
        "share": f"Share of {things}",
    }


def summary_titles(selected: Selected) -> dict[str, str]:
    """Return titles of the columns of `summary_of`, but for the key."""
    return {
        "title": "Quantity",
        "unit": "Unit",
        "n": f"{selected.things.capitalize()} with it",
        "missing": "Without it",
        "least": "Smallest",
        "low": "5 %",
        "median": "Median",
        "high": "95 %",
        "largest": "Largest",
    }


def row_titles(selected: Selected) -> dict[str, str]:
    """Return titles of the columns of `listed`."""
    return {
        "frame_id": "Frame",
        "material_id": "Material",
        "formula": "Formula",
        "n_atoms": "Atoms",
    } | {each.key: quantity_title(each) for each in selected.quantities}


def quantity_title(quantity: Quantity) -> str:
    """Return a quantity with its unit."""
    return f"{quantity.title}, {quantity.unit}"
