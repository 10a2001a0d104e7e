"""The section of a report about two functionals, and the figures that the pages draw of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.elements import chemistry
from core.figures.base.bands import COLORS, curves_with_bands, forest
from core.figures.base.canvas import Axis
from core.figures.base.cloud import DENSITY_ABOVE
from core.figures.base.periodic import periodic_table
from core.figures.base.text import signed
from core.figures.shifts.columns import MOST_BOXES, against, boxes
from core.figures.shifts.parity import HEIGHT, parity
from core.reference.fits.atomref import RARE
from core.reference.shifts.data_efficiency import DataEfficiency
from core.reference.shifts.explore import Exploration, by_category, by_element, explore
from core.reference.shifts.hubbard import pair_shifts
from core.reference.shifts.pairs import PairedEnergies
from core.reference.shifts.shift import outliers, pearson
from core.reference.shifts.variables import Variable
from core.report.document import Figure, Section, Table
from core.report.origins import data_facts
from core.studies.data_efficiency import DataEfficiencyResult
from core.studies.pair_choice import PairChoice

QUANTITIES = {"shift": "Shift", "residual": "Residual after AtomRef"}
FITS = {"lstsq": "Least squares", "ridge": "Ridge toward the prior"}
AGREEMENT = {
    "pearson": Axis(title="r of scaled energies", unit=""),
    "mae": Axis(title="Mean |residual|", unit="eV/atom"),
}
"""What `efficiency_curves` draws, with its axis."""

N_OUTLIERS = 50
"""Materials listed."""

MEAN_TITLES = {"symbol": "Element", "n": "Materials", "rare": "Few"} | {
    f"{name}{suffix}": f"{title}{ending}, eV/atom"
    for name, title in QUANTITIES.items()
    for suffix, ending in {"": "", "_low": ", low", "_high": ", high"}.items()
}
"""Titles of the columns of `by_element`."""

CATEGORY_TITLES = {"n": "Pairs"} | {
    name: f"{title}, eV/atom"
    for name, title in {
        "mean": "Mean",
        "low": "5 %",
        "first": "25 %",
        "median": "Median",
        "third": "75 %",
        "high": "95 %",
    }.items()
}
"""Titles of the columns of `by_category`, but for the category itself."""

EFFICIENCY_TITLES = {"method": "Fit", "materials": "Materials"} | {
    f"{name}{suffix}": f"{title}{ending}"
    for name, title in (("pearson", "r"), ("mae", "Mean |residual|, eV/atom"))
    for suffix, ending in {"": "", "_low": ", 5 %", "_high": ", 95 %"}.items()
}
"""Titles of the columns of `DataEfficiency.table`."""


def shift_section(
    choice: PairChoice,
    *,
    variable: Variable | None = None,
    rare: int | None = None,
    efficiency: DataEfficiencyResult | None = None,
) -> Section:
    """Return the section about two functionals: energies, shifts by element, and the views asked.

    Args:
        choice: the pairs.
        variable: what shift and residual are related to; None leaves this out.
        rare: elements in fewer materials are marked in a table of means; None leaves this out.
        efficiency: agreement by number of materials fitted; None leaves this out.
    """
    pairs, summary, source = choice.pairs, choice.summary, choice.source
    whole = choice.whole or choice
    means = element_means(whole, RARE)
    figures = [
        *_parities(choice),
        Figure(
            name="shift-by-element",
            figure=mean_by_element(means, "shift", choice.elements, RARE, dark=False),
            caption="Mean over the materials that contain the element.",
            source=whole.source,
            table=means,
        ),
    ]
    tables = [
        Table(title="Comparison", table=_comparison(choice), note=" ".join(choice.warnings)),
        Table(
            title="Largest outliers",
            table=outliers(pairs, N_OUTLIERS, summary=summary)
            .drop(columns="row")
            .rename(columns=_OUTLIER_TITLES),
            note="The materials whose shift composition explains least, by |residual|, the "
            "difference of the two scaled energies.",
        ),
    ]
    if (of_u := pair_shifts(choice.opened)) is not None:
        tables.append(Table(title="What U adds", table=of_u.table().rename(columns=U_TITLES)))
    if variable is not None:
        more, drawn = _related(choice, variable)
        tables, figures = [*tables, *more], [*figures, *drawn]
    if rare is not None:
        table = element_means(choice, rare)
        figures += _means(choice, table, rare)
        tables.append(
            Table(
                title="Means by element",
                table=table.rename(columns=MEAN_TITLES),
                note="Low and high are the ends of the 95 % interval, Student's t over materials.",
            )
        )
    if efficiency is not None:
        figures += [
            Figure(
                name=f"few-materials-{value}",
                figure=efficiency_curves(efficiency.curve, value, dark=False),
                caption=f"{axis.title} of {efficiency.curve.n_held_out:,} held-out materials: "
                "median and 90 % of the drawings.",
                source=source,
                table=efficiency.curve.table(),
            )
            for value, axis in AGREEMENT.items()
        ]
        table = efficiency.curve.table()
        table["method"] = table["method"].map(FITS)
        tables.append(Table(title="Data efficiency", table=table.rename(columns=EFFICIENCY_TITLES)))
    return Section(
        title=f"Energy shifts: {pairs.target_functional} − {pairs.source_functional}",
        paragraphs=[source.text],
        tables=tables,
        figures=figures,
        facts={"Data": data_facts(choice)},
    )


U_TITLES = {
    "symbol": "Element",
    "shift": "U adds, eV per atom",
    "error": "Standard error",
    "with_u": "Materials with U",
    "without_u": "Materials without",
}
"""Titles of the columns of `HubbardShifts.table`."""

_OUTLIER_TITLES = {
    "material_id": "Material",
    "formula": "Formula",
    "source": "Source, eV/atom",
    "target": "Target, eV/atom",
    "shift": "Shift, eV/atom",
    "residual": "Residual, eV/atom",
}


def energy_parities(
    pairs: PairedEnergies,
    scaled: tuple[np.ndarray, np.ndarray],
    *,
    grouped: bool = False,
    height: int = HEIGHT,
    dark: bool,
) -> tuple[go.Figure, go.Figure]:
    """Draw total and scaled energies of both functionals.

    Args:
        pairs: the total energies.
        scaled: source and target energies without their AtomRef contributions, each (n,) eV/atom.
        grouped: whether colours tell chemistries apart.
        height: pixels.
        dark: whether the background is dark.
    """
    hover = pairs.names()
    groups = chemistry(pairs.fractions) if grouped else None

    def drawn(name: str, source: np.ndarray, target: np.ndarray) -> go.Figure:
        return parity(
            source,
            target,
            x_title=f"{pairs.source_functional} {name} energy",
            y_title=f"{pairs.target_functional} {name} energy",
            title=f"{name.capitalize()} energy, r = {signed(pearson(source, target), digits=3)}",
            hover=hover,
            groups=groups,
            height=height,
            dark=dark,
        )

    return drawn("total", pairs.source, pairs.target), drawn("scaled", *scaled)


def element_means(choice: PairChoice, rare: int) -> pd.DataFrame:
    """Average shift and residual over the materials that contain each element."""
    pairs = choice.pairs
    return by_element(pairs.fractions, choice.quantities, pairs.material_id, rare=rare)


def mean_by_element(
    table: pd.DataFrame, quantity: str, selected: tuple[str, ...], rare: int, *, dark: bool
) -> go.Figure:
    """Draw the mean of a quantity on the periodic table.

    Args:
        table: of `element_means`.
        quantity: a key of QUANTITIES.
        selected: elements to outline.
        rare: elements in fewer materials are marked.
        dark: whether the background is dark.
    """
    title = QUANTITIES[quantity]
    return periodic_table(
        dict(zip(table["symbol"], table[quantity], strict=True)),
        title=f"Mean {title[0].lower()}{title[1:]}",
        unit="eV/atom",
        diverging=quantity == "residual",
        hover={
            str(row.symbol): _described(row, quantity)
            + (f", fewer than {rare}" if row.rare else "")
            for row in table.itertuples()
        },
        selected=selected,
        dark=dark,
    )


def means_with_intervals(table: pd.DataFrame, quantity: str, *, dark: bool) -> go.Figure:
    """Draw the mean of a quantity by element with its interval; `table` of `element_means`."""
    return forest(
        table,
        value=quantity,
        axis=axis_of(quantity),
        hover=[
            f"{row.symbol}: mean {getattr(row, quantity):.3f} eV/atom, {_described(row, quantity)}"
            for row in table.itertuples()
        ],
        dark=dark,
    )


def column_figure(
    choice: PairChoice,
    variable: Variable,
    quantity: str,
    exploration: Exploration,
    *,
    picked: str | None = None,
    dark: bool,
) -> go.Figure:
    """Draw a quantity against a variable of the pairs.

    Args:
        choice: the pairs.
        variable: the horizontal axis, of kind "number".
        quantity: a key of QUANTITIES.
        exploration: their relation.
        picked: name of the pair to mark, of `PairChoice.names_of`.
        dark: whether the background is dark.
    """
    pairs = choice.pairs
    # A density image has neither hover labels of pairs nor points to click.
    has_points = exploration.relation.n <= DENSITY_ABOVE
    return against(
        exploration.x,
        exploration.y,
        x_axis=Axis(title=variable.title, unit=variable.unit),
        y_axis=axis_of(quantity),
        trend=exploration.running,
        hover=pairs.names() if has_points else None,
        ids=choice.names_of(pairs.index.tolist()) if has_points else None,
        groups=chemistry(pairs.fractions) if has_points else None,
        picked=picked,
        dark=dark,
    )


def efficiency_curves(curve: DataEfficiency, value: str, *, dark: bool) -> go.Figure:
    """Draw a key of AGREEMENT by number of materials fitted, with a band for each kind of fit."""
    return curves_with_bands(
        curve.bands(value),
        colors=COLORS,
        names=FITS,
        x_title="Materials fitted",
        y_axis=AGREEMENT[value],
        log_y=value == "mae",
        dark=dark,
    )


def axis_of(quantity: str) -> Axis:
    """Return the axis of a key of QUANTITIES."""
    return Axis(title=QUANTITIES[quantity], unit="eV/atom")


def _described(row: Any, quantity: str) -> str:
    low, high = getattr(row, f"{quantity}_low"), getattr(row, f"{quantity}_high")
    interval = f"95 % interval {low:.3f} to {high:.3f}" if low == low else "no interval"  # noqa: PLR0124  only NaN differs from itself
    return f"{interval}, {row.n:,} materials"


def _comparison(choice: PairChoice) -> pd.DataFrame:
    summary = choice.summary
    row = {
        "Pairs": summary.n,
        "Mean shift, eV/atom": summary.mean_shift,
        "Mean |shift|, eV/atom": summary.mae,
        "r of total energies": summary.pearson_raw,
        "r after AtomRef": summary.pearson_scaled,
    }
    return pd.DataFrame([row])


def _parities(choice: PairChoice) -> list[Figure]:
    pairs, summary = choice.pairs, choice.summary
    scaled = (summary.scaled_source, summary.scaled_target)
    table = pairs.table().assign(scaled_source=scaled[0], scaled_target=scaled[1])
    captions = (
        f"{choice.lead}On a common energy scale the points would lie on the dashed line.",
        (
            f"{choice.lead}After each functional's own least-squares AtomRef, fitted to "
            f"{choice.fitted_to}."
        ),
    )
    figures = energy_parities(pairs, scaled, dark=False)
    names = ("energy-parity", "scaled-parity")
    return [
        Figure(name=name, figure=figure, caption=caption, source=choice.source, table=table)
        for name, figure, caption in zip(names, figures, captions, strict=True)
    ]


def _means(choice: PairChoice, table: pd.DataFrame, rare: int) -> list[Figure]:
    figures = []
    for quantity, title in QUANTITIES.items():
        drawn = {
            "table": mean_by_element(table, quantity, choice.elements, rare, dark=False),
            "intervals": means_with_intervals(table, quantity, dark=False),
        }
        figures += [
            Figure(
                name=f"{quantity}-by-element-{name}",
                figure=figure,
                caption=f"{choice.lead}{title}: mean over the materials that contain the element"
                + (", with 95 % intervals." if name == "intervals" else "."),
                source=choice.source,
                table=table,
            )
            for name, figure in drawn.items()
        ]
    return figures


def _related(choice: PairChoice, variable: Variable) -> tuple[list[Table], list[Figure]]:
    values: Mapping[str, np.ndarray] = choice.quantities
    x, rows, tables, figures = variable.values(), [], [], []
    for quantity, y in values.items():
        title = QUANTITIES[quantity]
        name = f"{quantity}-against-{variable.name}"
        if variable.kind == "category":
            table = by_category(x, y)
            heads = {"category": variable.title, **CATEGORY_TITLES}
            tables.append(
                Table(title=f"{title} by {variable.title}", table=table.rename(columns=heads))
            )
            figure = boxes(table, title=variable.title, axis=axis_of(quantity), dark=False)
            caption = (
                f"{choice.lead}Boxes hold half of the pairs, whiskers 90 %; the solid line is the "
                f"median, the dashed one the mean. At most {MOST_BOXES} categories."
            )
        else:
            found = explore(x, y)
            rows.append(
                {
                    "Of": title,
                    "Pairs with both": found.relation.n,
                    "Pearson r": found.relation.pearson,
                    "Spearman r": found.relation.spearman,
                }
            )
            figure = column_figure(choice, variable, quantity, found, dark=False)
            caption = (
                f"{choice.lead}The line is the running median; the band holds half of the pairs."
            )
            table = choice.pairs.table().assign(**{quantity: y, variable.name: x})
        figures.append(
            Figure(name=name, figure=figure, caption=caption, source=choice.source, table=table)
        )
    if rows:
        tables.append(Table(title=f"Against {variable.title}", table=pd.DataFrame(rows)))
    return tables, figures
