"""Several runs in one figure: any quantity they recorded, smoothed, against one of them."""

import streamlit as st

from core.runs.record.directory import Run
from core.runs.results.about import provenance_of
from core.runs.results.comparison import label_of
from core.runs.results.curves import overlay
from core.runs.results.quantities import AXES, ERRORS, KINDS, Quantity, probes_of
from pages.parts.runs.curves import choose_metric, show_curves
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import plain
from pages.parts.shared.views import one_of

MAX_RUNS = 12
CAPTIONS = {
    "validation": "A run begins with the untrained model: the effect of its references.",
    "train": "Each point is the mean over a tenth of an epoch, before the steps.",
    "loss": "Mean over a tenth of an epoch. Compare losses only between runs with the same ratios.",
    "learning_rate": "The cosine falls ten times per epoch.",
    "frames_per_second": "Training frames per second in each epoch, without validation.",
    "memory_mb": "Highest memory of the leading process so far: torch's on CUDA, else resident.",
    "gradient": "Mean over a tenth of an epoch. Large gradients: the network unlearns offsets.",
}


def show_overlay(chosen: list[Run]) -> None:
    """Show a quantity of the chosen runs, drawn as the reader chooses."""
    st.subheader("Curves", anchor=False)
    runs = chosen[:MAX_RUNS]
    quantity = _quantity(runs)
    if quantity is None:
        st.info("None of these runs has recorded gradients.", icon=":material/timeline:")
        return
    x, strength, baseline, log_x, log_y = _drawing(runs)
    table = overlay(runs, quantity, x=x, strength=strength, baseline=baseline)
    drawn = [run for run in runs if run.id in set(table["run"])]
    notes = [CAPTIONS[quantity.kind]]
    if baseline is not None:
        name = plain(label_of(baseline))
        notes.append(f"Below the dashed line a run is lower than {name} at the same place.")
    if strength:
        notes.append("Pale lines are as recorded.")
    if log_x:
        notes.append("A logarithmic axis leaves out the beginning, at 0.")
    if len(drawn) < len(runs):
        notes.append(f"{len(runs) - len(drawn)} of the runs have not recorded it.")
    if len(chosen) > MAX_RUNS:
        notes.append(f"Only the first {MAX_RUNS} ticked runs.")
    show_provenance(provenance_of(*drawn))
    show_curves(
        table,
        drawn,
        title=quantity.label,
        unit=quantity.unit,
        name="-".join(filter(None, ("runs", quantity.kind, quantity.of, x))),
        caption=" ".join(notes),
        x=x,
        baseline=baseline,
        log_x=log_x,
        log_y=log_y,
    )


def _quantity(runs: list[Run]) -> Quantity | None:
    """Let the reader choose what is drawn; None where no run has recorded it."""
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    kind = left.selectbox(
        "Quantity",
        list(KINDS),
        format_func=lambda key: KINDS[key].label,
        key="quantity",
        bind="query-params",
        help="What is drawn of all selected runs.",
    )
    if kind in ERRORS:
        with right:
            return Quantity(kind=kind, of=choose_metric())
    if kind != "gradient":
        return Quantity(kind=kind)
    probes = probes_of(runs)
    if not probes:
        return None
    probe = right.selectbox(
        "Layer",
        probes,
        key="probe",
        bind="query-params",
        help="The layers of the paper's Figure 3a. AtomRef has a gradient only where it is "
        "trained.",
    )
    return Quantity(kind=kind, of=probe)


def _drawing(runs: list[Run]) -> tuple[str, float, Run | None, bool, bool]:
    """Let the reader choose how it is drawn: axis, smoothing, baseline, log x, log y."""
    left, middle, right = st.columns([4, 2, 2], vertical_alignment="center")
    x = one_of(
        left,
        "Against",
        list(AXES),
        format_func=lambda key: AXES[key][0],
        default="epoch",
        key="x",
        wrap=True,
        help="Frames seen are epochs times training frames. Training time counts compiling and "
        "validation, not pauses.",
    )
    log_x = middle.toggle(
        "Logarithmic x",
        value=False,
        key="log_x",
        bind="query-params",
        help="Shows the first steps in detail.",
    )
    log_y = right.toggle(
        "Logarithmic y",
        value=True,
        key="log",
        bind="query-params",
        help="Values within a factor of three keep a linear axis; so do differences.",
    )
    left, right = st.columns(2)
    strength = left.slider(
        "Smoothing",
        min_value=0.0,
        max_value=0.99,
        value=0.0,
        step=0.01,
        key="smooth",
        bind="query-params",
        help="Weight of the past in an exponential moving average, free of bias toward the "
        "beginning.",
    )
    by_label = {label_of(run): run for run in runs}
    baseline = right.selectbox(
        "Minus the baseline",
        list(by_label),
        index=None,
        placeholder="none",
        key="baseline",
        bind="query-params",
        help="Shows how far each run is above or below this one at the same place.",
    )
    return x, strength, by_label.get(baseline or ""), log_x, log_y
