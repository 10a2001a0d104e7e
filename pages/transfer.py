"""Set up a transfer run, see what its references will do, start it and watch it."""

import streamlit as st

from pages.parts.runs.view import find, show_run
from pages.parts.shared.page import errors_shown, head, plain
from pages.parts.training.form import show_form


def main() -> None:
    head("Transfer", "How well does a pretrained CHGNet learn another functional, and how fast?")
    with errors_shown():
        # Set by the launch button: a link of its own lets a reload or another tab find the run.
        if launched := st.session_state.pop("launched", None):
            st.switch_page("pages/transfer.py", query_params={"run": launched})
        if run_id := st.query_params.get("run"):
            watch(run_id)
        else:
            prepare()


def watch(run_id: str) -> None:
    # A run opens on its first view, whatever was last looked at of another.
    if st.session_state.get("watched") != run_id and "shows" not in st.query_params:
        st.session_state.pop("shows", None)
    st.session_state["watched"] = run_id
    run = find(run_id)
    if run is not None:
        show_run(run)
        return
    st.info(f"There is no run {plain(run_id)} (any more).", icon=":material/search_off:")
    st.page_link("pages/transfer.py", label="New run", icon=":material/add:")
    st.page_link("pages/runs.py", label="All runs", icon=":material/list:")


def prepare() -> None:
    if st.session_state.pop("watched", None):
        # A link from this page to itself leaves the run in the browser's address, and with the
        # next click the run would be back.
        st.query_params["run"] = ""
        del st.query_params["run"]
    show_form()


main()
