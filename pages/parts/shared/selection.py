"""Selected rows and points that are part of the page's link.

Streamlit binds no selection to the query, so it is kept there by hand: the callback of a click
writes what was chosen before the page runs, and the page reads it back.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st


def linked_table(
    table: Any, ids: Sequence[str], *, param: str, key: str, **options: Any
) -> int | None:
    """Show a table whose selected row is in the page's link.

    Args:
        table: Rows, as `st.dataframe` takes them.
        ids: What names each row in the link.
        param: Name in the query.
        key: Names the table; another table needs another key.
        options: For `st.dataframe`.

    Returns:
        The number of the selected row; None where none is, or the link names one that is not here.
    """
    chosen = linked(param)
    row = ids.index(chosen) if chosen in ids else None
    rows = [] if row is None else [row]
    st.dataframe(
        table,
        key=key,
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        on_select=partial(_keep, key, ids, param),
        **options,
    )
    return row


def linked(param: str) -> str | None:
    """Return what the page's link says was chosen."""
    return st.query_params.get(param)


def link_to(param: str, chosen: str | None) -> None:
    """Write into the page's link what was chosen; None takes it out."""
    if chosen is not None:
        st.query_params[param] = chosen
    elif param in st.query_params:
        del st.query_params[param]


def _keep(key: str, ids: Sequence[str], param: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    link_to(param, ids[rows[0]] if rows and rows[0] < len(ids) else None)
