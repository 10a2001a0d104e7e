"""Imports that run or have ended, whichever page or server started them."""

import time

import streamlit as st

from core.progress import duration_text
from core.studies.imports import ImportStudy
from core.studies.job.directory import Job, JobStatus
from core.studies.job.imports import dismiss, import_jobs
from core.studies.job.local import cancel, seconds_left, start
from pages.parts.shared.job import REFRESH
from pages.parts.shared.page import errors_shown, plain


def show_imports() -> None:
    jobs = import_jobs()
    running = any(job.status().state == "running" for job in jobs)
    st.fragment(_panels, run_every=REFRESH if running else None)([job.path.name for job in jobs])


def _panels(shown: list[str]) -> None:
    jobs = import_jobs()
    if [job.path.name for job in jobs] != shown:
        st.rerun()
    for job in jobs:
        if isinstance(job.study, ImportStudy):
            with errors_shown(), st.container(border=True):
                _panel(job, job.study)


def _panel(job: Job, study: ImportStudy) -> None:
    status = job.status()
    if status.state == "running":
        _running(job, study, status)
        return
    was_running = st.session_state.pop(f"import-{job.path.name}", False)
    if was_running:
        st.rerun()  # the list of data sets above has changed
    if status.state == "done":
        result = job.result()
        st.success(plain(f"Imported {result.name}. {result.description}"))
        for text in result.findings:
            st.warning(plain(text), icon=":material/straighten:")
    elif status.state == "cancelled":
        st.info(plain(f"The import of {study.name} was cancelled; nothing was imported."))
    else:
        message = status.message or "It has not been started."
        st.error(plain(f"{study.name}: {message}"), icon=":material/error:")
    left, right, _ = st.columns([1, 1, 4])
    if status.state != "done" and left.button(
        "Start again", icon=":material/restart_alt:", key=f"again-{job.path.name}"
    ):
        start(job)
        st.rerun()
    if right.button("Dismiss", icon=":material/close:", key=f"dismiss-{job.path.name}"):
        dismiss(job)
        st.rerun()


def _running(job: Job, study: ImportStudy, status: JobStatus) -> None:
    st.session_state[f"import-{job.path.name}"] = True
    left = seconds_left(status, time.time())
    text = f"Importing {study.name}: {status.what} …"
    st.progress(status.share, plain(text if left is None else f"{text} {duration_text(left)} left"))
    st.caption("It continues if you close this page, and if the server restarts.")
    if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel-{job.path.name}"):
        cancel(job)
        st.rerun()
