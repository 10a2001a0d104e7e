"""The chosen materials with their structures, and how well the data set covers the elements."""

import streamlit as st

from core.acquisition.structure_files import structures_zip
from core.frames.pairs import PairSet
from core.frames.provenance import Provenance
from core.frames.store import FrameSet
from core.report.plan import (
    COVERED,
    coverage_figure,
    coverage_text,
    covered_by,
    together,
)
from core.scaling.cost import Cost
from core.studies.acquisition import NextMaterials, NextStudy
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import one_of

PICKED = "material"


def show_materials(
    study: NextStudy, result: NextMaterials, pool: FrameSet | PairSet, cost: Cost
) -> None:
    """Show the chosen materials, the structure of the selected one, and their download.

    Args:
        study: the settings.
        result: the chosen materials.
        pool: data set with the structures.
        cost: cost of a calculation.
    """
    table = result.table(cost)
    if table.empty:
        st.info("No candidate would add anything: choose another pool.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(table):,} materials**, in order of what they add; together "
            f"**{plain(together(table, cost))}**.",
            width="stretch",
        )
        st.download_button(
            "Structures for VASP",
            data=lambda: structures_zip(pool.frames(result.rows), table),
            file_name=f"next-{study.dataset}-{study.by}.zip",
            mime="application/zip",
            icon=":material/download:",
            key="next-zip",
            on_click="ignore",
            help="POSCAR and CIF of each, a table with the reasons, and structures.json from which "
            "pymatgen's MatPESStaticSet or MPScanRelaxSet write inputs; see README.txt.",
        )
    left, right = st.columns([3, 2])
    with left:
        row = linked_table(
            table,
            table["material_id"].tolist(),
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
                    help="Increase of the coverage. Five materials cover an element by half; pairs "
                    "of elements weigh a tenth.",
                ),
                "distance": st.column_config.NumberColumn(
                    "Distance",
                    format="%.2f",
                    help="To the nearest material in CHGNet's 64 crystal features (means over "
                    "atoms), dimensionless.",
                ),
                "disagreement_mev_per_atom": st.column_config.NumberColumn(
                    "Disagreement",
                    format="%.0f",
                    help="Standard deviation of the runs' energies, meV/atom.",
                ),
                "gain": st.column_config.NumberColumn(
                    "Gain",
                    format="%.3g",
                    help="Expected decrease of the mean variance of the candidates' energies by "
                    "this calculation, (meV/atom)² per mean cost.",
                ),
                "core_hours": st.column_config.NumberColumn("Core-hours", format="%.3g"),
            },
        )
    with right:
        chosen = table.iloc[row or 0]
        (frame,) = pool.frames([int(result.rows[row or 0])])
        key = f"next-viewer-{chosen['material_id']}"
        show_structure(frame, chosen["formula"], key=key)


def show_coverage(result: NextMaterials, source: Provenance) -> None:
    """Show the elements on the periodic table, and the chemistries.

    Args:
        result: the result of the study.
        source: where the data come from.
    """
    st.subheader("Coverage of the elements")
    table = result.element_table()
    quantity = one_of(
        st,
        "Show",
        covered_by(table),
        format_func=lambda key: COVERED[key][0],
        default="materials",
        key="covered",
        wrap=True,
        label_visibility="collapsed",
        help="What the periodic table shows of the chosen materials.",
    )
    show(
        coverage_figure(table, quantity, dark=is_dark()),
        name=f"covered-{quantity.partition('_')[0]}",
        caption=coverage_text(table),
        source=source,
        table=lambda: table,
    )
    st.dataframe(
        result.chemistry_table(),
        key="covered-chemistries",
        hide_index=True,
        column_config={
            "chemistry": st.column_config.TextColumn(
                "Chemistry",
                help="The first of these that applies: oxide, halide, chalcogenide, pnictide, "
                "carbide, boride, silicide, hydride, intermetallic.",
            ),
            "materials": st.column_config.NumberColumn("Existing materials"),
            "candidates": st.column_config.NumberColumn("Candidates"),
        },
    )
