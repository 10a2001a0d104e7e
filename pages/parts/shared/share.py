"""The link that brings another reader to the page as it stands."""

from urllib.parse import urlencode

import streamlit as st


@st.fragment
def share() -> None:
    """Show the button that tells the page's link.

    Opening it runs this fragment alone: by then all widgets of the page have run, and what they
    and clicks set is in the page's query.
    """
    with (
        st.container(horizontal=True, horizontal_alignment="right"),
        st.popover("Share", icon=":material/share:", key="share", on_change="rerun") as box,
    ):
        if box.open:
            st.caption(
                "This link opens the page in its present state, for anyone who can reach this lab."
            )
            st.code(link(), language=None, wrap_lines=True)


def link() -> str:
    """Return the address of the page with all that its widgets hold."""
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    query = urlencode(parameters, doseq=True)
    address = st.context.url or ""
    return f"{address}?{query}" if query else address
