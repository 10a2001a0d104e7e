"""The reader's own sweeps: which there are, how one stands, and what can be done with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LabError
from core.runs.groups import sweep as sweeps
from core.runs.record.listing import status_if_any
from core.runs.record.progress import duration_text
from core.runs.results.comparison import method_label
from core.training.settings.methods import METHODS
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.shared.selection import link_to, linked, linked_table
from pages.parts.shared.views import open_view
from pages.parts.sweeps.numbers import numbers_of, words_of

REFRESH = "3s"


def show_sweeps() -> None:
    """Show the sweeps there are and the form of a new one, or the one that the link names."""
    known = sweeps.list_sweeps()
    chosen = next((one for one in known if one.id == linked("own")), None)
    if chosen is not None:
        _show_sweep(chosen)
        return
    _list(known)
    # It waits for torch; a look at the sweeps does not.
    from pages.parts.sweeps.form import show_form  # noqa: PLC0415

    show_form()


def _list(known: list[sweeps.Sweep]) -> None:
    if not known:
        st.info(
            "No sweep of your own yet. One form starts all its runs; they train one after another "
            "on a device, the cheapest first, and curves fill in as they end.",
            icon=":material/trending_down:",
        )
        return
    row = linked_table(
        pd.DataFrame([_row(one) for one in known]),
        [one.id for one in known],
        param="own",
        key=f"sweeps-{len(known)}",
        hide_index=True,
        column_config={
            "id": "Sweep",
            "name": "Name",
            "made": "Made",
            "data": "Data set",
            "sizes": "Sizes",
            "methods": "Methods",
            "seeds": st.column_config.NumberColumn("Seeds"),
            "done": st.column_config.ProgressColumn(
                "Runs finished", format="percent", min_value=0, max_value=1
            ),
        },
    )
    st.caption("Select a row to open a sweep.")
    if row is not None:
        st.rerun()


def _row(one: sweeps.Sweep) -> dict[str, Any]:
    there = sweeps.progress(one)
    return {
        "id": one.id,
        "name": one.name,
        "made": datetime.fromtimestamp(one.created).strftime("%Y-%m-%d %H:%M"),
        "data": one.base.dataset,
        "sizes": words_of(one.sizes),
        "methods": ", ".join(one.methods),
        "seeds": len(one.seeds),
        "done": there.finished / max(1, there.of),
    }


def _show_sweep(one: sweeps.Sweep) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(one.name or one.id), anchor=False, width="stretch")
        st.button(
            "All sweeps",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=link_to,
            args=("own", None),
        )
    budget = (
        f"{one.steps:,} steps each"
        if one.steps is not None
        else _many(one.base.epochs, "epoch") + (" at most" if one.base.patience else "")
    )
    st.markdown(
        plain(
            f"{_many(len(one.sizes), 'size')} ({words_of(one.sizes)} training frames) × "
            f"{_many(len(one.methods), 'method')} × {_many(len(one.seeds), 'seed')} on "
            f"{one.base.dataset}, {budget}."
        )
    )
    live = sweeps.progress(one).active > 0
    st.fragment(_panel, run_every=REFRESH if live else None)(one, live=live)
    _grow(one)
    command(f"{one.command}\natomref sweep show {one.id}")


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _panel(one: sweeps.Sweep, *, live: bool) -> None:
    there = sweeps.progress(one)
    if (there.active > 0) != live:
        st.rerun()
    with errors_shown():
        text = f"{there.finished} of {there.of} runs finished"
        if there.eta_s is not None:
            text += f", about {duration_text(there.eta_s)} left"
        st.progress(min(there.share, 1.0), text)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(
                "See its curves",
                icon=":material/trending_down:",
                type="primary",
                key=f"see-{one.id}",
                disabled=there.finished == 0,
                on_click=_see,
                args=(one.id,),
            ):
                # The click reruns this panel alone, and the view is the page's.
                st.rerun()
            if there.active:
                _button("Cancel all", ":material/stop:", sweeps.cancel, one)
            elif there.finished < there.of:
                _button("Resume the rest", ":material/play_arrow:", sweeps.resume, one)
            if not there.active:
                _delete(one)
        _told(one)
        _standing(one)


def _see(name: str) -> None:
    """Go to the view of curves with this sweep."""
    st.query_params["sweep"] = name
    st.session_state["sweep"] = name
    open_view("curves")
    link_to("own", None)


def _button(
    label: str, icon: str, action: Callable[[sweeps.Sweep], Any], one: sweeps.Sweep
) -> None:
    if st.button(label, icon=icon, key=f"{label}-{one.id}"):
        action(one)
        st.rerun()


def _delete(one: sweeps.Sweep) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Deletes the sweep with its {len(sweeps.runs_of(one))} runs and their models.")
        if st.button("Delete for good", type="primary", key=f"delete-{one.id}"):
            sweeps.delete(one)
            link_to("own", None)
            st.rerun()


def _told(one: sweeps.Sweep) -> None:
    states = [status_if_any(run) for run in sweeps.runs_of(one)]
    failed = [status for status in states if status is not None and status.state == "failed"]
    if failed:
        st.error(plain(failed[0].message), icon=":material/error:")


def _standing(one: sweeps.Sweep) -> None:
    """Show how the runs of each size and method stand, with links to those that train."""
    cells: dict[tuple[int, str], list[str]] = {}
    for run in sweeps.runs_of(one):
        status = status_if_any(run)
        if status is None:
            continue
        cells.setdefault((run.config.frames or 0, run.config.method), []).append(status.state)
        if status.state == "running":
            st.page_link(
                "pages/transfer.py",
                label=plain(
                    f"Training: {method_label(run.config.method)}, {run.config.frames:,} frames, "
                    f"seed {run.config.seed}"
                ),
                icon=":material/monitoring:",
                query_params={"run": run.id},
            )
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "size": size,
                    **{method: _cell(cells.get((size, method), [])) for method in one.methods},
                }
                for size in one.sizes
            ]
        ),
        key=f"standing-{one.id}",
        hide_index=True,
        column_config={
            "size": st.column_config.NumberColumn("Training frames", format="localized"),
            **{method: method_label(method) for method in one.methods},
        },
    )


def _cell(states: list[str]) -> str:
    finished = states.count("finished")
    others = [
        f"{states.count(state)} {state}" for state in dict.fromkeys(states) if state != "finished"
    ]
    return ", ".join([f"{finished} of {len(states)} finished", *others])


def _grow(one: sweeps.Sweep) -> None:
    with (
        st.expander("Grow it by sizes, methods or seeds", icon=":material/add:"),
        st.form(f"grow-{one.id}", border=False),
    ):
        left, middle, right = st.columns([2, 4, 1])
        sizes = left.text_input(
            "Further sizes", key=f"grow-sizes-{one.id}", placeholder="such as 3200"
        )
        methods = middle.pills(
            "Further methods",
            [method for method in METHODS if method not in one.methods],
            selection_mode="multi",
            key=f"grow-methods-{one.id}",
        )
        seeds = right.number_input(
            "Further seeds", min_value=0, max_value=20, value=0, key=f"grow-seeds-{one.id}"
        )
        st.caption("What is there stays; only what is missing is trained.")
        if st.form_submit_button("Grow and launch", icon=":material/rocket_launch:"):
            with errors_shown():
                _grown(one, sizes, methods, seeds)


def _grown(one: sweeps.Sweep, sizes: str, methods: list[str], n_seeds: int) -> None:
    further = numbers_of(sizes, what="Further sizes")
    if not (further or methods or n_seeds):
        raise LabError("Nothing to grow by: name a size, a method or a number of seeds.")
    first = max(one.seeds) + 1
    grown = sweeps.grow(
        one, sizes=further, methods=methods, seeds=list(range(first, first + n_seeds))
    )
    if grown.runs == one.runs:
        raise LabError("The sweep has all of that already.")
    sweeps.launch(grown)
    st.rerun()
