"""What U adds per atom of an element, beside references or a shift."""

import streamlit as st

from core.reference.shifts.hubbard import HubbardShifts

_EV = "%.3f"


def show_hubbard(found: HubbardShifts, *, key: str) -> None:
    """Show what U adds to each element that is met both with and without it."""
    with st.expander(f"U adds, in eV per atom: {found.text}", icon=":material/call_split:"):
        st.caption(
            "Energies with U (GGA+U) and without meet here. One reference per element cannot "
            f"describe both: a column of its own for U lowers the mean |residual| of AtomRef by "
            f"{found.cost / 1000:.4f} eV/atom. Errors are standard errors over materials."
        )
        st.dataframe(
            found.table(),
            key=key,
            hide_index=True,
            column_config={
                "symbol": "Element",
                "shift": st.column_config.NumberColumn("U adds, eV per atom", format=_EV),
                "error": st.column_config.NumberColumn("Standard error", format=_EV),
                "with_u": "Materials with U",
                "without_u": "Materials without",
            },
        )
