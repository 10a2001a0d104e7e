"""The result of a study on a page: done in place where that is quick, else as a job to watch."""

import time
from typing import Any

import streamlit as st

from core.progress import duration_text
from core.studies.job.directory import Job, JobStatus
from core.studies.job.local import begin, cancel, do_here, time_left
from core.studies.study import Study
from pages.parts.shared.page import errors_shown, plain

QUICK = 6.0
"""Seconds up to which a reader waits in front of a progress bar."""

REFRESH = "1s"


def computed(study: Study) -> Any:
    """Return a study's result, or None while there is none; then its state and controls are shown.

    Args:
        study: what is asked. Its result is kept on disk for whoever asks the same again.

    Raises:
        LabError: settings and data do not fit together.
    """
    job = Job.of(study)
    if job.is_done:
        return _kept(str(job.path), job)
    status = job.status()
    if status.state == "new" and study.seconds() <= QUICK:
        bar = st.progress(0.0, "Computing …")
        try:
            return do_here(job, lambda share, what: bar.progress(min(share, 1.0), f"{what} …"))
        finally:
            bar.empty()
    st.fragment(_panel, run_every=REFRESH if status.state == "running" else None)(job)
    return None


@st.cache_resource(max_entries=32, show_spinner=False)
def _kept(path: str, _job: Job) -> Any:  # noqa: ARG001  the path is the cache's key
    return _job.result()


def _panel(job: Job) -> None:
    with errors_shown(), st.container(border=True):
        status = job.status()
        if status.state == "done":
            st.rerun()
        if status.state == "running":
            _running(job, status)
        else:
            _idle(job, status)


def _running(job: Job, status: JobStatus) -> None:
    left = time_left(status, time.time())
    told = f"{status.what} …" + ("" if left is None else f" {duration_text(left)} left")
    st.progress(status.share, told)
    st.caption(
        "It goes on without this page; the result is kept and shows here when you come back."
    )
    if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel-{job.path.name}"):
        cancel(job)
        st.rerun()


def _idle(job: Job, status: JobStatus) -> None:
    if status.state == "failed":
        st.error(plain(status.message), icon=":material/error:")
    elif status.state == "cancelled":
        st.info("Cancelled before it was done.")
    else:
        st.markdown("This has not been computed for these settings and data yet.")
    again = "Compute" if status.state == "new" else "Try again"
    seconds = duration_text(job.study.seconds())
    if st.button(
        f"{again} (about {seconds})",
        type="primary",
        icon=":material/play_arrow:",
        key=f"begin-{job.path.name}",
    ):
        begin(job)
        st.rerun()
