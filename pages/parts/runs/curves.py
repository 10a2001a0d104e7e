"""What runs recorded while they trained: errors, gradients, speed."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.figures.training.gradients import gradient_panels
from core.figures.training.rate_finder import rate_curve
from core.figures.training.run_curves import run_curves
from core.runs.record.directory import Run
from core.runs.results.about import provenance_of
from core.runs.results.comparison import label_of
from core.runs.results.curves import error_curves, gradient_norms, overlay, rate_search
from core.runs.results.paper import DOI
from core.runs.results.quantities import AXES, Quantity, probes_of
from core.training.settings.methods import METHODS
from core.training.settings.metrics import METRICS, MetricInfo
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of

HEIGHT = 340
SPEED = {
    "learning_rate": "The cosine falls ten times per epoch, to a hundredth of its initial value.",
    "frames_per_second": "Training frames per second, without validation. The first epoch also "
    "fills caches.",
    "memory_mb": "The highest so far: on CUDA the memory that torch allocated on the device, "
    "elsewhere the resident memory of the leading process.",
}


def show_curves(
    table: Any,
    runs: Sequence[Run],
    *,
    title: str,
    unit: str,
    name: str,
    caption: str,
    x: str = "epoch",
    baseline: Run | None = None,
    log_x: bool = False,
    log_y: bool = False,
    height: int | None = None,
) -> None:
    """Show one quantity of runs.

    Args:
        table: as `core.figures.training.run_curves.run_curves` draws it.
        runs: the runs in it.
        title: name of the quantity.
        unit: its unit.
        name: unique on the page; names the widget and the files.
        caption: one line on what to see.
        x: key of `core.runs.results.quantities.AXES`.
        baseline: run that was subtracted.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
        height: height in px of a figure without a legend; None for the default with one.
    """
    x_title, x_unit = AXES[x]
    figure = run_curves(
        table,
        title=title,
        unit=unit,
        x_title=x_title,
        x_unit=x_unit,
        log_x=log_x,
        log_y=log_y,
        baseline=None if baseline is None else label_of(baseline),
        dark=is_dark(),
    )
    if height is not None:
        figure.update_layout(height=height)
    show(
        figure,
        name=name,
        caption=caption,
        source=provenance_of(*runs),
        table=lambda: table.assign(quantity=title, unit=unit, axis=x_title),
    )


def choose_metric(metrics: Mapping[str, MetricInfo] = METRICS) -> str:
    """Let the reader choose a metric; the choice is part of the page's address."""
    return one_of(
        st,
        "Error of",
        list(metrics),
        format_func=lambda key: metrics[key].label.removesuffix(" MAE"),
        default=next(iter(metrics)),
        key="metric",
        wrap=True,
        help="The label whose error is drawn.",
    )


def show_errors(run: Run) -> None:
    """Show the history of every error that the run has labels for."""
    log_y = st.toggle(
        "Logarithmic errors",
        value=True,
        key="log",
        bind="query-params",
        help="Shows large and small errors in one figure.",
    )
    curves = error_curves(run)
    if not curves:
        with st.container(height=300, border=True):
            st.caption("The curves begin with the first validation, before the first step.")
        return
    columns = st.columns(2)
    for number, (key, table) in enumerate(curves.items()):
        info = METRICS[key]
        with columns[number % 2]:
            show_curves(
                table,
                [run],
                title=info.label,
                unit=info.unit,
                name=f"{run.id}-{key}",
                caption=f"Epoch 0 is {_first(run)}."
                if number == 0
                else f"{info.label} on the same frames.",
                log_y=log_y,
                height=HEIGHT,
            )


def _first(run: Run) -> str:
    """Return in words what a run's first validation is of."""
    if METHODS[run.config.method].closed_form:
        return "the closed form, before any training"
    return "the untrained model with its new references"


def show_gradients(runs: Sequence[Run], *, name: str, first_epoch: bool) -> None:
    """Show the gradients of the paper's layers.

    Args:
        runs: the runs.
        name: unique on the page; names the widget and the files.
        first_epoch: whether later epochs are left out at first.
    """
    first = st.toggle(
        "First epoch only",
        value=first_epoch,
        key="first",
        bind="query-params",
        help="What the paper's Figure 3a shows.",
    )
    table = gradient_norms(runs, first_epoch=first)
    if table.empty:
        st.info(
            "No gradients yet: they come ten times per epoch, and runs of older versions have "
            "none.",
            icon=":material/timeline:",
        )
        return
    methods = {run.config.method for run in runs}
    show(
        gradient_panels(
            table,
            probes=probes_of(runs),
            methods=[method for method in METHODS if method in methods],
            dark=is_dark(),
        ),
        name=name,
        caption="Norms of the gradient in the layers of the paper's "
        f"[Figure 3a](https://doi.org/{DOI}), ten times per epoch, mean over the steps since; a "
        "band is the range over seeds. With references of the wrong functional the network has to "
        "unlearn offsets, and gradients are larger; the Huber loss keeps them from growing with "
        "the offset. AtomRef has a gradient only where it is trained.",
        source=provenance_of(*runs),
        table=lambda: table,
    )


def show_speed(run: Run) -> None:
    """Show the learning rate, how it was found, the throughput and the memory."""
    search, suggestion = rate_search(run)
    if run.config.rate_from == "found" and len(search):
        show(
            rate_curve(search, suggestion=suggestion, method=run.config.method, dark=is_dark()),
            name=f"{run.id}-rate-search",
            caption="Training loss while the learning rate grew from step to step, before the "
            "training; the run began with the rate at which the smoothed loss falls most steeply.",
            source=provenance_of(run),
            table=lambda: search,
        )
    columns = st.columns(2)
    for number, (kind, caption) in enumerate(SPEED.items()):
        quantity = Quantity(kind=kind)
        table = overlay([run], quantity)
        with columns[number % 2]:
            show_curves(
                table,
                [run],
                title=quantity.label,
                unit=quantity.unit,
                name=f"{run.id}-{kind}",
                caption=caption if len(table) else "This run has not recorded it (yet).",
                height=HEIGHT,
            )
