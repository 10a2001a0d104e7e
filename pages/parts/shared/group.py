"""Experiments and sweeps on pages: the list of them, and the progress and controls of one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.progress import duration_text
from core.runs.groups.group import Group
from core.runs.groups.progress import GroupProgress
from pages.parts.shared.page import errors_shown, plain
from pages.parts.shared.selection import link_to, linked_table
from pages.parts.shared.share import report_buttons, reportable

REFRESH = "3s"

Panel = Callable[[GroupProgress, DeltaGenerator], None]
"""Shows the rest of a group's panel; takes its progress and the container of its buttons."""


def list_groups(groups: Sequence[Group], *, param: str) -> None:
    """Show experiments or sweeps in a table; selecting a row opens one.

    Args:
        groups: at least one.
        param: name of the opened group in the page's address.
    """
    kind = groups[0].kind
    row = linked_table(
        [_row(group) for group in groups],
        [group.id for group in groups],
        param=param,
        key=f"{kind}s-{len(groups)}",
        hide_index=True,
        column_config={
            "id": kind.capitalize(),
            "name": "Name",
            "created": "Created",
            "dataset": "Data set",
            "sizes": "Sizes",
            "methods": "Methods",
            "seeds": st.column_config.NumberColumn("Seeds"),
            "done": st.column_config.ProgressColumn(
                "Runs finished", format="percent", min_value=0, max_value=1
            ),
        },
    )
    st.caption("Select a row to open it.")
    if row is not None:
        st.rerun()


def _row(group: Group) -> dict[str, Any]:
    summary = group.summary()
    texts = {key: ", ".join(map(str, values)) for key, values in group.axes().items()}
    return {
        "id": group.id,
        "name": group.name,
        "created": datetime.fromtimestamp(group.created).strftime("%Y-%m-%d %H:%M"),
        "dataset": summary["dataset"],
        **texts,
        "seeds": len(group.seeds),
        "done": summary["finished"] / max(1, summary["of"]),
    }


def show_title(group: Group, *, param: str) -> None:
    """Show the name of an experiment or a sweep, and a button back to the list.

    Args:
        group: the experiment or sweep.
        param: its name in the page's address.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(group.name or group.id), anchor=False, width="stretch")
        st.button(
            f"All {group.kind}s",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=link_to,
            args=(param, None),
            help="Back to the list.",
        )


def show_panel(group: Group, panel: Panel, *, param: str) -> None:
    """Show the progress and the controls of a group; they refresh while its runs wait or train.

    Args:
        group: the experiment or sweep.
        panel: shows what follows.
        param: its name in the page's address.
    """
    live = group.progress().active > 0
    fragment = st.fragment(_panel, run_every=REFRESH if live else None)
    fragment(group, panel, param=param, live=live)


def _panel(group: Group, panel: Panel, *, param: str, live: bool) -> None:
    progress = group.progress()
    if (progress.active > 0) != live:
        st.rerun()
    with errors_shown():
        text = f"{progress.finished} of {progress.of} runs finished"
        if progress.eta_s is not None:
            text += f", about {duration_text(progress.eta_s)} left"
        st.progress(min(progress.share, 1.0), text)
        buttons = st.container(horizontal=True, vertical_alignment="center")
        with buttons:
            if progress.active:
                _button("Cancel all", ":material/stop:", group.cancel, group)
            else:
                if progress.finished < progress.of:
                    _button("Resume the rest", ":material/play_arrow:", group.resume, group)
                _delete(group, param)
            if progress.finished:
                report_buttons(group.id, key=group.id)
                reportable(group.id)
        if progress.failure:
            st.error(plain(progress.failure), icon=":material/error:")
        panel(progress, buttons)


def _button(label: str, icon: str, action: Callable[[], None], group: Group) -> None:
    if st.button(
        label,
        icon=icon,
        key=f"{label}-{group.id}",
        help="Applies to all runs that have not finished.",
    ):
        action()
        st.rerun()


def _delete(group: Group, param: str) -> None:
    with st.popover("Delete", icon=":material/delete:", help="Asks before it deletes."):
        n_runs = len(group.existing_runs())
        st.markdown(f"Delete this {group.kind} with its {n_runs} runs and their models?")
        if st.button(
            "Delete for good",
            type="primary",
            key=f"delete-{group.id}",
            help="Removes it with all its runs and checkpoints.",
        ):
            group.delete()
            link_to(param, None)
            st.rerun()
