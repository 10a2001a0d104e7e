"""Selected rows and points that are part of the page's link.

Streamlit cannot bind a selection to the query, so the callback of a click writes it there before
the page runs, and the page reads it back.
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
        table: rows, as `st.dataframe` takes them.
        ids: name of each row in the link.
        param: name in the query.
        key: key of the widget; another table needs another key.
        options: options of `st.dataframe`.

    Returns:
        The number of the selected row; None if no row of the table is selected.
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
    """Return the selection in the page's link."""
    return st.query_params.get(param)


def link_to(param: str, chosen: str | None) -> None:
    """Write a selection into the page's link; None removes it."""
    if chosen is not None:
        st.query_params[param] = chosen
    elif param in st.query_params:
        del st.query_params[param]


def _keep(key: str, ids: Sequence[str], param: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    link_to(param, ids[rows[0]] if rows and rows[0] < len(ids) else None)
