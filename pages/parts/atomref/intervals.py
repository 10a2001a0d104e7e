"""AtomRef, view "Uncertainty": standard errors and intervals of the references."""

from math import isnan

import streamlit as st

from core.intervals import NOT_DETERMINED
from core.reference.fits.atomref import RARE
from core.reference.fits.uncertainty import RESAMPLINGS
from core.report.atomref.figures import explanation, interval_figure
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import WIDEST, AtomRefIntervals, Intervals, Overview
from core.studies.pair_choice import PairChoice
from pages.parts.atomref.form import choose_side
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, is_dark, plain

ENERGY = "%.4f"


def show_uncertainty(choice: PairChoice, study: AtomRefStudy) -> None:
    """Show the uncertainty of each reference."""
    left, middle, right = st.columns([3, 1, 1], vertical_alignment="bottom")
    with left:
        study = choose_side(choice, study, difference=study.method != "huber")
    min_materials = middle.number_input(
        "Rare: in fewer than",
        min_value=2,
        max_value=1000,
        value=RARE,
        key="few",
        bind="query-params",
        help="Elements in fewer materials than this are marked.",
    )
    resamplings = right.number_input(
        "Resamplings",
        min_value=100,
        max_value=100_000,
        value=RESAMPLINGS,
        step=100,
        key="resamplings",
        bind="query-params",
        help="Of the bootstrap: more of them make the ends of the intervals more precise.",
    )
    result: Intervals | None = computed(AtomRefIntervals(**dict(study), resamplings=resamplings))
    if result is not None:
        show_intervals(choice, study, result, min_materials)
    more = "" if resamplings == RESAMPLINGS else f" --resamplings {resamplings}"
    more += "" if min_materials == RARE else f" --rare {min_materials}"
    command(f"{study.command} --intervals{more}")


def show_intervals(
    choice: PairChoice, study: AtomRefStudy, result: Intervals, min_materials: int
) -> None:
    """Show the intervals as numbers, figure and table."""
    table = result.table()
    show_numbers(result.overview(min_materials), min_materials)
    source, target = choice.pairs.source_functional, choice.pairs.target_functional
    names = {"target": target, "source": source, "difference": f"{target} − {source}"}
    show(
        interval_figure(result, names[study.side], min_materials, dark=is_dark()),
        name=f"atomref-intervals-{study.side}",
        caption=f"Top: each reference with its {result.interval.level:.0%} interval; bottom: half "
        "the width of the interval. Orange: elements in few materials. A cross: not determined, "
        "because one material alone determines the reference, because elements only occur "
        f"together, or because the interval is wider than ± {WIDEST:g} eV/atom.",
        source=choice.source,
        table=lambda: table,
    )
    st.dataframe(
        table.sort_values("half_width", ascending=False, kind="stable"),
        hide_index=True,
        placeholder=NOT_DETERMINED,
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
                help="By Student's t distribution, with one degree of freedom less than materials.",
            ),
            "count": "Materials",
        },
    )
    st.caption(plain(explanation(study, result)))


def show_numbers(overview: Overview, min_materials: int) -> None:
    """Show the typical and the widest interval, and the number of uncertain elements."""
    cells = st.columns(4)
    cells[0].metric(
        "Typical ±, eV/atom",
        NOT_DETERMINED if isnan(overview.typical) else f"{overview.typical:.3f}",
        border=True,
        help="Half the width of the interval: the median over elements in at least "
        f"{min_materials} materials.",
    )
    width, symbol = overview.widest
    cells[1].metric(
        "Widest ±, eV/atom",
        f"{symbol} {width:.3f}" if symbol else NOT_DETERMINED,
        border=True,
        help="Of the intervals that are determined.",
    )
    cells[2].metric(
        f"In under {min_materials} materials", len(overview.rare), border=True, help="Elements."
    )
    cells[3].metric(
        "Not determined",
        len(overview.undetermined),
        border=True,
        help="Elements in one material only, never apart from another element, or with an interval "
        f"wider than ± {WIDEST:g} eV/atom.",
    )
    if overview.rare:
        undetermined = ", ".join(overview.undetermined)
        st.warning(
            f"In fewer than {min_materials} materials, so uncertain: {', '.join(overview.rare)}."
            + (f" Not determined: {undetermined}." if undetermined else ""),
            icon=":material/warning:",
        )
