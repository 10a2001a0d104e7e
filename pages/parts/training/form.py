"""The settings of a new run, and its launch."""

import secrets

import streamlit as st

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.uploads import keep_upload
from core.potential.models import load_model, source_functional
from core.potential.released import MODELS
from core.runs.process import local
from core.runs.record.listing import list_runs, status_if_any
from core.runs.results.comparison import label_of, method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import DEFAULT, METHODS
from pages.parts.shared.datasets import CORRECTIONS, available, choose, model_badge, origin
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.training.preflight import previews, show_preview
from pages.parts.training.settings import choose_amount, more_settings

FIRST_MODEL = next(iter(MODELS))
UPLOAD = "upload"


def show_form() -> None:
    """Show the settings, the launch button, and what the settings will do."""
    _spell_out_method()
    _running_now()
    left, middle, right = st.columns([4, 5, 4], gap="large")
    with left:
        info = choose_dataset()
    if info is None:
        return
    config = None
    with errors_shown():
        with left:
            source = choose_source()
        with middle:
            method = _method()
        with right:
            amount = choose_amount(info)
        with st.expander("More settings", icon=":material/tune:"):
            more = more_settings(info, amount)
        if source is not None:
            chosen = {
                "dataset": info.card.name,
                "source_model": source,
                "method": method,
                **amount,
            }
            config = RunConfig.from_options({**chosen, **more}, where="These settings")
    with right:
        _launch(config)
    if config is not None:
        with errors_shown():
            show_preview(config, info.card)
        command(config.command())


def _spell_out_method() -> None:
    """Go to the same link with the method's label, where it has the method's name.

    The bound radio button knows its options by their labels alone, and drops anything else.
    """
    if (named := st.query_params.get("method")) in METHODS:
        held = {name: st.query_params.get_all(name) for name in st.query_params}
        st.switch_page("pages/transfer.py", query_params=held | {"method": [method_label(named)]})


def _running_now() -> None:
    active = [run for run in list_runs() if (status := status_if_any(run)) and status.is_active]
    for run in active[:3]:
        st.page_link(
            "pages/transfer.py",
            label=f"Watch {plain(label_of(run))}, {run.status().state}",
            icon=":material/monitoring:",
            query_params={"run": run.id},
        )


def frames_to_learn() -> list[DatasetInfo]:
    """Return data sets of frames; first those with something new to teach the default model."""
    known = MODELS[FIRST_MODEL].functional
    return sorted(available("frames"), key=lambda info: info.card.functional == known)


def choose_dataset() -> DatasetInfo | None:
    """Let the reader choose what to learn from."""
    info = choose(
        "Data set of frames",
        frames_to_learn(),
        key="dataset",
        help_text="Frames with energies of the target functional; forces, stresses and magnetic "
        "moments are learned where there are any.",
    )
    if info is not None:
        card = info.card
        model_badge(card.made_by)
        st.caption(
            plain(
                f"Target: {card.functional}, {CORRECTIONS[card.corrections]}. "
                f"Labels: {origin(card.labels)}."
            )
        )
    return info


def _method() -> str:
    return st.radio(
        "Method",
        list(METHODS),
        index=list(METHODS).index(DEFAULT),
        format_func=method_label,
        captions=[one.atomref for one in METHODS.values()],
        key="method",
        bind="query-params",
        help="What happens to AtomRef, the elemental references.",
    )


def choose_source() -> str | None:
    """Let the reader choose what to start from; None while there is no usable file."""
    finished = {
        str(run.best_checkpoint): f"Run {label_of(run)}"
        for run in list_runs()
        if (status := status_if_any(run)) and status.state == "finished"
    }
    names = {
        **{name: f"{name} ({model.functional})" for name, model in MODELS.items()},
        **finished,
        UPLOAD: "A checkpoint of my own",
    }
    source = st.selectbox(
        "Source model",
        list(names),
        format_func=lambda value: names.get(value, value),
        key="model",
        bind="query-params",
        help="What the run starts from: a released CHGNet, a finished run's best model, or a "
        "checkpoint file of the same architecture.",
    )
    if source != UPLOAD:
        return source
    upload = st.file_uploader(
        "Checkpoint", type=["tar", "pth", "pt"], key="checkpoint", help="As chgnet writes it."
    )
    if upload is None:
        st.info("Choose a checkpoint file, such as model.pth.tar.")
        return None
    path = str(keep_upload(upload.name, upload))
    st.caption(plain(f"{upload.name}: functional {_checked(path)}."))
    return path


@st.cache_data(max_entries=16, show_spinner="Reading the checkpoint …")
def _checked(path: str) -> str:
    load_model(path)
    return source_functional(path)


def _launch(config: RunConfig | None) -> None:
    draft = st.session_state.setdefault("draft", secrets.token_hex(8))
    st.button(
        "Launch",
        type="primary",
        icon=":material/rocket_launch:",
        key="launch",
        width="stretch",
        disabled=config is None,
        on_click=_start,
        args=(config, draft),
        help="Starts a process of its own: it goes on when you close this page.",
    )
    if text := st.session_state.pop("launch trouble", None):
        st.error(plain(text), icon=":material/error:")


def _start(config: RunConfig, draft: str) -> None:
    """Start what one form shows, once: the second click of a double click has the same draft."""
    if st.session_state.get("draft") != draft:
        return
    try:
        run = local.create(config)
        local.launch(run)
    except LabError as error:
        st.session_state["launch trouble"] = str(error)
        return
    previews().ask([], "")  # leaves the machine to the run
    st.session_state["draft"] = secrets.token_hex(8)
    st.session_state["launched"] = run.id
