"""The reader's own sweeps: the list of them, and the progress and controls of one."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import LabError
from core.runs.groups.group import many
from core.runs.groups.progress import GroupProgress
from core.runs.groups.sizes import whole_numbers
from core.runs.groups.sweep import Sweep
from core.runs.record.listing import status_if_any
from core.runs.results.comparison import method_label
from core.training.settings.methods import ALONE
from pages.parts.shared.group import list_groups, show_panel, show_title
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.views import open_view


def show_sweeps() -> None:
    """Show the list of sweeps and the form of a new one, or the sweep that the link names."""
    sweeps = Sweep.load_all()
    chosen = next((sweep for sweep in sweeps if sweep.id == linked("own")), None)
    if chosen is not None:
        _show_sweep(chosen)
        return
    if sweeps:
        list_groups(sweeps, param="own")
    else:
        st.info(
            "No sweep of your own yet. One form starts all its runs; they train one after another "
            "on a device, the cheapest first, and curves fill in as they end.",
            icon=":material/trending_down:",
        )
    # The form waits for torch; the list does not.
    from pages.parts.sweeps.form import show_form  # noqa: PLC0415

    show_form()


def _show_sweep(sweep: Sweep) -> None:
    show_title(sweep, param="own")
    budget = (
        f"{sweep.steps:,} steps each"
        if sweep.steps is not None
        else many(sweep.base.epochs, "epoch") + (" at most" if sweep.base.patience else "")
    )
    sizes = ", ".join(map(str, sweep.sizes))
    st.markdown(
        plain(
            f"{many(len(sweep.sizes), 'size')} ({sizes} training frames) × "
            f"{many(len(sweep.methods), 'method')} × {many(len(sweep.seeds), 'seed')} on "
            f"{sweep.base.dataset}, {budget}."
        )
    )
    show_panel(sweep, partial(_panel, sweep), param="own")
    _grow(sweep)
    command(f"atomref sweep show {sweep.id}", f"atomref report {sweep.id} --out {sweep.id}.html")


def _panel(sweep: Sweep, progress: GroupProgress, buttons: DeltaGenerator) -> None:
    if buttons.button(
        "Show curves",
        icon=":material/trending_down:",
        type="primary",
        key=f"see-{sweep.id}",
        disabled=progress.finished == 0,
        on_click=_see,
        args=(sweep.id,),
        help="Opens the view Curves with this sweep.",
    ):
        # The click reruns this panel alone, and the view is the page's.
        st.rerun()
    _states(sweep)


def _see(name: str) -> None:
    """Go to the view of curves with this sweep."""
    st.query_params["sweep"] = name
    st.session_state["sweep"] = name
    open_view("curves")
    link_to("own", None)


def _states(sweep: Sweep) -> None:
    """Show the states of the runs by size and method, with links to those that train."""
    cells: dict[tuple[int, str], list[str]] = {}
    for run in sweep.existing_runs():
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
        [
            {
                "size": size,
                **{method: _cell(cells.get((size, method), [])) for method in sweep.methods},
            }
            for size in sweep.sizes
        ],
        key=f"standing-{sweep.id}",
        hide_index=True,
        column_config={
            "size": st.column_config.NumberColumn("Training frames", format="localized"),
            **{method: method_label(method) for method in sweep.methods},
        },
    )


def _cell(states: list[str]) -> str:
    finished = states.count("finished")
    others = [
        f"{states.count(state)} {state}" for state in dict.fromkeys(states) if state != "finished"
    ]
    return ", ".join([f"{finished} of {len(states)} finished", *others])


def _grow(sweep: Sweep) -> None:
    with (
        st.expander("Add sizes, methods or seeds", icon=":material/add:"),
        st.form(f"grow-{sweep.id}", border=False),
    ):
        left, middle, right = st.columns([2, 4, 1])
        sizes = left.text_input(
            "Further sizes",
            key=f"grow-sizes-{sweep.id}",
            placeholder="such as 3200",
            help="Numbers of training frames, separated by commas.",
        )
        methods = middle.pills(
            "Further methods",
            [method for method in ALONE if method not in sweep.methods],
            selection_mode="multi",
            key=f"grow-methods-{sweep.id}",
            wrap=True,
            help="Each is trained at all sizes and seeds.",
        )
        seeds = right.number_input(
            "Further seeds",
            min_value=0,
            max_value=20,
            value=0,
            key=f"grow-seeds-{sweep.id}",
            help="How many more seeds of each size and method.",
        )
        st.caption("Existing runs stay as they are; only missing ones are trained.")
        if st.form_submit_button("Add and launch", icon=":material/rocket_launch:"):
            with errors_shown():
                _grown(sweep, sizes, methods, seeds)


def _grown(sweep: Sweep, sizes: str, methods: list[str], n_seeds: int) -> None:
    further = whole_numbers(sizes, "Further sizes")
    if not (further or methods or n_seeds):
        raise LabError("Nothing to add; enter a size, a method or a number of seeds.")
    first = max(sweep.seeds) + 1
    grown = sweep.grow(sizes=further, methods=methods, seeds=list(range(first, first + n_seeds)))
    if grown.runs == sweep.runs:
        raise LabError("The sweep already has all of these runs.")
    grown.launch()
    st.rerun()
