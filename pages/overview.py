"""What the lab is, what it holds, and where to begin."""

import streamlit as st

from core.frames.registry import list_datasets
from core.potential.released import MODELS
from core.runs.record.listing import list_runs, status_if_any
from pages.parts.shared.page import errors_shown, head

PAPER = "https://doi.org/10.1038/s41524-025-01796-y"

head(
    "AtomRef Lab",
    "How do I move a pretrained interatomic potential from one DFT functional to a better one?",
)
st.markdown(
    f"""
Universal potentials such as CHGNet learnt from millions of GGA and GGA+U calculations; a better
functional such as r2SCAN has been afforded for far fewer structures. Total energies of the two lie
many eV/atom apart, by an amount that depends on the elements, so a model moved from one to the
other spends its training on unlearning offsets. The remedy is to refit the elemental references,
**AtomRef**, on the new functional before fine-tuning, as
[Huang et al. (npj Comput. Mater. 2025)]({PAPER}) showed. Here you see those energy scales, fit the
references that bring them together, and train CHGNet on the new functional from the browser. Beside
the paper's four methods stands a fifth, **residual**, which fits the references to what the
pretrained network leaves over.
"""
)

with errors_shown():
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

st.subheader("Eight steps")
STEPS = [
    (
        "pages/energy_shifts.py",
        "1. See the disagreement",
        "The same materials in both functionals: about ten eV/atom apart, and hardly correlated.",
    ),
    (
        "pages/atomref.py",
        "2. Fit the references",
        "One energy an element explains almost all of it. How sure is each of them?",
    ),
    (
        "pages/importance.py",
        "3. Explain what is left",
        "Which elements make formation energies differ, and what the MP2020 corrections do.",
    ),
    (
        "pages/offset.py",
        "4. Check the model",
        "Of a pretrained model's error on your data, how much is only an offset?",
    ),
    (
        "pages/transfer.py",
        "5. Train",
        "Start from CHGNet's weights and new references, and watch the error fall.",
    ),
    (
        "pages/experiments.py",
        "6. Compare",
        "Methods and seeds on the same data, with the paper's Table 1 for orientation.",
    ),
    (
        "pages/scaling.py",
        "7. Learn the law",
        "How the error falls with more frames, and how many of them transfer saves.",
    ),
    (
        "pages/scaling.py",
        "8. Plan the data",
        "How many calculations a target error takes, what they cost, and which come first.",
    ),
]
# Where a page has several views, the one that a step means.
VIEWS = {"8. Plan the data": {"view": "Plan"}}
for row in (STEPS[:4], STEPS[4:]):
    for column, (target, label, text) in zip(st.columns(4), row, strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(target, label=f"**{label}**", query_params=VIEWS.get(label))
            st.caption(text)

st.caption(
    "The embedded structures are labelled by the released CHGNet models, not by DFT: they show how "
    "transfer works, not how good a functional is. Your own data come in on the Data page."
)
