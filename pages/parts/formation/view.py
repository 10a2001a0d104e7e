"""The figures and tables of the Formation energies page."""

import streamlit as st

from core.elements import SYMBOLS
from core.frames.provenance import energy_title
from core.reference.formation.table import ALL, FormationTable, mae_by_chemistry
from core.report.formation import difference_text, formation_parity, provenance_of
from pages.parts.shared.figure import show
from pages.parts.shared.former_links import mend_choice
from pages.parts.shared.page import is_dark, plain


def show_references(formation: FormationTable) -> None:
    """Show the elements' energies, and which elements lack one."""
    missing = sorted({s for column in formation.columns for s in column.missing}, key=SYMBOLS.index)
    if missing:
        left_out = max(column.n_left_out for column in formation.columns)
        st.warning(
            f"No reference for {', '.join(missing)}: {left_out:,} of {len(formation.data):,} "
            "materials have no formation energy.",
            icon=":material/warning:",
        )
    with st.expander("The elements' energies", icon=":material/table:"):
        st.dataframe(
            formation.elements(),
            key="formation-references",
            hide_index=True,
            column_config={
                "symbol": "Element",
                **{
                    column.name: st.column_config.NumberColumn(
                        f"{energy_title(column.column)}, eV/atom", format="%.4f"
                    )
                    for column in formation.columns
                },
            },
            height=300,
        )
        for column in formation.columns:
            st.caption(plain(f"{energy_title(column.column)}: {column.references.origin}."))


def show_parity(formation: FormationTable) -> list[str]:
    """Show formation energies against others, or against experiment.

    Returns:
        Options of the command that draws the same in a report.
    """
    names = list(formation.measured | formation.energies)
    if len(names) < 2:
        st.info("There is only one column of formation energies, so nothing to compare it with.")
        return []
    labels = {name: formation.option_of(name) for name in names}
    for axis in ("across", "up"):
        mend_choice(axis, labels)
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    x = left.selectbox(
        "Horizontal axis",
        names,
        format_func=labels.__getitem__,
        key="across",
        bind="query-params",
        help="One of the functionals, or the measured values.",
    )
    others = [name for name in names if name != x]
    default = formation.partner_of(x)
    y = middle.selectbox(
        "Vertical axis",
        others,
        index=others.index(default),
        format_func=labels.__getitem__,
        key="up",
        bind="query-params",
        help="What is compared with it.",
    )
    grouped = right.toggle(
        "By chemistry",
        key="chemistry",
        bind="query-params",
        help="Colours oxides, halides and so on apart.",
    )
    table = formation.comparison(x, y)
    if table.empty:
        st.info("No material has both of these formation energies.")
        return []
    show(
        formation_parity(formation, x, y, grouped=grouped, dark=is_dark()),
        name="formation-parity",
        caption=f"{difference_text(table)} Unlike total energies, formation "
        "energies of two functionals can be compared directly: each functional has its own "
        "elemental references.",
        source=provenance_of(formation),
        table=lambda: table[["material_id", "formula", "x", "y"]].rename(columns={"x": x, "y": y}),
    )
    if x == names[0] and y == default:
        return []
    return ["--across", x, "--up", y]


def show_errors(formation: FormationTable) -> str | None:
    """Show errors against experiment by functional and chemistry.

    Returns:
        The column of measured energies, None if there is none.
    """
    st.subheader("Errors against experiment")
    if not formation.measured:
        st.info(
            "No column of this data set looks like measured formation energies (such a column has "
            "experiment or measured in its name)."
        )
        return None
    measured = st.selectbox(
        "Measured",
        list(formation.measured),
        key="measured",
        bind="query-params",
        help="The column of experimental formation energies.",
    )
    errors = formation.errors(measured)
    st.dataframe(
        errors[errors["chemistry"] == ALL].drop(columns="chemistry"),
        key="formation-errors",
        hide_index=True,
        column_config={
            "energy": "Formation energy",
            "n": st.column_config.NumberColumn("Materials", format="localized"),
            "mae": st.column_config.NumberColumn("MAE, eV/atom", format="%.3f"),
            "me": st.column_config.NumberColumn(
                "ME, eV/atom", format="%.3f", help="Mean of computed − measured."
            ),
        },
    )
    st.caption(
        "All errors are over the same materials: those with a measured energy and a value in every "
        "row above. Columns without a value for any measured material are left out. Measured "
        "enthalpies hold at 298 K, computed energies at 0 K without zero-point motion, so "
        "differences of some tens of meV/atom are not errors of the functional."
    )
    st.dataframe(
        mae_by_chemistry(errors),
        key="formation-errors-by-chemistry",
        hide_index=True,
        column_config={
            "chemistry": "Chemistry",
            "n": st.column_config.NumberColumn("Materials", format="localized"),
            **{
                name: st.column_config.NumberColumn(f"{name}, MAE eV/atom", format="%.3f")
                for name in formation.energies
            },
        },
    )
    return measured
