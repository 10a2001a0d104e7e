"""How many materials an AtomRef needs to bring the two functionals to one energy scale."""

import streamlit as st

from core.potential.released import MODELS
from core.report.shifts import AGREEMENT, EFFICIENCY_TITLES, FITS, efficiency_curves
from core.studies.data_efficiency import DataEfficiencyResult, DataEfficiencyStudy
from core.studies.pair_choice import PairChoice
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark, plain

DRAWINGS = 20


def show_data_efficiency(choice: PairChoice) -> str:
    """Show the view.

    Returns:
        The same as options of `shift`.
    """
    left, middle, right = st.columns([2, 1, 1])
    model = left.selectbox(
        "Pretrained model",
        list(MODELS),
        key="model",
        bind="query-params",
        help="The prior starts from its AtomRef.",
    )
    repeats = middle.number_input(
        "Drawings",
        min_value=20,
        max_value=1000,
        value=DRAWINGS,
        step=20,
        key="drawings",
        bind="query-params",
        help="Number of random drawings of materials; each holds out a fifth of them.",
    )
    seed = right.number_input(
        "Seed",
        min_value=0,
        max_value=2**31 - 1,
        value=0,
        key="seed",
        bind="query-params",
        help="The same seed draws the same materials.",
    )
    study = DataEfficiencyStudy(
        pairs=choice.selection,
        elements=choice.elements,
        any_of=choice.any_of,
        model=model,
        repeats=repeats,
        seed=seed,
    )
    result: DataEfficiencyResult | None = computed(study)
    if result is not None:
        show_curves(choice, result)
        show_prior(choice, result)
        with st.expander("All numbers", icon=":material/table:"):
            show_numbers(result)
    options = [
        "--data-efficiency",
        "" if model == next(iter(MODELS)) else f"--model {model}",
        "" if repeats == DRAWINGS else f"--drawings {repeats}",
        f"--seed {seed}" if seed else "",
    ]
    return " ".join(filter(None, options))


def show_curves(choice: PairChoice, result: DataEfficiencyResult) -> None:
    """Show r and MAE by number of materials fitted, with a band for each kind of fit."""
    curve = result.curve
    only = "Only they are fitted. " if choice.elements else ""
    captions = {
        "pearson": f"{choice.lead}{only}How well the two functionals agree on {curve.n_held_out:,} "
        "held-out materials: median and 90 % of the drawings.",
        "mae": "How far apart their scaled energies are. An element that no fitted material "
        "contains keeps the prior, or has no reference with least squares.",
    }
    for column, value in zip(st.columns(2), AGREEMENT, strict=True):
        with column:
            show(
                efficiency_curves(curve, value, dark=is_dark()),
                name=f"few-materials-{value}",
                caption=plain(captions[value]),
                source=choice.source,
                table=curve.table,
            )


def show_prior(choice: PairChoice, result: DataEfficiencyResult) -> None:
    """Show what the prior is."""
    pairs, atomref = choice.pairs, f"AtomRef of {result.model}"
    origins = [
        f"{functional}: {atomref} {'as it is' if origin == 'source' else f'({origin})'}."
        for functional, origin in (
            (pairs.source_functional, result.source_prior),
            (pairs.target_functional, result.target_prior),
        )
    ]
    st.markdown(
        plain(
            f"The prior comes from {result.model} and the embedded energies of the pure elements, "
            f"not from these data. {' '.join(origins)} Strength {result.curve.strength:g}. The "
            "model was trained on Materials Project, which may contain these materials in the "
            "model's own functional."
        )
    )


def show_numbers(result: DataEfficiencyResult) -> None:
    """Show the curve as a table."""
    table = result.curve.table()
    st.dataframe(
        table.assign(method=table["method"].map(FITS)),
        key="few-numbers",
        hide_index=True,
        column_config={
            name: title
            if name == "method"
            else st.column_config.NumberColumn(
                title, format="localized" if name == "materials" else "%.3f"
            )
            for name, title in EFFICIENCY_TITLES.items()
        },
    )
