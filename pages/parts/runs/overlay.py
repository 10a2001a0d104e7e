"""Several runs in one figure: any quantity they recorded, smoothed, against one of them."""

import streamlit as st

from core.figures.training.run_curves import run_curves
from core.runs.record.directory import Run
from core.runs.results.comparison import label_of
from core.runs.results.overlay import overlay
from core.runs.results.quantities import AXES, KINDS, Quantity, probes_of
from core.training.settings.metrics import METRICS
from pages.parts.runs.about import labels_of, source_line
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain

MOST_OVERLAID = 12
CAPTIONS = {
    "validation": "Where a run begins is the untrained model: what its references did.",
    "train": "Each point is the mean over a tenth of an epoch, before the steps.",
    "loss": "Mean over a tenth of an epoch. Losses compare only between runs with the same ratios.",
    "learning_rate": "The cosine falls ten times an epoch.",
    "frames_per_second": "Training frames a second in each epoch, without validation.",
    "memory_mb": "Highest memory of the leading process so far: torch's on CUDA, else resident.",
    "gradient": "Mean over a tenth of an epoch. Large gradients: the network unlearns offsets.",
}


def show_overlay(chosen: list[Run]) -> None:
    """Show a quantity of the chosen runs, as the reader wants it drawn."""
    st.subheader("Curves", anchor=False)
    runs = chosen[:MOST_OVERLAID]
    quantity = _quantity(runs)
    if quantity is None:
        st.info("None of these runs has recorded gradients.", icon=":material/timeline:")
        return
    x, strength, baseline, log_x, log_y = _drawing(runs)
    table = overlay(runs, quantity, x=x, strength=strength, baseline=baseline)
    told = [run for run in runs if run.id in set(table["run"])]
    x_title, x_unit = AXES[x]
    notes = [CAPTIONS[quantity.kind]]
    if baseline is not None:
        notes.append(
            f"Below the dashed line a run is lower than {plain(label_of(baseline))} at the same "
            "place."
        )
    if strength:
        notes.append("Pale lines are as recorded.")
    if log_x:
        notes.append("A logarithmic axis has no place for the beginning, at 0.")
    if len(told) < len(runs):
        notes.append(f"{len(runs) - len(told)} of the runs have nothing to show here.")
    if len(chosen) > MOST_OVERLAID:
        notes.append(f"Only the first {MOST_OVERLAID} ticked runs.")
    show(
        run_curves(
            table,
            title=quantity.label,
            unit=quantity.unit,
            x_title=x_title,
            x_unit=x_unit,
            log_x=log_x,
            log_y=log_y,
            baseline=None if baseline is None else label_of(baseline),
            dark=is_dark(),
        ),
        name="-".join(filter(None, ("runs", quantity.kind, quantity.of, x))),
        caption=" ".join(notes),
        source=plain(" ".join(sorted({source_line(run) for run in told}))),
        labels=labels_of(*told) if told else "",
        table=lambda: table.assign(quantity=quantity.label, unit=quantity.unit, axis=x_title),
    )


def _quantity(runs: list[Run]) -> Quantity | None:
    """Let the reader choose what is drawn; None where there is nothing of the kind."""
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    kind = left.selectbox(
        "Quantity", list(KINDS), format_func=KINDS.__getitem__, key="quantity", bind="query-params"
    )
    if kind in {"validation", "train"}:
        metric = right.segmented_control(
            "Error of",
            list(METRICS),
            format_func=lambda key: METRICS[key].label.removesuffix(" MAE"),
            default=next(iter(METRICS)),
            required=True,
            key="metric",
            bind="query-params",
        )
        return Quantity(kind=kind, of=metric)
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
    x = left.segmented_control(
        "Against",
        list(AXES),
        format_func=lambda key: AXES[key][0],
        default="epoch",
        required=True,
        key="x",
        bind="query-params",
        help="Frames seen are epochs times training frames. Training time counts compiling and "
        "validation, not pauses.",
    )
    log_x = middle.toggle("Logarithmic x", value=False, key="log_x", bind="query-params")
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
