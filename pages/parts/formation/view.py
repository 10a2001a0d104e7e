"""The figures and tables of the Formation energies page."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core.elements import SYMBOLS, chemistry
from core.figures.shifts.parity import parity
from core.frames.pairs import PairSet
from core.frames.schema import DFT
from core.reference.formation.table import ALL, ColumnFormation, errors
from pages.parts.shared.datasets import CORRECTIONS, MODEL_LABELLED, origin
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain, signed


@dataclass(kw_only=True, frozen=True)
class Formation:
    """Formation energies of a data set.

    Attributes:
        name: The data set.
        data: Its rows.
        columns: What is computed from total energies.
        energies: Name to formation energies (n,), eV/atom: those, and those that the data brought.
        measured: Name to measured formation energies (n,), eV/atom.
    """

    name: str
    data: PairSet
    columns: list[ColumnFormation]
    energies: dict[str, np.ndarray]
    measured: dict[str, np.ndarray]

    @property
    def source(self) -> str:
        """Say where the numbers come from, below a figure."""
        told = "; ".join(
            f"{one.column.column}: {one.column.functional} by {origin(one.column.labels)}, "
            f"{CORRECTIONS[one.column.corrections]}, pure elements: {one.references.origin}"
            for one in self.columns
        )
        return plain(f"Data: {self.name}. {told}.")

    @property
    def labels(self) -> str:
        """Say the same in few words, within a figure."""
        made = sorted({one.column.labels for one in self.columns} - {DFT})
        marked = f"{', '.join(made)}: {MODEL_LABELLED}" if made else "DFT"
        elements = {"mp": "DFT", "own": "own", "table": "a table"}[self.columns[0].references.kind]
        return f"Data: {self.name}. Labels: {marked}. Pure elements: {elements}"

    def title(self, name: str) -> str:
        """Name formation energies on an axis."""
        computed = name in {one.column.column for one in self.columns}
        return f"Formation energy from {name}" if computed else name


def show_references(formation: Formation) -> None:
    """Name the references, and what they lack."""
    lacking = sorted({s for one in formation.columns for s in one.missing}, key=SYMBOLS.index)
    if lacking:
        left_out = max(one.n_left_out for one in formation.columns)
        st.warning(
            f"No reference for {', '.join(lacking)}: {left_out:,} of {len(formation.data):,} "
            "materials have no formation energy.",
            icon=":material/warning:",
        )
    with st.expander("The elements' energies", icon=":material/table:"):
        table = pd.DataFrame({"symbol": SYMBOLS})
        for one in formation.columns:
            table[one.column.column] = one.references.energies
        names = [one.column.column for one in formation.columns]
        st.dataframe(
            table.dropna(subset=names, how="all"),
            key="formation-references",
            hide_index=True,
            column_config={
                "symbol": "Element",
                **{
                    column: st.column_config.NumberColumn(f"{column}, eV/atom", format="%.4f")
                    for column in names
                },
            },
            height=300,
        )
        for one in formation.columns:
            st.caption(plain(f"{one.column.column}: {one.references.origin}."))


def show_parity(formation: Formation) -> None:
    """Show formation energies against others, or against experiment."""
    everything = {**formation.measured, **formation.energies}
    names = list(everything)
    if len(names) < 2:
        st.info("There is only one column of formation energies, so nothing to compare it with.")
        return
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    across = left.selectbox("Across", names, key="across", bind="query-params")
    rest = [name for name in names if name != across]
    columns = [one.column.column for one in formation.columns]
    stored = [name for name in columns if not name.endswith(", rebuilt") and name in rest]
    usual = stored[-1] if stored else rest[0]
    up = middle.selectbox("Up", rest, index=rest.index(usual), key="up", bind="query-params")
    grouped = right.toggle("By chemistry", key="chemistry", bind="query-params")
    x, y = everything[across], everything[up]
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(rows):
        st.info("No material has both of these formation energies.")
        return
    table = formation.data.table().iloc[rows]
    away = (y - x)[rows]
    show(
        parity(
            x[rows],
            y[rows],
            x_title=formation.title(across),
            y_title=formation.title(up),
            hover=[
                f"{f}\n{m}" for f, m in zip(table["formula"], table["material_id"], strict=True)
            ],
            ids=table["material_id"].tolist(),
            groups=chemistry(formation.data.fractions()[rows]) if grouped else None,
            dark=is_dark(),
        ),
        name="formation-parity",
        caption=f"{len(rows):,} materials; mean difference {signed(float(away.mean()), digits=3)}, "
        f"mean absolute difference {np.abs(away).mean():.3f} eV/atom. Unlike total energies, "
        "formation energies of two functionals can be compared: each is counted from its own "
        "elements.",
        source=formation.source,
        labels=formation.labels,
        table=lambda: table[["material_id", "formula"]].assign(**{across: x[rows], up: y[rows]}),
    )


def show_errors(formation: Formation) -> str | None:
    """Show errors against experiment by functional and chemistry.

    Returns:
        The column of measured energies, None if there is none.
    """
    st.subheader("Against experiment")
    if not formation.measured:
        st.info(
            "No column of this data set seems to hold measured formation energies (its name would "
            "say experiment or measured)."
        )
        return None
    measured = st.selectbox(
        "Measured", list(formation.measured), key="measured", bind="query-params"
    )
    table = errors(formation.energies, formation.measured[measured], formation.data.fractions())
    whole = table[table["chemistry"] == ALL]
    st.dataframe(
        whole.drop(columns="chemistry"),
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
        "All on the same materials, those that the measurement and every column above know; "
        "columns that know no measured material are not there. Measured "
        "enthalpies are of 298 K, computed energies of 0 K without zero-point motion: some tens "
        "of meV/atom are no error of the functional. "
        f"{formation.source}"
    )
    by_chemistry = table.pivot_table(
        index=["chemistry", "n"], columns="energy", values="mae", sort=False
    ).reset_index()
    st.dataframe(
        by_chemistry,
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
