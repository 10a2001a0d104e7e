"""Restarting lost runs, and removing what is left behind, while the dashboard runs."""

import threading

import streamlit as st
from streamlit import runtime

from core.home import home
from core.runs.groups.leftovers import remove_unlaunched
from core.runs.process.restart import watch
from core.sweeping import DAY, sweep


def restart_lost_runs() -> None:
    """Start restarting lost runs of this lab, and removing leftovers daily, once per server."""
    # In a test, a page finds a substitute for the server.
    if runtime.exists() and type(runtime.get_instance()) is runtime.Runtime:
        _watch(str(home()))


@st.cache_resource(show_spinner=False)
def _watch(lab: str) -> tuple[threading.Event, ...]:  # noqa: ARG001  one watch per lab
    return watch(), watch(seconds=DAY, check=sweep), watch(seconds=DAY, check=remove_unlaunched)
