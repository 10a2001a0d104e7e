"""AtomRef, view "How sure": standard errors and intervals of the references."""

import pandas as pd
import streamlit as st

from core.figures.atomref.intervals import intervals
from core.reference.fits.atomref import RARE
from core.reference.fits.uncertainty import RESAMPLINGS
from core.studies.atomref_intervals import AtomRefIntervals, Intervals
from core.transfer.pair_fits import Side
from pages.parts.atomref.form import FitChoice, choose_side
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, is_dark, plain
from pages.parts.shared.pairs import PairChoice

ENERGY = "%.4f"


def how_sure(choice: PairChoice, how: FitChoice) -> None:
    """Show how well each reference is known."""
    left, right, end = st.columns([3, 1, 1], vertical_alignment="bottom")
    with left:
        side = choose_side(choice, difference=how.is_linear)
    few = right.number_input(
        "Few: fewer than",
        min_value=2,
        max_value=1000,
        value=RARE,
        key="few",
        bind="query-params",
        help="Elements in fewer materials than this are marked.",
    )
    resamplings = end.number_input(
        "Resamplings",
        min_value=100,
        max_value=100_000,
        value=RESAMPLINGS,
        step=100,
        key="resamplings",
        bind="query-params",
        help="Of the bootstrap: more make the intervals' ends steadier.",
    )
    found: Intervals | None = computed(
        AtomRefIntervals(
            pairs=choice.selection, side=side, resamplings=resamplings, **how.settings()
        )
    )
    if found is not None:
        findings(choice, how, side, found, few)
    more = "" if resamplings == RESAMPLINGS else f" --resamplings {resamplings}"
    command(f"{how.command(choice, side)} --intervals{more}")


def findings(choice: PairChoice, how: FitChoice, side: Side, found: Intervals, few: int) -> None:
    """Show the intervals as numbers, figure and table."""
    table = found.table()
    numbers(table, few)
    show(
        intervals(
            table,
            title=title(choice, side),
            few=few,
            level=found.interval.level,
            dark=is_dark(),
        ),
        name=f"atomref-intervals-{side}",
        caption=f"Above, each reference with its {found.interval.level:.0%} interval; below, half "
        "the interval's width. Orange: elements in few materials. A cross: no interval, because "
        "one material alone decides, or elements only occur together.",
        source=choice.source,
        labels=choice.labels,
        table=lambda: table,
    )
    st.dataframe(
        table.sort_values("half_width", ascending=False, kind="stable"),
        hide_index=True,
        height=320,
        column_config={
            "symbol": "Element",
            "energy": st.column_config.NumberColumn("Reference, eV/atom", format=ENERGY),
            "low": st.column_config.NumberColumn("From", format=ENERGY),
            "high": st.column_config.NumberColumn("To", format=ENERGY),
            "half_width": st.column_config.NumberColumn("± (bootstrap)", format=ENERGY),
            "error": st.column_config.NumberColumn("Standard error", format=ENERGY),
            "margin": st.column_config.NumberColumn(
                "± (standard error)",
                format=ENERGY,
                help="By Student's distribution, one degree of freedom less than materials.",
            ),
            "count": "Materials",
        },
    )
    meaning(how, found)


def title(choice: PairChoice, side: Side) -> str:
    """Say whose references they are."""
    source, target = choice.pairs.source_functional, choice.pairs.target_functional
    names = {"target": target, "source": source, "difference": f"{target} − {source}"}
    return f"AtomRef, {names[side]}"


def numbers(table: pd.DataFrame, few: int) -> None:
    """Show the typical and the widest interval, and how many elements are uncertain."""
    cells = st.columns(4)
    known = table.dropna(subset="half_width")
    well = known[known["count"] >= few]
    typical = f"{1000 * well['half_width'].median():.0f}" if len(well) else "–"
    cells[0].metric(
        "Typical ±, meV/atom",
        typical,
        border=True,
        help=f"Half the interval's width: the median over elements in {few} materials or more.",
    )
    widest = known.nlargest(1, "half_width")
    cells[1].metric(
        "Widest ±, eV/atom",
        "–" if widest.empty else f"{widest['symbol'].iloc[0]} {widest['half_width'].iloc[0]:.2f}",
        border=True,
    )
    rare = table[table["count"] < few]["symbol"].tolist()
    cells[2].metric(f"In under {few} materials", len(rare), border=True, help="Elements.")
    open_ones = table[table["half_width"].isna()]["symbol"].tolist()
    cells[3].metric(
        "Without an interval",
        len(open_ones),
        border=True,
        help="In one material only, or never apart from another element.",
    )
    if rare:
        st.warning(
            f"In fewer than {few} materials, so poorly known: {', '.join(rare)}."
            + (f" Undetermined: {', '.join(open_ones)}." if open_ones else ""),
            icon=":material/warning:",
        )


def meaning(how: FitChoice, found: Intervals) -> None:
    """Say what the numbers mean, and what they leave out."""
    told = (
        f"Intervals: Bayesian bootstrap over materials, {found.interval.n:,} resamplings "
        "(Rubin 1981, doi:10.1214/aos/1176345338), with residuals of each material left out and "
        "Student's distribution for elements in few materials. Standard errors: jackknife over "
        "materials, so that frames of one material count once. On generated data both hold the "
        "true reference in about 95 % of all cases, for elements in ten materials or more."
    )
    if how.is_pulled:
        told += (
            " They do not see the pull of the prior: where it decides, both are small and the "
            "reference is as good as the prior."
        )
    if how.method == "huber":
        told += " Each resampling of a Huber fit takes one Newton step."
    st.caption(plain(told))
