"""Jobs that make data sets or files, running or ended, whichever page or server started them."""

import time
from collections.abc import Callable

import streamlit as st

from core.progress import duration_text
from core.studies.job.directory import Job, JobStatus
from core.studies.job.listing import dismiss
from core.studies.job.local import cancel, seconds_left, start
from core.studies.study import OneTimeStudy
from pages.parts.shared.job import REFRESH
from pages.parts.shared.page import errors_shown, plain

ShowResult = Callable[[Job], None]


def show_jobs(listed: Callable[[], list[Job]], show_result: ShowResult) -> None:
    """Show a panel per job, which follows its progress.

    Args:
        listed: returns the jobs.
        show_result: shows what a job that is done has made.
    """
    jobs = listed()
    running = any(job.status().state == "running" for job in jobs)
    st.fragment(_panels, run_every=REFRESH if running else None)(
        listed, show_result, [job.path.name for job in jobs]
    )


def _panels(listed: Callable[[], list[Job]], show_result: ShowResult, shown: list[str]) -> None:
    jobs = listed()
    if [job.path.name for job in jobs] != shown:
        st.rerun()
    for job in jobs:
        if isinstance(job.study, OneTimeStudy):
            with errors_shown(), st.container(border=True):
                _panel(job, job.study, show_result)


def _panel(job: Job, study: OneTimeStudy, show_result: ShowResult) -> None:
    status = job.status()
    if status.state == "running":
        _running(job, study, status)
        return
    if st.session_state.pop(f"ran-{job.path.name}", False):
        st.rerun()  # the list of data sets above has changed
    with st.container(horizontal=True, gap="small"):
        if status.state == "done":
            show_result(job)
        elif status.state == "cancelled":
            kept = "" if study.n_kept else "; nothing was made"
            st.info(plain(f"{study.verb} {study.name} was cancelled{kept}."))
        else:
            st.error(plain(f"{study.name}: {status.message}"), icon=":material/error:")
        if status.state != "done":
            n = study.n_kept
            if n:
                st.caption(f"{n:,} frames are kept; it goes on behind them.")
            if st.button(
                "Resume" if n else "Start again",
                icon=":material/restart_alt:",
                key=f"again-{job.path.name}",
                help="Goes on where it was stopped, as far as it can.",
            ):
                start(job)
                st.rerun()
        if st.button(
            "Dismiss",
            icon=":material/close:",
            key=f"dismiss-{job.path.name}",
            help="Removes this message.",
        ):
            dismiss(job)
            st.rerun()


def _running(job: Job, study: OneTimeStudy, status: JobStatus) -> None:
    st.session_state[f"ran-{job.path.name}"] = True
    left = seconds_left(status, time.time())
    text = f"{study.verb} {study.name}: {status.what} …"
    st.progress(status.share, plain(text if left is None else f"{text} {duration_text(left)} left"))
    st.caption("It continues if you close this page, and if the server restarts.")
    if st.button(
        "Cancel",
        icon=":material/stop_circle:",
        key=f"cancel-{job.path.name}",
        help="Stops it; it can be started again.",
    ):
        cancel(job)
        st.rerun()
