"""How few materials are enough to bring the two functionals to one scale."""

import streamlit as st

from core.figures.base.bands import COLORS, curves_with_bands
from core.figures.base.canvas import Axis
from core.potential.released import MODELS
from core.reference.shifts.data_efficiency import DataEfficiency
from core.studies.data_efficiency import DataEfficiencyResult, DataEfficiencyStudy
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark, plain
from pages.parts.shifts.selection import Shown

NAMES = {"lstsq": "Least squares", "ridge": "Ridge toward the prior"}
FIRST_REPEATS = 20


def show_few(shown: Shown) -> str:
    """Show the view.

    Returns:
        Options of `shift` that say the same.
    """
    left, middle, right = st.columns([2, 1, 1])
    model = left.selectbox(
        "Pretrained model",
        list(MODELS),
        key="model",
        bind="query-params",
        help="Its AtomRef is where the prior starts.",
    )
    repeats = middle.number_input(
        "Drawings",
        min_value=20,
        max_value=1000,
        value=FIRST_REPEATS,
        step=20,
        key="drawings",
        bind="query-params",
        help="How often materials are drawn at random; each drawing holds a fifth of them out.",
    )
    seed = right.number_input(
        "Seed", min_value=0, max_value=2**31 - 1, value=0, key="seed", bind="query-params"
    )
    study = DataEfficiencyStudy(
        pairs=shown.choice.selection,
        elements=shown.elements,
        model=model,
        repeats=repeats,
        seed=seed,
    )
    result: DataEfficiencyResult | None = computed(study)
    if result is not None:
        figures(shown, result)
        told(shown, result)
    options = [
        "--few",
        "" if model == next(iter(MODELS)) else f"--model {model}",
        "" if repeats == FIRST_REPEATS else f"--drawings {repeats}",
        f"--seed {seed}" if seed else "",
    ]
    return " ".join(filter(None, options))


def figures(shown: Shown, result: DataEfficiencyResult) -> None:
    """Show r and MAE by number of materials fitted."""
    held_out = f"{result.curve.n_held_out:,}"
    left, right = st.columns(2)
    with left:
        figure(
            shown,
            result.curve,
            "pearson",
            Axis(title="r of scaled energies", unit=""),
            f"{shown.lead}How well the two functionals agree on {held_out} materials that no fit "
            "has seen: median and 90 % of the drawings.",
        )
    with right:
        figure(
            shown,
            result.curve,
            "mae",
            Axis(title="Mean |residual|", unit="eV/atom"),
            "How far apart their scaled energies are. An element that no fitted material contains "
            "keeps the prior, or with least squares stays without a reference.",
        )


def figure(shown: Shown, curve: DataEfficiency, value: str, axis: Axis, caption: str) -> None:
    """Show one of the two, with a band for each kind of fit."""
    table = curve.table()
    columns = ("materials", value, f"{value}_low", f"{value}_high")
    show(
        curves_with_bands(
            {method: part[list(columns)].to_numpy().T for method, part in table.groupby("method")},
            colors=COLORS,
            names=NAMES,
            x_title="Materials fitted",
            y_axis=axis,
            log_y=value == "mae",
            dark=is_dark(),
        ),
        name=f"few-materials-{value}",
        caption=plain(caption),
        source=shown.choice.source,
        table=lambda: table,
    )


def told(shown: Shown, result: DataEfficiencyResult) -> None:
    """Say what the prior is, and show all numbers."""
    pairs, known = shown.pairs, f"AtomRef of {result.model}"
    origins = [
        f"{functional}: {known} {'as it is' if origin == 'source' else f'({origin})'}."
        for functional, origin in (
            (pairs.source_functional, result.source_prior),
            (pairs.target_functional, result.target_prior),
        )
    ]
    st.markdown(
        plain(
            f"The prior comes from {result.model} and the embedded energies of the pure elements, "
            f"not from these data. {' '.join(origins)} Strength {result.curve.strength:g}. The "
            "model was trained on Materials Project, which may hold these materials in its own "
            "functional."
        )
    )
    with st.expander("All numbers", icon=":material/table:"):
        numbers(result.curve)


def numbers(curve: DataEfficiency) -> None:
    """Show the curve as a table."""
    table = curve.table()
    spelled = {"": "", "_low": ", 5 %", "_high": ", 95 %"}
    st.dataframe(
        table.assign(method=table["method"].map(NAMES)),
        key="few-numbers",
        hide_index=True,
        column_config={
            "method": "Fit",
            "materials": st.column_config.NumberColumn("Materials", format="localized"),
            **{
                f"{name}{end}": st.column_config.NumberColumn(f"{title}{word}", format="%.3f")
                for name, title in (("pearson", "r"), ("mae", "Mean |residual|, eV/atom"))
                for end, word in spelled.items()
            },
        },
    )
