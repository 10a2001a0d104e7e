"""What the lab is for, what it holds, and where to begin."""

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.resolved import resolved
from core.figures.base.text import signed
from core.figures.base.theme import figure_config
from core.frames.registry import list_datasets
from core.potential.released import MODELS
from core.reference.shifts.shift import ShiftSummary, summarize
from core.runs.record.listing import list_runs, status_if_any
from core.studies.selection import PairSelection
from pages.parts.shared.before_after import before_after
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.page import errors_shown, head, is_dark

PAPER = "https://doi.org/10.1038/s41524-025-01796-y"
# The embedded data set that the figures at the top show.
PAIRS = "mp-structures"
# Images are saved on the other pages, where they carry the line about data and labels.
CONFIG = figure_config("overview") | {"displayModeBar": False}

STEPS = [
    (
        "pages/energy_shifts.py",
        "1. Compare the functionals",
        "Total energies of the same materials: ten eV/atom apart and hardly correlated.",
    ),
    (
        "pages/atomref.py",
        "2. Fit the references",
        "One energy per element explains almost all of the difference. How certain is each one?",
    ),
    (
        "pages/importance.py",
        "3. Explain the rest",
        "Which elements make formation energies differ, and what the MP2020 corrections change.",
    ),
    (
        "pages/offset.py",
        "4. Check the model",
        "How much of a pretrained model's error on your data is a mere offset?",
    ),
    (
        "pages/transfer.py",
        "5. Train",
        "Start from CHGNet's weights and new references, and watch the error fall.",
    ),
    (
        "pages/experiments.py",
        "6. Compare methods",
        "Methods and seeds on the same data, beside Table 1 of the paper.",
    ),
    (
        "pages/stability.py",
        "7. Judge stability",
        "Does the model tell which phases are stable? Its hulls beside those of the labels.",
    ),
    (
        "pages/scaling.py",
        "8. Fit the scaling law",
        "How the error falls with more training frames, and how many frames transfer saves.",
    ),
    (
        "pages/scaling.py",
        "9. Plan the data",
        "How many calculations a target error takes, what they cost, and which to run first.",
    ),
]
# The view that a step opens, on pages with several.
VIEWS = {"9. Plan the data": {"view": "Plan"}}


def main() -> None:
    head(
        "AtomRef Lab",
        "Move a pretrained interatomic potential from one DFT functional to a better one.",
    )
    with errors_shown():
        show_story()
    st.markdown(
        f"""
Universal potentials such as CHGNet are trained on millions of GGA and GGA+U calculations, while
better functionals such as r2SCAN have been applied to far fewer structures. The total energies of
the two differ by many eV/atom, by an amount that depends on the elements, so a model moved from one
to the other spends its training on unlearning offsets. The remedy is to refit the elemental
references, **AtomRef**, to the new functional before fine-tuning
([Huang et al., npj Comput. Mater. 2025]({PAPER})). Besides the four methods of that paper, the lab
offers a fifth, **residual**, which fits the references to what the pretrained network does not
explain.
"""
    )
    with errors_shown():
        show_counts()
    st.page_link(
        "pages/lesson.py",
        label="New here, or with a class? The lesson tells it in seven figures.",
        icon=":material/school:",
    )
    st.subheader("Nine steps")
    for row in (STEPS[:3], STEPS[3:6], STEPS[6:]):
        for column, (page, label, text) in zip(st.columns(3), row, strict=True):
            with column.container(border=True, height="stretch"):
                st.page_link(page, label=f"**{label}**", query_params=VIEWS.get(label))
                st.caption(text)
    st.caption(
        "The embedded structures are labelled by the released CHGNet models, not by DFT: they show "
        "how transfer works, not how good a functional is. Import your own data on the Data page."
    )


def show_story() -> None:
    """Show the embedded pairs before and after AtomRef."""
    summary, labels, figures = story(dark=is_dark())
    for column, figure, name in zip(
        st.columns(2, gap="medium"), figures, ("before", "after"), strict=True
    ):
        column.plotly_chart(figure, key=f"figure-{name}", theme=None, config=CONFIG)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        model_badge(labels)
        st.caption(
            f"{summary.n:,} materials in two functionals. Left: total energies, "
            f"{summary.mae:.0f} eV/atom apart. Right: the same after AtomRef, one fitted energy "
            f"per element and functional; r rises from {signed(summary.pearson_raw)} to "
            f"{signed(summary.pearson_scaled)}.",
            width="stretch",
        )


@st.cache_resource(max_entries=2, show_spinner="Comparing two functionals …")
def story(*, dark: bool) -> tuple[ShiftSummary, set[str], tuple[go.Figure, go.Figure]]:
    """Compare the embedded pairs once for all readers."""
    pairs = PairSelection(dataset=PAIRS).open().pairs
    summary = summarize(pairs)
    scaled = summary.scaled_source, summary.scaled_target
    figures = before_after(("overview",), pairs, scaled, height=420, dark=dark)
    before, after = map(resolved, figures)
    return summary, {pairs.source_labels, pairs.target_labels}, (before, after)


def show_counts() -> None:
    """Show how many data sets, models and runs the lab holds."""
    datasets, runs = list_datasets(), list_runs()
    states = [status.state for run in runs if (status := status_if_any(run))]
    cells = st.columns(4)
    cells[0].metric("Data sets", len(datasets), border=True)
    cells[1].metric(
        "Pretrained models",
        len(MODELS),
        border=True,
        help="Released with chgnet: "
        + ", ".join(f"{name} ({model.functional})" for name, model in MODELS.items()),
    )
    cells[2].metric("Runs", len(runs), border=True)
    cells[3].metric("Running now", states.count("running"), border=True)


main()
