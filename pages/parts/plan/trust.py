"""What plans would have said before the larger sizes of a sweep were trained."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.scaling.law import Law
from core.scaling.planner import hindsight
from core.scaling.points import ScalingPoints
from core.scaling.sweep_results import SweepResults
from pages.parts.plan.words import between, count, name_of


def show_trust(
    results: SweepResults | None,
    laws: Mapping[str, Law],
    *,
    metric: str,
    unit: str,
    split: str,
    points: Mapping[str, ScalingPoints] | None,
) -> None:
    """Show how wrong such predictions were on the same sweep; arguments as for `plan_view.show`."""
    st.subheader("How far to trust this")
    st.caption(
        "What the same plan would have said before the larger sizes were trained: a law fitted to "
        "the sizes up to a quarter of each, asked for its error, and for the number of frames that "
        "brings the error that was seen. Laws are means over seeds; one training scatters about "
        "them. One calculation is taken to be one frame, of materials like these."
    )
    tests = []
    for method, law in laws.items():
        own = points[method] if points is not None else None
        if own is None and results is not None:
            own = results.scaling_points(method, metric=metric, split=split)
        if own is not None:
            key = (method, own.n_frames.tobytes(), own.error.tobytes(), law.form, law.min_frames)
            tests.append(_hindsight(key, own, law).assign(method=name_of(method)))
    some = [one for one in tests if len(one)]
    table = pd.concat(some) if some else pd.DataFrame()
    if table.empty:
        st.info("Too few sizes to fit those up to a quarter of the largest: nothing tests this.")
        return
    worst = float(table["relative_error"].abs().max())
    held = int(table["held"].sum())
    st.markdown(
        f"The error was foretold within **{worst:.0%}** at worst; the interval of the number of "
        f"frames held the truth in **{held} of {len(table)}** cases."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "method": table["method"],
                "n_frames": table["n_frames"],
                "seen": table["seen"],
                "predicted": table["predicted"],
                "off": 100 * table["relative_error"],
                "frames": [count(value) for value in table["frames"]],
                "interval": list(map(between, table["frames_low"], table["frames_high"])),
            }
        ),
        key="hindsight-table",
        hide_index=True,
        column_config={
            "method": st.column_config.TextColumn("Method", width=240),
            "n_frames": st.column_config.NumberColumn("Frames", format="localized"),
            "seen": st.column_config.NumberColumn(f"Error seen, {unit}", format="%.3g"),
            "predicted": st.column_config.NumberColumn("Foretold", format="%.3g"),
            "off": st.column_config.NumberColumn("Off by", format="%+.0f %%"),
            "frames": st.column_config.TextColumn("Frames for the error seen"),
            "interval": "95 % interval",
        },
    )


@st.cache_data(max_entries=256, show_spinner="Looking back …")
def _hindsight(
    key: tuple[object, ...],  # noqa: ARG001  part of the cache's key
    _points: ScalingPoints,
    _law: Law,
) -> pd.DataFrame:
    return hindsight(_points, form=_law.form, min_frames=_law.min_frames)
