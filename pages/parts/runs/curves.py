"""What one run recorded while it trained: errors, gradients, speed."""

import streamlit as st

from core.figures.training.gradients import gradient_panels
from core.figures.training.learning_curves import Curve, learning_curves
from core.figures.training.run_curves import run_curves
from core.runs.record.directory import Run
from core.runs.results.curves import histories
from core.runs.results.matched import gradients
from core.runs.results.overlay import overlay
from core.runs.results.paper import DOI
from core.runs.results.quantities import AXES, Quantity, probes_of
from core.training.settings.metrics import METRICS
from pages.parts.runs.about import labels_of, source_line
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark, plain

HEIGHT = 340
SPEED = {
    "learning_rate": "The cosine falls ten times an epoch, to a hundredth of where it began.",
    "frames_per_second": "Training frames a second, without validation. The first epoch also warms "
    "up caches.",
    "memory_mb": "The highest so far: on CUDA what torch allocated on the device, elsewhere the "
    "resident memory of the process that leads.",
}


def show_errors(run: Run) -> None:
    """Show the history of every error that the run has labels for."""
    log_y = st.toggle(
        "Logarithmic errors",
        value=True,
        key="log",
        bind="query-params",
        help="Shows large and small errors in one figure.",
    )
    known = histories(run)
    if not known:
        with st.container(height=300, border=True):
            st.caption("The curves begin with the first validation, before the first step.")
        return
    columns = st.columns(2)
    for number, (key, history) in enumerate(known.items()):
        info = METRICS[key]
        figure = learning_curves(
            [Curve(label="this run", method=run.config.method, epochs=history)],
            metric=info.label,
            unit=info.unit,
            log_y=log_y,
            dark=is_dark(),
        )
        figure.update_layout(height=HEIGHT)
        with columns[number % 2]:
            show(
                figure,
                name=f"{run.id}-{key}",
                caption="Epoch 0 is the untrained model with its new references."
                if number == 0
                else f"{info.label} on the same frames.",
                source=plain(source_line(run)),
                labels=labels_of(run),
                table=history.copy,
            )


def show_gradients(run: Run) -> None:
    """Show the gradients of the paper's layers."""
    first = st.toggle(
        "First epoch only",
        value=False,
        key="first",
        bind="query-params",
        help="What the paper's Figure 3a shows.",
    )
    table = gradients([run])
    if first:
        table = table[table["epoch"] <= 1]
    if table.empty:
        st.info(
            "No gradients yet: they come ten times an epoch, and runs of older versions have none.",
            icon=":material/timeline:",
        )
        return
    show(
        gradient_panels(
            table, probes=probes_of([run]), methods=[run.config.method], dark=is_dark()
        ),
        name=f"{run.id}-gradients",
        caption="Norms of the gradient in the layers of the paper's "
        f"[Figure 3a](https://doi.org/{DOI}), ten times an epoch, mean over the steps since. Large "
        "ones say that the network is asked to unlearn offsets between functionals: compare a run "
        "with refitted references. AtomRef has a gradient only where it is trained.",
        source=plain(source_line(run)),
        labels=labels_of(run),
        table=lambda: table,
    )


def show_speed(run: Run) -> None:
    """Show the learning rate, the throughput and the memory."""
    columns = st.columns(2)
    for number, (kind, caption) in enumerate(SPEED.items()):
        quantity = Quantity(kind=kind)
        table = overlay([run], quantity, x="epoch")
        figure = run_curves(
            table,
            title=quantity.label,
            unit=quantity.unit,
            x_title=AXES["epoch"][0],
            dark=is_dark(),
        )
        figure.update_layout(height=HEIGHT, showlegend=False, margin={"b": 56})
        with columns[number % 2]:
            show(
                figure,
                name=f"{run.id}-{kind}",
                caption=caption if len(table) else "This run has not recorded it (yet).",
                source=plain(source_line(run)),
                labels=labels_of(run),
                table=table.copy,
            )
