"""The result of a study on a page: computed at once where that is quick, else by a job."""

import time
from typing import Any

import streamlit as st

from core.progress import duration_text
from core.studies.job.directory import Job, JobStatus
from core.studies.job.local import cancel, compute_here, seconds_left, start
from core.studies.study import Study
from pages.parts.shared.page import errors_shown, plain

QUICK = 6.0
"""Seconds up to which the page computes at once, with a progress bar."""

REFRESH = "1s"


def computed(study: Study, *, what: str = "") -> Any:
    """Return a study's result, or None while there is none; its state and controls are then shown.

    Args:
        study: the study; its result is saved for the next time.
        what: what is computed, in the singular, where a page has several studies.

    Raises:
        LabError: if settings and data do not fit together.
    """
    job = Job.of(study)
    if job.is_done:
        return _result(str(job.path), job)
    status = job.status()
    if status.state == "new" and study.seconds() <= QUICK:
        bar = st.progress(0.0, "Computing …")
        try:
            return compute_here(job, lambda share, what: bar.progress(min(share, 1.0), f"{what} …"))
        finally:
            bar.empty()
    st.fragment(_panel, run_every=REFRESH if status.state == "running" else None)(job, what)
    return None


@st.cache_resource(max_entries=32, show_spinner=False)
def _result(path: str, _job: Job) -> Any:  # noqa: ARG001  the path is the cache's key
    return _job.result()


def _panel(job: Job, what: str) -> None:
    with errors_shown(), st.container(border=True):
        status = job.status()
        if status.state == "done":
            st.rerun()
        if status.state == "running":
            _running(job, status)
        else:
            _idle(job, status, what)


def _running(job: Job, status: JobStatus) -> None:
    left = seconds_left(status, time.time())
    text = f"{status.what} …" + ("" if left is None else f" {duration_text(left)} left")
    st.progress(status.share, text)
    st.caption("It continues if you close this page; the result will be shown here.")
    if st.button(
        "Cancel",
        icon=":material/stop_circle:",
        key=f"cancel-{job.path.name}",
        help="Stops the computation; it can be started again.",
    ):
        cancel(job)
        st.rerun()


def _idle(job: Job, status: JobStatus, what: str) -> None:
    if status.state == "failed":
        st.error(plain(status.message), icon=":material/error:")
    elif status.state == "cancelled":
        st.info("Cancelled before it was done.")
    else:
        name = plain(what or "This")
        st.markdown(f"{name} has not been computed for these settings and data yet.")
    label = "Compute" if status.state == "new" else "Try again"
    seconds = duration_text(job.study.seconds())
    if st.button(
        f"{label} (about {seconds})",
        type="primary",
        icon=":material/play_arrow:",
        key=f"start-{job.path.name}",
        help="In the background; the result is kept for all readers.",
    ):
        start(job)
        st.rerun()
