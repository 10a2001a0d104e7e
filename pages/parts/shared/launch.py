"""The form that launches training runs: one run, a matched experiment or a sweep."""

import secrets
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, Literal, TypeVar

import streamlit as st

from core.boxed import ask
from core.errors import LabError
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.registry import DatasetInfo
from core.frames.schema import Card
from core.frames.uploads import keep_upload
from core.potential.released import MODELS
from core.runs.groups.experiment import Experiment
from core.runs.groups.sweep import Sweep
from core.runs.launchers.profiles import profiles
from core.runs.record.listing import list_runs, status_if_any
from core.runs.record.named_models import functional_of_checkpoint
from core.runs.results.comparison import label_of
from core.training.settings.config import RunConfig
from core.training.settings.methods import ALONE
from pages.parts.shared.datasets import choose, frames_to_learn, show_provenance
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.shared.run_settings import choose_amount, more_settings

Draft = TypeVar("Draft", RunConfig, Experiment, Sweep)

FIRST_SEEDS = 3
UPLOAD = "upload"
HERE = "This machine"


class LaunchForm(ABC, Generic[Draft]):
    """A form with everything a launch needs, the button, and what to expect of the launch.

    What it launches is a `Draft`: the settings of a run, or of a group of runs.

    Attributes:
        kind: what is launched; names the button.
        button: label of the button.
        help: what the button does.
        linked: the query parameter that opens what has been launched.
        widths: relative widths of the three columns.
        gap: between them.
        one_seed: whether the further settings include a seed.
    """

    kind: ClassVar[str]
    button: ClassVar[str] = "Launch all"
    help: ClassVar[str] = (
        "Starts one process per run. They wait for a free device, and continue after you close "
        "this page or stop the dashboard."
    )
    linked: ClassVar[str]
    widths: ClassVar[Sequence[float]] = (4, 5, 4)
    gap: ClassVar[Literal["small", "large"]] = "large"
    one_seed: ClassVar[bool] = False

    @abstractmethod
    def choose_methods(self, info: DatasetInfo) -> Any:
        """Show the widgets of the middle column and return the choices."""

    def choose_amount(self, info: DatasetInfo) -> dict[str, Any]:
        """Show the widgets of the right column and return the settings, by keys of `FLAGS`."""
        return choose_amount(info)

    @abstractmethod
    def draft(self, settings: dict[str, Any], choices: Any) -> Draft:
        """Return what would be launched.

        Args:
            settings: run settings by keys of `FLAGS`, and what else `choose_amount` returned.
            choices: what `choose_methods` returned.

        Raises:
            LabError: if it cannot be launched.
        """

    @abstractmethod
    def start(self, draft: Draft, on: str | None) -> str:
        """Launch a draft and return its id.

        Args:
            draft: what to launch.
            on: profile of the cluster to launch it on; None for this machine.
        """

    @abstractmethod
    def estimate(self, draft: Draft, card: Card) -> None:
        """Show how long a draft will take on this data set."""

    def check(self, draft: Draft, card: Card) -> None:
        """Show what is wrong with the data or the settings, above the form."""

    def preview(self, draft: Draft, card: Card) -> None:
        """Show what else to expect of a draft on this data set."""

    def open(self, identifier: str) -> None:
        """Open what has been launched."""
        st.query_params[self.linked] = identifier

    def show(self) -> None:
        """Show the form."""
        first = st.container()
        left, middle, right = st.columns(self.widths, gap=self.gap)
        with left:
            info = _choose_dataset()
        if info is None:
            return
        draft: Draft | None = None
        with errors_shown():
            with left:
                source = _choose_source()
            with middle:
                choices = self.choose_methods(info)
            with right:
                amount = self.choose_amount(info)
            with st.expander("More settings", icon=":material/tune:"):
                more = more_settings(info, amount, seed=self.one_seed)
            if source is not None:
                settings = {"dataset": info.card.name, "source_model": source} | more
                settings |= {key: value for key, value in amount.items() if value is not None}
                draft = self.draft(settings, choices)
        with right:
            on: str | None = None
            placed = False
            with errors_shown():
                on, placed = _choose_place(), True
            start = partial(self._start, on=on)
            ready = draft if placed else None
            launch_button(self.kind, ready, start, label=self.button, help_text=self.help)
            if draft is not None:
                self.estimate(draft, info.card)
        if draft is not None:
            with first:
                self.check(draft, info.card)
            with errors_shown():
                self.preview(draft, info.card)
            command(f"{draft.command} --on {shlex.quote(on)}" if on else draft.command)

    def _start(self, draft: Draft, *, on: str | None) -> None:
        self.open(self.start(draft, on))


def launch_button(
    kind: str,
    draft: Draft | None,
    start: Callable[[Draft], None],
    *,
    label: str,
    help_text: str,
) -> None:
    """Show the button, and start what the form shows when it is clicked, or say why not.

    Nothing is started by the button's callback: its arguments are of the last time that the page
    was drawn, before a number that was typed just before the click.

    Args:
        kind: what is launched; names the button.
        draft: what the form shows; None if it cannot be launched.
        start: launches it.
        label: of the button.
        help_text: of the button.
    """
    token = st.session_state.setdefault(f"{kind} draft", secrets.token_hex(8))
    clicked = st.button(
        label,
        type="primary",
        icon=":material/rocket_launch:",
        key=f"launch-{kind}",
        width="stretch",
        disabled=draft is None,
        on_click=note_click,
        args=(kind, token),
        help=help_text,
    )
    if clicked and draft is not None and st.session_state.get(f"{kind} clicked") == token:
        _start(kind, draft, start, token)


def note_click(kind: str, token: str) -> None:
    """Note which form was clicked: the second click of a double click has the first one's token."""
    st.session_state[f"{kind} clicked"] = token


def _start(kind: str, draft: Draft, start: Callable[[Draft], None], token: str) -> None:
    del st.session_state[f"{kind} draft"]
    try:
        start(draft)
    except LabError as error:
        st.session_state[f"{kind} draft"] = token
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.rerun()


def choose_methods(
    default: Sequence[str], *, help_text: str, format_func: Callable[[str], str] = str
) -> list[str]:
    """Let the reader choose several methods.

    Args:
        default: methods chosen at first.
        help_text: of the widget.
        format_func: label of a method; the address holds labels.

    Returns:
        The methods in the order of ALONE.
    """
    methods = st.pills(
        "Methods",
        ALONE,
        selection_mode="multi",
        default=list(default),
        format_func=format_func,
        key="methods",
        wrap=True,
        bind="query-params",
        help=help_text,
    )
    return [method for method in ALONE if method in methods]


def choose_seeds(help_text: str) -> list[int]:
    """Let the reader choose a number of seeds, and return the seeds."""
    count = st.number_input(
        "Seeds",
        min_value=1,
        max_value=20,
        value=FIRST_SEEDS,
        key="seeds",
        bind="query-params",
        help=help_text,
    )
    return list(range(count))


def _choose_dataset() -> DatasetInfo | None:
    """Let the reader choose the data set to train on."""
    info = choose(
        "Data set of frames",
        frames_to_learn(),
        key="dataset",
        help_text="Frames with energies in the target functional. Forces, stresses and magnetic "
        "moments are trained on where available.",
    )
    if info is not None:
        card = info.card
        show_provenance(
            Provenance(
                data=card.name,
                labels=card.made_by,
                details=f"Target: {card.functional}, {CORRECTIONS[card.corrections]}.",
            )
        )
    return info


def _choose_place() -> str | None:
    """Let the reader choose where runs work, where there is a choice; None for this machine."""
    there = profiles()
    if not there:
        return None
    place: str = st.selectbox(
        "Where",
        [HERE, *there],
        key="on",
        bind="query-params",
        help="This machine, or a profile of the cluster from clusters.toml in the lab's home. Jobs "
        "of the cluster wait in its queue, and continue after its time limit.",
    )
    if place == HERE:
        return None
    st.caption(f"A job asks for: {plain(there[place].summary())}.")
    return place


def _choose_source() -> str | None:
    """Let the reader choose the model to start from; None while a file is missing."""
    finished = {
        str(run.best_checkpoint): f"Run {label_of(run)}"
        for run in list_runs()
        if (status := status_if_any(run)) and status.state == "finished"
    }
    names = {
        **{name: f"{name} ({model.functional})" for name, model in MODELS.items()},
        **finished,
        UPLOAD: "Uploaded checkpoint",
    }
    source = st.selectbox(
        "Source model",
        list(names),
        format_func=lambda value: names.get(value, value),
        key="model",
        bind="query-params",
        help="The model that training starts from: a released CHGNet, the best model of a "
        "finished run, or a checkpoint file of the same architecture.",
    )
    if source != UPLOAD:
        return source
    upload = st.file_uploader(
        "Checkpoint", type=["tar", "pth", "pt"], key="checkpoint", help="As saved by chgnet."
    )
    if upload is None:
        st.info("Upload a checkpoint file, such as model.pth.tar.")
        return None
    path = str(keep_upload(upload.name, upload))
    st.caption(plain(f"{upload.name}: functional {_functional_of(path)}."))
    return path


@st.cache_data(max_entries=16, show_spinner="Reading the checkpoint …")
def _functional_of(path: str) -> str:
    # A stranger's file is opened in another process first.
    return ask(functional_of_checkpoint, path)
