"""While the dashboard runs, runs whose process was lost are started again."""

import threading

import streamlit as st
from streamlit import runtime

from core.home import home
from core.runs.process.restart import watch


def look_after_runs() -> None:
    """Begin to look after the runs of this lab, once a server."""
    # A page that is run by a test finds a stand-in for the server.
    if runtime.exists() and type(runtime.get_instance()) is runtime.Runtime:
        _watch(str(home()))


@st.cache_resource(show_spinner=False)
def _watch(lab: str) -> threading.Event:  # noqa: ARG001  one watch a lab
    return watch()
