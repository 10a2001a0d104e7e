"""How the error falls with the number of training frames: points, laws, and what tests them."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.figures.scaling.error_curves import Series, scaling_curves
from core.scaling.extrapolation import extrapolation
from core.scaling.law import Form
from pages.parts.scaling.laws import FORM_TEXT, LEVEL, Shown, choice_of, name_of
from pages.parts.scaling.paper import show_paper
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain, signed


def show_curves(shown: Shown) -> None:
    """Show the view."""
    _figure(shown)
    for method, reason in shown.refused.items():
        st.warning(plain(f"{name_of(method)}: {reason}"), icon=":material/block:")
    if shown.laws:
        _laws(shown)
        _unsettled(shown)
        left, right = st.columns([2, 3], gap="large")
        with left:
            _forms(shown)
        with right:
            _honest(shown)
    show_paper(shown.metric)


def _figure(shown: Shown) -> None:
    show(
        scaling_curves(
            [
                Series(
                    key=method,
                    name=name_of(method),
                    points=pd.DataFrame(
                        {"n_frames": own.n_frames, "seed": own.seed, "error": own.error}
                    ),
                    zero=shown.zero[method],
                    curve=shown.curve(method),
                    fitted=(shown.laws[method].smallest, shown.laws[method].largest)
                    if method in shown.laws
                    else (0.0, 0.0),
                )
                for method, own in shown.points.items()
            ],
            title=shown.title,
            unit=shown.unit,
            level=LEVEL,
            dark=is_dark(),
        ),
        name="scaling",
        caption=_caption(shown),
        source=shown.source,
        labels=shown.labels,
        table=lambda: _points_table(shown),
    )


def _caption(shown: Shown) -> str:
    told = "Filled markers are geometric means over seeds, dashes single seeds."
    if shown.laws:
        told += (
            " A straight line is a power law: the steeper, the more each further frame helps. "
            "Bands hold the law with 95 % probability; dashed, it goes beyond the sizes fitted."
        )
    if any(len(zero) for zero in shown.zero.values()):
        told += " Left of the break, open: the untrained model"
        # Of a table of points nothing more is known.
        told += (
            "."
            if shown.results is None
            else " with the method's AtomRef, fitted to the largest training set. Where it lies "
            "below trained points, so few frames do worse than none with good references."
        )
    elif shown.split == "test":
        told += " Untrained models were judged on validation frames only."
    return told


def _points_table(shown: Shown) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {"method": method, "n_frames": own.n_frames, "seed": own.seed, "error": own.error}
        )
        for method, own in shown.points.items()
    ]
    tables += [
        zero.assign(method=method, n_frames=0)[["method", "n_frames", "seed", "error"]]
        for method, zero in shown.zero.items()
    ]
    return pd.concat([one for one in tables if len(one)]).assign(what=shown.title, unit=shown.unit)


def _unsettled(shown: Shown) -> None:
    """Say where laws are fitted to sizes at which AtomRef alone still gains by more frames."""
    if shown.results is None:
        return
    settled: dict[int, list[str]] = {}
    for method, law in shown.laws.items():
        size = shown.results.settled_from(method, shown.metric)
        if size is not None and size > law.smallest:
            settled.setdefault(size, []).append(method)
    for size, methods in settled.items():
        st.caption(
            f"{', '.join(methods)}: below {size:,} frames the untrained model improves too, by its "
            "AtomRef alone, as elements come in that smaller training sets lack. A law from "
            f"{size:,} frames on tells what training adds."
        )


def _laws(shown: Shown) -> None:
    rows = []
    for method, law in shown.laws.items():
        low, high = law.exponent_interval(LEVEL)
        floor_low, floor_high = law.floor_interval(LEVEL)
        rows.append(
            {
                "method": name_of(method),
                "law": FORM_TEXT[law.form],
                "exponent": f"{signed(law.exponent, digits=3)}  [{signed(low, digits=3)}, "
                f"{signed(high, digits=3)}]",
                "twice": 100 * (2**-law.exponent - 1) if law.form == "power" else None,
                "floor": f"{law.floor:,.3g}  [{floor_low:,.3g}, {floor_high:,.3g}]"
                if law.form == "offset"
                else None,
                "r2": law.r2,
                "points": f"{law.n} at {law.n_sizes} sizes",
                "range": f"{law.smallest:,.0f} to {law.largest:,.0f}",
            }
        )
    forms = {law.form for law in shown.laws.values()}
    st.dataframe(
        pd.DataFrame(rows),
        key="laws",
        hide_index=True,
        placeholder="–",
        column_config={
            "method": st.column_config.TextColumn("Method", width=260),
            "law": "Law",
            "exponent": st.column_config.TextColumn(
                "Exponent b [95 %]",
                help="E = a·N⁻ᵇ: the error falls with the b-th power of the number of frames.",
            ),
            # Columns of nothing where no law is of the kind they tell of.
            "twice": None
            if forms == {"offset"}
            else st.column_config.NumberColumn(
                "Twice the frames",
                format="%+.1f %%",
                help="What doubling the data does to the error.",
            ),
            "floor": None
            if forms == {"power"}
            else st.column_config.TextColumn(
                f"Floor c [95 %], {shown.unit}",
                help="The error that more such frames do not take away.",
            ),
            "r2": st.column_config.NumberColumn(
                "R²",
                format="%.3f",
                help="Of log error over log frames, all points, as in the paper.",
            ),
            "points": "Points",
            "range": "Frames",
        },
    )
    for method, law in shown.laws.items():
        if not law.falls:
            st.caption(
                f":material/warning: {plain(name_of(method))}: over these sizes the error does not "
                "fall with more frames."
            )


def _forms(shown: Shown) -> None:
    st.markdown(
        "**Power law, or one with a floor?**",
        help="Both are fitted to the smaller sizes and asked for the larger ones, which they have "
        "not seen. The smaller error is the better law.",
    )
    rows: list[dict[str, Any]] = []
    refused: dict[str, list[str]] = {}
    for method, own in shown.points.items():
        choice = choice_of((*shown.key, method), own, min_frames=shown.min_frames)
        if isinstance(choice, str):
            continue  # the page says above why nothing fits
        errors = {str(form): 100 * error for form, error in choice.errors.items()}
        held_out = ", ".join(f"{size:,.0f}" for size in choice.held_out)
        rows.append(
            {"method": method, **errors, "better": FORM_TEXT[choice.form], "held_out": held_out}
        )
        for form, why in choice.refused.items():
            refused.setdefault(f"{FORM_TEXT[form]}. {why}", []).append(method)
    if rows:
        st.dataframe(
            pd.DataFrame(rows),
            key="forms",
            hide_index=True,
            placeholder="–",
            column_config={
                "method": "Method",
                **{
                    str(form): st.column_config.NumberColumn(
                        text, format="%.1f %%", help="Root mean square of the log error, held out."
                    )
                    for form, text in FORM_TEXT.items()
                },
                "better": "Better",
                "held_out": "Held-out sizes",
            },
        )
    for why, methods in refused.items():
        st.caption(plain(f"Not tried for {', '.join(methods)}: {why}"))


def _honest(shown: Shown) -> None:
    st.markdown(
        "**How far may you trust the dashed part?**",
        help="For each size N: the law is fitted to sizes up to N/4 alone and asked for the error "
        "at N, which is known here.",
    )
    table = _extrapolations(shown)
    if table.empty:
        st.caption(
            "No size has enough sizes up to a quarter of it to fit this law to; train at more."
        )
        return
    inside = (table["low"] <= table["seen"]) & (table["seen"] <= table["high"])
    st.markdown(
        f"Asked for at least four times the frames that they had seen, the laws were off by "
        f"**{100 * table['relative_error'].abs().median():.0f} %** in the middle and "
        f"**{100 * table['relative_error'].abs().max():.0f} %** at most; {inside.sum()} of "
        f"{len(table)} bands held what was seen."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "method": table["method"],
                "n_frames": table["n_frames"].astype(int),
                "fitted": table["n_fitted_sizes"].astype(int),
                "seen": table["seen"],
                "predicted": [
                    f"{_brief(predicted)}  [{_brief(low)}, {_brief(high)}]"
                    for predicted, low, high in table[["predicted", "low", "high"]]
                    .to_numpy(dtype=float)
                    .tolist()
                ],
                "off": 100 * table["relative_error"],
            }
        ),
        key="honest",
        hide_index=True,
        column_config={
            "method": "Method",
            "n_frames": st.column_config.NumberColumn("Frames", format="localized"),
            "fitted": st.column_config.NumberColumn("Sizes fitted"),
            "seen": st.column_config.NumberColumn(f"Seen, {shown.unit}", format="%.3g"),
            "predicted": f"Predicted [95 %], {shown.unit}",
            "off": st.column_config.NumberColumn("Off by", format="%+.0f %%"),
        },
    )


def _brief(value: float) -> str:
    """Write three digits, without an exponent up to a million: the column is narrow."""
    return f"{float(format(value, '.3g')):,g}"


def _extrapolations(shown: Shown) -> pd.DataFrame:
    tables = []
    for method, law in shown.laws.items():
        found = _extrapolation((*shown.key, method), law.form, shown.min_frames, shown, method)
        tables.append(found.assign(method=method))
    known = [one for one in tables if len(one)]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame()


@st.cache_data(max_entries=256, show_spinner="Testing the laws …")
def _extrapolation(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    form: Form,
    min_frames: int,
    _shown: Shown,
    method: str,
) -> pd.DataFrame:
    try:
        return extrapolation(_shown.points[method], form=form, min_frames=min_frames)
    except LabError:
        return pd.DataFrame()
