"""The one run that everybody in the room follows."""

import streamlit as st

from core.figures.training.run_curves import run_curves
from core.progress import duration_text
from core.runs.groups.lesson import lesson_run, recorded, start_lesson
from core.runs.record.directory import Run
from core.runs.record.listing import queue_ahead, status_if_any
from core.runs.results.curves import overlay
from core.runs.results.quantities import Quantity
from core.training.settings.metrics import METRICS
from pages.parts.lesson.figures import Shown, of_runs
from pages.parts.lesson.frame import show_figure
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import errors_shown, is_dark, plain

METRIC = "energy_mae_mev_per_atom"
REFRESH = "2s"


def show_live(*, large: bool) -> None:
    """Show the run, or how to start it; while it trains, the view refreshes itself."""
    run = lesson_run()
    status = None if run is None else status_if_any(run)
    live = status is not None and status.is_active
    if not large:
        show_provenance(of_runs())
    st.fragment(_panel, run_every=REFRESH if live else "10s")(live=live, large=large)


def _panel(*, live: bool, large: bool) -> None:
    run = lesson_run()
    status = None if run is None else status_if_any(run)
    if (status is not None and status.is_active) != live:
        st.rerun()
    with errors_shown():
        _control(run)
        show_figure(_curves(run), "live", large=large)


def _control(run: Run | None) -> None:
    """Show the state of the run; a button where nobody has started it."""
    status = None if run is None else status_if_any(run)
    if run is None or status is None:
        _start("Start the run for everyone")
    elif status.state == "finished":
        time = duration_text(status.duration) if status.duration else "no time"
        st.success(f"Trained in {time}.", icon=":material/check_circle:")
    elif status.is_active:
        ahead = len(queue_ahead(run))
        text = f"Epoch {status.epoch:.1f} of {status.epochs}. {plain(status.message)}"
        st.progress(status.done_share, f"{text} Runs ahead: {ahead}." if ahead else text)
    else:
        st.warning(plain(status.message), icon=":material/stop_circle:")
        _start("Continue the run for everyone")


def _start(label: str) -> None:
    if st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        key="start-lesson",
        help="Starts one training on this server, which everybody then follows.",
    ):
        start_lesson()
        st.rerun()


def _curves(run: Run | None) -> Shown:
    """Return the run's validation error over those that were recorded before."""
    table = recorded("curves")
    if run is not None:
        own = overlay([run], Quantity(kind="validation", of=METRIC), label=lambda _: "live run")
        if len(own):
            earlier = table[table["method"] != run.config.method]
            table = type(table)([*earlier.to_dict("records"), *own.to_dict("records")])
    info = METRICS[METRIC]
    return Shown(
        figure=run_curves(
            table,
            title=f"Validation {info.label[0].lower()}{info.label[1:]}",
            unit=info.unit,
            x_title="Epoch",
            log_y=True,
            dark=is_dark(),
        ),
        caption="Errors on materials that no training saw, on a logarithmic axis. Epoch 0 is the "
        "pretrained network with its new references; frozen has the old ones, and refit has none "
        "for elements that 100 frames lack.",
        source=of_runs(),
        table=lambda: table,
    )
