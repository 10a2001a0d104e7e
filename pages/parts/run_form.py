"""The settings of a new run, and its launch."""

import secrets

import streamlit as st
import torch

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.store import FrameSet
from core.frames.uploads import keep_upload
from core.potential.models import load_model, resolve_device
from core.potential.released import MODELS
from core.runs import local
from core.runs.comparison import label_of, method_label
from core.runs.listing import list_runs, status_if_any
from core.transfer.config import LossRatios, RunConfig
from core.transfer.methods import DEFAULT, METHODS
from core.transfer.processes import FRAMES_EACH, WORTH_SECONDS, default_processes
from core.transfer.references import source_functional
from pages.parts.datasets import CORRECTIONS, available, choose, model_badge, opened, origin
from pages.parts.page import command, errors_shown, plain
from pages.parts.run_preview import previews, show_preview

FIRST_FRAMES = 300
FIRST_EPOCHS = 5
PAPER_EPOCHS = 50
FIRST_MODEL = next(iter(MODELS))
UPLOAD = "upload"
LOSSES = {
    "energy": "energy",
    "force": "force",
    "stress": "stress",
    "magmom": "magnetic moment",
}
DEFAULTS = RunConfig(dataset="any")


def show_form() -> None:
    """Show the settings, the launch button, and what the settings will do."""
    _running_now()
    left, middle, right = st.columns([4, 5, 4], gap="large")
    with left:
        info = _dataset()
    if info is None:
        return
    config = None
    with errors_shown():
        with left:
            source = _source_model()
        with middle:
            method = _method()
        with right:
            frames, epochs = _amount(info)
        with st.expander("More settings", icon=":material/tune:"):
            more = _more(info, frames, epochs)
        if source is not None:
            chosen = {
                "dataset": info.card.name,
                "source_model": source,
                "method": method,
                "frames": frames,
                "epochs": epochs,
            }
            config = RunConfig.from_options({**chosen, **more}, where="These settings")
    with right:
        _launch(config)
    if config is not None:
        with errors_shown():
            show_preview(config, info.card)
        command(config.command())


def _running_now() -> None:
    active = [run for run in list_runs() if (status := status_if_any(run)) and status.is_active]
    for run in active[:3]:
        st.page_link(
            "pages/transfer.py",
            label=f"Watch {plain(label_of(run))}, {run.status().state}",
            icon=":material/monitoring:",
            query_params={"run": run.id},
        )


def _dataset() -> DatasetInfo | None:
    # First those that have something new to teach the default model.
    known = MODELS[FIRST_MODEL].functional
    infos = sorted(available("frames"), key=lambda info: info.card.functional == known)
    info = choose(
        "Data set of frames",
        infos,
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
    # The bound radio button knows its options by their labels; a link may name the method itself.
    if (named := st.query_params.get("method")) in METHODS:
        st.session_state["method"] = named
        st.query_params["method"] = method_label(named)
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


def _source_model() -> str | None:
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


def _amount(info: DatasetInfo) -> tuple[int | None, int]:
    frame_set = opened(info)
    if not isinstance(frame_set, FrameSet):
        raise LabError(f"{info.card.name} holds no frames; choose another data set.")
    split = frame_set.split()
    most = len(split.train)
    if most == 0:
        raise LabError(
            f"{info.card.name} has too few materials to train on; import more, or choose another."
        )
    # A number that another data set allowed.
    if st.session_state.get("frames", 1) > most:
        st.session_state["frames"] = most
    frames = st.number_input(
        f"Training frames, at most {most:,}",
        min_value=1,
        max_value=most,
        value=min(FIRST_FRAMES, most),
        key="frames",
        bind="query-params",
        help=f"{len(split.validation):,} validation and {len(split.test):,} test frames, of other "
        "materials, stay the same whatever you choose.",
    )
    epochs = st.number_input(
        "Epochs",
        min_value=1,
        max_value=10_000,
        value=FIRST_EPOCHS,
        key="epochs",
        bind="query-params",
        help="Passes over the training frames.",
    )
    st.button(
        f"Paper: {PAPER_EPOCHS} epochs, all frames",
        type="tertiary",
        icon=":material/menu_book:",
        wrap=True,
        key="recipe",
        on_click=_take_recipe,
        args=(most,),
        help="Huang et al. trained for 50 epochs on all frames. The first values here are a lesson "
        "of about two minutes.",
    )
    return None if frames == most else frames, epochs


def _take_recipe(most: int) -> None:
    st.session_state["frames"] = most
    st.session_state["epochs"] = PAPER_EPOCHS


def _more(info: DatasetInfo, frames: int | None, epochs: int) -> dict[str, object]:
    """Ask for what rarely needs changing; keys as in `core.transfer.config.FLAGS`."""
    more: dict[str, object] = {}
    first, second, third, fourth = st.columns(4)
    more["batch_size"] = first.number_input(
        "Batch size",
        min_value=1,
        max_value=4096,
        value=DEFAULTS.batch_size,
        key="batch",
        bind="query-params",
        help="Frames a step.",
    )
    more["learning_rate"] = second.number_input(
        "Learning rate",
        min_value=1e-6,
        max_value=1.0,
        value=DEFAULTS.learning_rate,
        step=1e-4,
        format="%g",
        key="rate",
        bind="query-params",
        help="Adam's at the start; a cosine takes it down to a hundredth.",
    )
    more["seed"] = third.number_input(
        "Seed",
        min_value=0,
        max_value=2**31 - 1,
        value=DEFAULTS.seed,
        key="seed",
        bind="query-params",
        help="Fixes which frames are taken, their order, and random weights.",
    )
    more["device"] = fourth.selectbox(
        "Device",
        _devices(),
        format_func=_device_label,
        key="device",
        bind="query-params",
        help="Only what this machine has. One run trains on a device at a time; others wait.",
    )
    defaults = LossRatios().model_dump()
    for column, (kind, label) in zip(st.columns(4), LOSSES.items(), strict=True):
        more[f"loss.{kind}"] = column.number_input(
            f"Loss ratio, {label}",
            min_value=0.0,
            max_value=1000.0,
            value=defaults[kind],
            step=0.1,
            format="%g",
            key=kind,
            bind="query-params",
            help="How much this kind of error counts; 0 leaves it out. The paper's ratios are "
            "3, 1, 0.1 and 1.",
        )
    first, rest = st.columns([1, 3])
    size = {"frames": frames, "epochs": epochs, "batch_size": more["batch_size"]}
    usual = _usual_processes(info, size, str(more["device"]))
    more["processes"] = first.number_input(
        "Processes",
        min_value=1,
        max_value=1024,
        value=None,
        key="processes",
        bind="query-params",
        placeholder=f"auto (here: {usual})",
        help="Share the work of each step among themselves, with the same result but for "
        "rounding. Left empty: one for each core of the CPU or each GPU, as long as each has "
        f"{FRAMES_EACH} frames of a batch, and one where training would take less than "
        f"{WORTH_SECONDS:.0f} s anyway. A run can go on with another number.",
    )
    more["name"] = rest.text_input(
        "Name", max_chars=200, key="name", placeholder="Your own words, if you like"
    )
    return more


def _usual_processes(info: DatasetInfo, size: dict[str, object], device: str) -> int:
    """Return the number of processes that a run of this size takes by itself."""
    frame_set = opened(info)
    if not isinstance(frame_set, FrameSet):
        return 1
    config = RunConfig.from_options({"dataset": info.card.name, **size})
    where = _devices()[1] if device == "auto" else device
    return default_processes(config, frame_set, device=where, n_gpus=torch.cuda.device_count())


@st.cache_data(show_spinner=False)
def _devices() -> list[str]:
    return ["auto", *(name for name in ("cuda", "mps", "cpu") if _is_here(name))]


def _is_here(device: str) -> bool:
    try:
        resolve_device(device)
    except LabError:
        return False
    return True


def _device_label(device: str) -> str:
    return f"auto (here: {_devices()[1]})" if device == "auto" else device


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
