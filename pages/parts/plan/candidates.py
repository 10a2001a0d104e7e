"""The chosen materials with their structures, and how well what is there covers the elements."""

import streamlit as st
from chemiscope.streamlit import viewer

from core.acquisition.structure_files import structures_zip
from core.elements import SYMBOLS
from core.figures.base.periodic import periodic_table
from core.figures.base.structures import structure_view
from core.frames.pairs import PairSet
from core.frames.store import FrameSet
from core.scaling.planner import Cost
from core.studies.acquisition import Next, NextStudy
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain
from pages.parts.shared.selection import linked_table

PICKED = "material"
_QUANTITIES = {
    "materials": ("Materials there", ""),
    "candidates": ("Candidates", ""),
    "error_mev_per_atom": ("Energy MAE of the runs", "meV/atom"),
}


def show_chosen(
    study: NextStudy, found: Next, pool: FrameSet | PairSet, cost: Cost, *, source: str
) -> None:
    """Show the chosen materials, the structure of the selected one, and their download.

    Args:
        study: What was asked.
        found: What was chosen.
        pool: Where the structures are.
        cost: Of a calculation.
        source: One line on the data, ready for a caption.
    """
    table = found.table()
    if table.empty:
        st.info("No candidate would add anything: choose another pool.")
        return
    hours = cost.hours_each(found.n_atoms)
    price = "" if cost.price is None else f", {hours.sum() * cost.price:,.0f} {cost.currency}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(table):,} materials**, the first adds most; together "
            f"**{float(format(hours.sum(), '.4g')):,g} core-hours**{plain(price)}.",
            width="stretch",
        )
        st.download_button(
            "Structures for VASP",
            data=lambda: structures_zip(pool.frames(found.rows), table, cost=cost),
            file_name=f"next-{study.dataset}-{study.by}.zip",
            mime="application/zip",
            icon=":material/download:",
            key="next-zip",
            on_click="ignore",
            help="POSCAR and CIF of each, a table with the reasons, and structures.json from which "
            "pymatgen's MatPESStaticSet or MPScanRelaxSet write inputs; README.txt has the lines.",
        )
    left, right = st.columns([3, 2])
    with left:
        row = linked_table(
            table.assign(core_hours=hours),
            [str(one) for one in found.material_ids],
            param=PICKED,
            key=f"next-{study.by}-{study.dataset}-{study.pool}-{len(table)}",
            hide_index=True,
            height=420,
            column_config={
                "material_id": st.column_config.TextColumn("Material"),
                "formula": st.column_config.TextColumn("Formula"),
                "n_atoms": st.column_config.NumberColumn("Atoms"),
                "reason": st.column_config.TextColumn("Why", width=340),
                "composition": st.column_config.NumberColumn(
                    "Elements",
                    format="%.3f",
                    help="What it adds to the coverage: five materials cover an element by half, "
                    "and all pairs of elements together count a tenth.",
                ),
                "distance": st.column_config.NumberColumn(
                    "Distance",
                    format="%.2f",
                    help="To the nearest material in CHGNet's 64 crystal features, means over "
                    "atoms, a pure number.",
                ),
                "disagreement_mev_per_atom": st.column_config.NumberColumn(
                    "Disagreement",
                    format="%.0f",
                    help="Standard deviation of the runs' energies, meV/atom.",
                ),
                "core_hours": st.column_config.NumberColumn("Core-hours", format="%.3g"),
            },
        )
        st.caption(source)
    with right:
        picked = row or 0
        (frame,) = pool.frames([int(found.rows[picked])])
        st.markdown(f"**{plain(str(found.formulas[picked]))}**")
        if frame is not None:
            viewer(
                structure_view([frame], {"atoms": ([float(len(frame))], "")}),
                mode="structure",
                settings={"structure": [{"unitCell": True}]},
                no_info_panel=True,
                selected_index=0,
                height=400,
                key=f"next-viewer-{found.material_ids[picked]}",
            )


def show_coverage(found: Next, *, source: str, labels: str) -> None:
    """Show the elements on the periodic table, and the chemistries.

    Args:
        found: What was found.
        source: One line on the data, ready for a caption.
        labels: Data and labels in few words, for files.
    """
    st.subheader("What is covered")
    table = found.element_table()
    known = [key for key in _QUANTITIES if table[key].notna().any()]
    quantity = st.segmented_control(
        "Show",
        known,
        format_func=lambda key: _QUANTITIES[key][0],
        default="materials",
        required=True,
        key="covered",
        bind="query-params",
        label_visibility="collapsed",
    )
    title, unit = _QUANTITIES[quantity]
    rows = table.to_dict("records")
    there = {row["symbol"] for row in rows if row["materials"]}
    nothing = [symbol for symbol in SYMBOLS if symbol not in there]
    offered = [row["symbol"] for row in rows if row["symbol"] in nothing]
    told = ""
    if nothing:
        told = f"No material to learn from holds {', '.join(nothing)}; "
        told += f"candidates hold {', '.join(offered)}. " if offered else "nor does a candidate. "
    told += "An element in few materials has an uncertain reference, whatever the others teach."
    show(
        periodic_table(
            {row["symbol"]: float(row[quantity]) for row in rows},
            title=title,
            unit=unit,
            diverging=False,
            log=True,
            hover={
                row["symbol"]: f"{row['materials']:,} materials there, "
                f"{row['candidates']:,} candidates"
                + (
                    f"; error {row['error_mev_per_atom']:.0f} meV/atom on {row['test_frames']:,} "
                    "test frames"
                    if row["test_frames"]
                    else ""
                )
                for row in rows
            },
            dark=is_dark(),
        ),
        name=f"covered-{quantity.partition('_')[0]}",
        caption=told,
        source=source,
        labels=labels,
        table=lambda: table,
    )
    st.dataframe(
        found.chemistry_table(),
        key="covered-chemistries",
        hide_index=True,
        column_config={
            "chemistry": st.column_config.TextColumn(
                "Chemistry",
                help="A material counts as the first that fits: oxide, halide, chalcogenide, "
                "pnictide, carbide, boride, silicide, hydride, intermetallic.",
            ),
            "materials": st.column_config.NumberColumn("Materials there"),
            "candidates": st.column_config.NumberColumn("Candidates"),
        },
    )
