"""What the user clicked in a figure."""

from collections.abc import Iterable, Mapping
from typing import Any


def picked(event: Mapping[str, Any] | None) -> list[str]:
    """Return what the user clicked: the `customdata` of the selected points.

    Args:
        event: what `st.plotly_chart(on_select="rerun")` returns, or None.

    Returns:
        Symbols or ids in the order of the clicks, each once; empty when nothing is selected.
    """
    points = ((event or {}).get("selection") or {}).get("points") or []
    data = [point.get("customdata") for point in points]
    # plotly may wrap the value of a point in a list
    names = [(value or [None])[0] if isinstance(value, list | tuple) else value for value in data]
    return list(dict.fromkeys(str(name) for name in names if name is not None))


def toggled(selected: Iterable[str], event: Mapping[str, Any] | None) -> list[str]:
    """Return the selection after a click: what was clicked enters, or leaves if it was in.

    A figure that outlines its selection is a new figure to Streamlit after every click, and the
    state of the old one is gone with it. So keep the selection in the session state and change it
    with this function in the callback that is given as `on_select`.

    Args:
        selected: symbols or ids selected before the click.
        event: the state of the chart, `st.session_state[key]` within the callback.

    Returns:
        The new selection: those that stay in their old order, then the new ones.
    """
    before, clicked = list(selected), picked(event)
    remaining = [name for name in before if name not in clicked]
    return remaining + [name for name in clicked if name not in before]
