"""The paper's scaling result, next to the reader's own and marked as the paper's."""

import streamlit as st

from core.runs.results.comparison import method_label
from core.runs.results.paper import CITATION, DATASET, DOI, TABLE_1
from core.training.settings.metrics import METRICS
from pages.parts.shared.page import plain

METHODS = ("scratch", "refit")
"""The two methods of the paper's Figure 6, which calls them Scratch and Transfer."""

IN_FIGURE = {"energy_mae_mev_per_atom": "a", "force_mae_mev_per_angstrom": "b"}
"""The panels of the paper's Figure 6."""


def show_paper(metric: str) -> None:
    """Show the paper's result.

    Args:
        metric: key of METRICS whose numbers in the paper are shown; empty for none.
    """
    with st.container(border=True):
        st.markdown("**The paper's Figure 6, on the paper's own data**")
        st.markdown(
            "Huang et al. train Method 1 (Scratch) and Method 4 (Transfer) on growing parts of "
            f"{plain(DATASET)} and plot the validation MAE of energy (a) and force (b) against "
            "the number of training frames, with log–log linear fits above 1,000 frames. "
            "Transfer at x = 0 is the GGA model with the r2SCAN AtomRef swapped in, untrained."
        )
        rows = {row.method: row for row in TABLE_1}
        if metric in METRICS:
            info = METRICS[metric]
            st.dataframe(
                [
                    {"method": method_label(method), "error": getattr(rows[method], metric)}
                    for method in METHODS
                ],
                key="paper",
                hide_index=True,
                width="content",
                column_config={
                    "method": st.column_config.TextColumn("Method", width=260),
                    "error": st.column_config.NumberColumn(
                        f"Paper: test {info.label[0].lower()}{info.label[1:]}, {info.unit}",
                        format="%.4g",
                        help="Table 1, trained on all of the training part (8-1-1).",
                    ),
                },
            )
        panel = "" if metric in IN_FIGURE or not metric else " Figure 6 does not show this error."
        st.caption(
            f"[{plain(CITATION)}](https://doi.org/{DOI}).{panel} Other data and labels, and "
            "many more frames: shapes compare with the curves above, numbers do not."
        )
