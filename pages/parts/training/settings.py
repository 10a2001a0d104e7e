"""How much a run does, and its settings that rarely need changing; for one run or for several."""

from typing import Any

import streamlit as st
import torch

from core.errors import LabError
from core.frames.registry import DatasetInfo
from core.frames.store import FrameSet
from core.potential.models import resolve_device
from core.training.settings.config import BLOCKS, LossRatios, RunConfig
from core.training.settings.presets import PRESETS
from core.training.settings.processes import FRAMES_EACH, WORTH_SECONDS, default_processes
from pages.parts.shared.datasets import opened

FIRST_FRAMES = 300
FIRST_EPOCHS = 5
LOSSES = {
    "energy": "energy",
    "force": "force",
    "stress": "stress",
    "magmom": "magnetic moment",
}
DEFAULTS = RunConfig(dataset="any")
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam"}
FIRST_DECAY = 0.01


def choose_amount(info: DatasetInfo) -> dict[str, Any]:
    """Ask how many frames, epochs and minutes; keys as in `core.training.settings.config.FLAGS`."""
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
    minutes = st.number_input(
        "Minutes at most",
        min_value=0.1,
        value=None,
        key="minutes",
        bind="query-params",
        placeholder="no limit",
        help="Training time. The first tenth of an epoch tells how many epochs, at least one, fit "
        "into it; the learning rate then falls over these.",
    )
    with st.container(horizontal=True):
        for key, preset in PRESETS.items():
            st.button(
                preset.label,
                type="tertiary",
                key=f"preset-{key}",
                on_click=_take_preset,
                args=(key, most),
                help=preset.about,
            )
    return {
        "frames": None if frames == most else frames,
        "epochs": epochs,
        "minutes": minutes,
    }


def _take_preset(key: str, most: int) -> None:
    preset = PRESETS[key]
    st.session_state["frames"] = min(preset.frames or most, most)
    st.session_state["epochs"] = preset.epochs
    st.session_state["minutes"] = preset.minutes


def more_settings(
    info: DatasetInfo, amount: dict[str, Any], *, seed: bool = True
) -> dict[str, Any]:
    """Ask for what rarely needs changing; keys as in `core.training.settings.config.FLAGS`.

    Args:
        info: The data set.
        amount: What `choose_amount` returned.
        seed: Whether to ask for a seed.
    """
    more: dict[str, Any] = {}
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
        help="At the start; a cosine takes it down to a hundredth.",
    )
    if seed:
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
    more |= _learning()
    first, rest = st.columns([1, 3])
    size = {**amount, "batch_size": more["batch_size"]}
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
        "Name",
        max_chars=200,
        key="name",
        bind="query-params",
        placeholder="Your own words, if you like",
    )
    return more


def _learning() -> dict[str, Any]:
    """Ask how the network learns: optimiser, warm-up, early end, blocks."""
    first, second, third, fourth = st.columns(4)
    optimizer = first.selectbox(
        "Optimiser",
        list(OPTIMIZERS),
        format_func=OPTIMIZERS.__getitem__,
        key="optimizer",
        bind="query-params",
        help="Adam is the paper's. AdamW also pulls weights toward zero; RAdam begins gently, "
        "until it knows how gradients scatter.",
    )
    decay = second.number_input(
        "Weight decay",
        min_value=1e-6,
        max_value=0.99,
        value=FIRST_DECAY,
        format="%g",
        key="decay",
        bind="query-params",
        disabled=optimizer != "adamw",
        help="AdamW's pull: each step takes this share of the learning rate from every weight.",
    )
    warmup = third.number_input(
        "Warm-up, epochs",
        min_value=0.0,
        value=DEFAULTS.warmup_epochs,
        step=0.1,
        format="%g",
        key="warmup",
        bind="query-params",
        help="The learning rate rises from zero over so many epochs. Helps where the first steps "
        "would throw pretrained weights off.",
    )
    patience = fourth.number_input(
        "Patience, epochs",
        min_value=1,
        value=None,
        key="patience",
        bind="query-params",
        placeholder="no early end",
        help="End once the validation energy error has not improved for so many epochs.",
    )
    left, right, last = st.columns([3, 3, 2])
    keep_every = last.number_input(
        "Keep a model every, epochs",
        min_value=1,
        value=None,
        key="keep",
        bind="query-params",
        placeholder="best and last only",
        help="Besides the best and the last model, to look at its predictions later; about 2 MB "
        "each.",
    )
    frozen = left.multiselect(
        "Frozen blocks",
        list(BLOCKS),
        key="frozen",
        bind="query-params",
        placeholder="none: all blocks learn, as in the paper",
        help="Blocks that keep their pretrained weights. "
        + "; ".join(f"{block}: {what}" for block, what in BLOCKS.items())
        + ". AtomRef is the method's business.",
    )
    rates = right.text_input(
        "Rates of blocks",
        key="rates",
        bind="query-params",
        placeholder="such as embedding=0.1, readout=2",
        help="Learning rate of a block as a multiple of the others'. Early blocks know what atoms "
        "are and may change little; the readout may change much.",
    )
    return {
        "optimizer": optimizer,
        "weight_decay": decay if optimizer == "adamw" else 0.0,
        "warmup_epochs": warmup,
        "patience": patience,
        "keep_every": keep_every,
        "frozen": tuple(frozen),
        "block_rates": rates.replace(" ", ""),
    }


def _usual_processes(info: DatasetInfo, size: dict[str, Any], device: str) -> int:
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
