"""AtomRef of one functional, for which formulas and one energy are enough."""

import streamlit as st

from core.report.atomref.figures import references
from core.studies.atomref_fit import AtomRefStudy
from pages.parts.atomref.energies import EnergyChoice
from pages.parts.atomref.form import fitted, show_fitted, show_priors
from pages.parts.atomref.references import show_example, show_numbers
from pages.parts.shared.figure import show
from pages.parts.shared.page import command, is_dark


def show_one_functional(choice: EnergyChoice, study: AtomRefStudy) -> None:
    """Show the references of one functional."""
    fit = fitted(choice, study)
    atomref, counts = fit.atomref, fit.material_counts()
    show_numbers(fit, counts)
    show_fitted(choice, study)
    show_priors(atomref)
    table = atomref.table()
    table = table[table["count"] > 0]
    show(
        references(atomref, counts, dark=is_dark()),
        name="atomref",
        caption="The part of the energy that composition explains, one energy per element; least "
        "squares includes the mean bonding energy.",
        source=choice.source,
        table=lambda: table,
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "symbol": "Element",
            "energy": st.column_config.NumberColumn("Energy, eV/atom", format="%.4f"),
            "count": "Frames",
        },
        height=300,
    )
    command(f"{study.command}{show_example(atomref)}")
