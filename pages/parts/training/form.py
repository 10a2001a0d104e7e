"""The form of a new run."""

from typing import Any

import streamlit as st

from core.frames.functionals import same_functional
from core.frames.registry import DatasetInfo, open_frame_set
from core.frames.schema import Card
from core.reference.fits.isolated import ISOLATED, has_isolated_atoms
from core.reference.fits.library import saved_atomrefs
from core.runs.groups.group import new_runs
from core.runs.process import local
from core.runs.record.listing import list_runs, status_if_any
from core.runs.results.comparison import label_of, method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import DEFAULT, ENERGIES_ONLY, METHODS
from core.training.settings.partition import usual_method
from pages.parts.shared.datasets import frames_to_learn
from pages.parts.shared.launch import LaunchForm
from pages.parts.shared.page import plain
from pages.parts.shared.run_settings import FIRST_EPOCHS, choose_amount
from pages.parts.training.check import show_check
from pages.parts.training.estimate import show_run_estimate
from pages.parts.training.preflight import previews, show_preview

USUAL = "usual"
OWN = {USUAL: "those of the method", ISOLATED: "isolated atoms of the data set"}


def own_references(info: DatasetInfo) -> list[str]:
    """Return the reference energies that a run on a data set can start with."""
    atoms = [ISOLATED] if has_isolated_atoms(open_frame_set(info.card.name)) else []
    return [*atoms, *saved_atomrefs()]


def choose_further(info: DatasetInfo) -> dict[str, Any]:
    """Let the reader choose data sets in further functionals, and how much they count."""
    others = [
        one.card
        for one in frames_to_learn()
        if not same_functional(one.card.functional or "", info.card.functional or "")
    ]
    names = {card.name: f"{card.name} ({card.functional})" for card in others}
    chosen = st.multiselect(
        "Further data sets",
        list(names),
        default=list(names)[:1],
        format_func=names.__getitem__,
        key="further",
        bind="query-params",
        help="One per functional. The network is shared; each functional has its own AtomRef, and "
        "its own offset of the atom embedding. A material is in the same part of all data sets.",
    )
    if not names:
        st.info("There are no frames in another functional; import some first.")
    left, right = st.columns(2)
    weight = left.number_input(
        "Their weight",
        min_value=0.001,
        max_value=1000.0,
        value=1.0,
        key="further-weight",
        bind="query-params",
        help="Weight of their loss beside that of the first data set.",
    )
    ratio = right.number_input(
        "Their frames per frame",
        min_value=0.01,
        max_value=100.0,
        value=1.0,
        key="further-ratio",
        bind="query-params",
        help="Frames of each of them for every training frame of the first data set.",
    )
    return {
        "dataset": ",".join([info.card.name, *chosen]),
        "functionals.weights": dict.fromkeys(chosen, weight),
        "functionals.ratios": dict.fromkeys(chosen, ratio),
    }


class RunForm(LaunchForm[RunConfig]):
    """Launches one run, and previews its references."""

    kind = "run"
    button = "Launch"
    help = "Starts a separate process, which continues after you close this page."
    linked = "run"
    one_seed = True

    def choose_methods(self, info: DatasetInfo) -> dict[str, Any]:
        """Let the reader choose a method, and reference energies of their own."""
        usual = usual_method(info.card.name)
        method = st.radio(
            "Method",
            list(METHODS),
            index=list(METHODS).index(usual),
            format_func=method_label,
            captions=[method.atomref for method in METHODS.values()],
            key="method",
            bind="query-params",
            help="How AtomRef, the elemental reference energies, is obtained.",
        )
        if usual == ENERGIES_ONLY and method == DEFAULT:
            st.caption(
                f"There are energies alone, for which {METHODS[usual].label} is the default: less "
                "error from 100 materials on, and forces do not move away."
            )
            st.button(
                f"Take {METHODS[usual].label}",
                key="take-usual",
                on_click=_take,
                args=(usual,),
                help="Chooses the method, with no epochs of training.",
            )
        several = choose_further(info) if METHODS[method].several else {}
        own = st.selectbox(
            "Reference energies",
            [USUAL, *own_references(info)],
            format_func=lambda name: OWN.get(name, name),
            key="own-references",
            bind="query-params",
            disabled=method == "refit",
            help="Your own energies per element instead: From scratch and the frozen AtomRef keep "
            "them, the trainable one starts with them, the residual one is pulled toward them. The "
            "view “Library” of the AtomRef page imports them from a file.",
        )
        is_usual = own == USUAL or method == "refit"
        return {"method": method, "atomref": None if is_usual else own, **several}

    def choose_amount(self, info: DatasetInfo) -> dict[str, Any]:
        """Let the reader choose frames and epochs; at first none for a closed form."""
        closed = METHODS[usual_method(info.card.name)].closed_form
        return choose_amount(info, epochs=0 if closed else FIRST_EPOCHS)

    def draft(self, settings: dict[str, Any], choices: dict[str, Any]) -> RunConfig:
        """Return the run's settings."""
        return RunConfig.from_options({**settings, **choices}, where="These settings")

    def estimate(self, draft: RunConfig, card: Card) -> None:
        """Show how long the run will take."""
        show_run_estimate(draft, card)

    def check(self, draft: RunConfig, card: Card) -> None:
        """Show what would ruin the run."""
        show_check(draft, card)

    def preview(self, draft: RunConfig, card: Card) -> None:
        """Show how far off the untrained model is, with each method's references."""
        show_preview(draft, card)

    def start(self, draft: RunConfig, on: str | None) -> str:
        """Start the run; one that cannot be started leaves nothing behind."""
        with new_runs([draft], on=on) as (run,):
            local.launch(run)
        for timed in (False, True):
            previews().ask([], "", timed=timed)  # leaves the machine to the run
        return run.id

    def open(self, identifier: str) -> None:
        """Let the page switch to a link with nothing but the run in it."""
        st.session_state["launched"] = identifier


def _take(method: str) -> None:
    """Choose a method with the epochs that it needs."""
    st.session_state["method"] = method
    if METHODS[method].closed_form:
        st.session_state["epochs"] = 0


def show_form() -> None:
    """Show the runs in progress and the form of a new one."""
    _spell_out_method()
    active = [run for run in list_runs() if (status := status_if_any(run)) and status.is_active]
    for run in active[:3]:
        st.page_link(
            "pages/transfer.py",
            label=f"Watch {plain(label_of(run))}, {run.status().state}",
            icon=":material/monitoring:",
            query_params={"run": run.id},
        )
    RunForm().show()


def _spell_out_method() -> None:
    """Replace a method's name in the address by its label.

    The bound radio button knows its options by their labels alone, and drops anything else.
    """
    if (name := st.query_params.get("method")) in METHODS:
        query = {key: st.query_params.get_all(key) for key in st.query_params}
        st.switch_page("pages/transfer.py", query_params=query | {"method": [method_label(name)]})
