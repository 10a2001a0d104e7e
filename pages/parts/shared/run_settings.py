"""How much a run does, and its further settings; for one run or for several."""

from typing import Any

import streamlit as st

from core.errors import LabError
from core.frames.registry import DatasetInfo, open_dataset, open_frame_set
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.devices import available_devices
from core.progress import duration_text
from core.stability.duration import stability_seconds
from core.training.settings.config import BLOCKS, RunConfig
from core.training.settings.presets import PRESETS
from core.training.settings.processes import (
    FRAMES_PER_PROCESS,
    WORTH_SECONDS,
    usual_processes,
)
from pages.parts.shared.datasets import key_of
from pages.parts.shared.source_settings import (
    choose_loss_changes,
    choose_replay,
    choose_source_labels,
    choose_weights,
)
from pages.parts.shared.views import number

FIRST_FRAMES = 300
FIRST_EPOCHS = 5
LOSSES = {
    "energy": "energy",
    "force": "force",
    "stress": "stress",
    "magmom": "magnetic moment",
}
DEFAULTS = RunConfig(dataset="any")
STABILITY = {
    "off": "not judged",
    "static": "structures as they are",
    "relaxed": "relaxed by the model",
}
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "radam": "RAdam"}
FIRST_DECAY = 0.01


def training_split(info: DatasetInfo) -> Split:
    """Return the split of a data set of frames.

    Raises:
        LabError: if there is nothing to train on.
    """
    frame_set = open_dataset(info.card.name)
    if not isinstance(frame_set, FrameSet):
        raise LabError(f"{info.card.name} holds no frames; choose another data set.")
    split = frame_set.split()
    if not len(split.train):
        raise LabError(
            f"{info.card.name} has too few materials to train on; import more, or choose another."
        )
    return split


def choose_amount(info: DatasetInfo, *, epochs: int = FIRST_EPOCHS) -> dict[str, Any]:
    """Ask how many frames, epochs and minutes; keys as in `core.training.settings.config.FLAGS`.

    Args:
        info: the data set.
        epochs: what is asked for at first.
    """
    split = training_split(info)
    most = len(split.train)
    # A number that another data set allowed.
    if st.session_state.get("frames", 1) > most:
        st.session_state["frames"] = most
    frames = number(
        st,
        f"Training frames, at most {most:,}",
        "frames",
        value=min(FIRST_FRAMES, most),
        min_value=1,
        max_value=most,
        help=f"The {len(split.validation):,} validation and {len(split.test):,} test frames belong "
        "to other materials, and are the same for any number of training frames.",
    )
    chosen = number(
        st,
        "Epochs",
        "epochs",
        value=epochs,
        min_value=0,
        max_value=10_000,
        help="Passes over the training frames. 0: the closed form of “Linearised transfer” alone.",
    )
    minutes = number(
        st,
        "Time limit, minutes",
        "minutes",
        value=None,
        min_value=0.1,
        placeholder="no limit",
        help="Training time. The first tenth of an epoch tells how many epochs (at least one) fit "
        "into it; the learning rate decays over these.",
    )
    stability = _stability(info)
    with st.container(horizontal=True):
        for key, preset in PRESETS.items():
            st.button(
                preset.label,
                key=f"preset-{key}",
                on_click=_take_preset,
                args=(key, most),
                help=preset.about,
            )
    return {
        "frames": None if frames == most else frames,
        "epochs": chosen,
        "minutes": minutes,
        "stability": stability,
    }


def _stability(info: DatasetInfo) -> str:
    """Ask whether the test judges stability, and say how long that takes."""
    chosen = st.selectbox(
        "Stability of the test materials",
        list(STABILITY),
        format_func=STABILITY.__getitem__,
        key="stability",
        bind="query-params",
        help="After its test, each run compares formation and decomposition energies with the "
        "labels, on hulls of all materials in the test materials' chemical systems: the last two "
        "columns of the paper's Table 1. The paper relaxes every structure by the model.",
    )
    if chosen != "off":
        seconds = _stability_seconds(info.card.name, key_of(info.card), relaxed=chosen == "relaxed")
        st.caption(f"About {duration_text(seconds)} more for each run, on one core.")
    return chosen


@st.cache_data(show_spinner="Counting the phases", max_entries=20)
def _stability_seconds(name: str, fingerprint: str, *, relaxed: bool) -> float:  # noqa: ARG001
    data = open_frame_set(name)
    return stability_seconds(data, data.split().test, relaxed=relaxed)


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
        info: the data set.
        amount: frames (all by default) and epochs, by keys of `FLAGS`.
        seed: whether to ask for a seed.
    """
    more: dict[str, Any] = {}
    first, second, third, fourth = st.columns(4)
    more["batch_size"] = number(
        first,
        "Batch size",
        "batch",
        value=DEFAULTS.batch_size,
        min_value=1,
        max_value=4096,
        help="Frames per optimiser step.",
    )
    more["learning_rate"] = number(
        second,
        "Learning rate",
        "rate",
        value=DEFAULTS.learning_rate,
        min_value=1e-6,
        max_value=1.0,
        step=1e-4,
        format="%g",
        help="Initial value; a cosine schedule reduces it to one hundredth.",
    )
    if seed:
        more["seed"] = number(
            third,
            "Seed",
            "seed",
            value=DEFAULTS.seed,
            min_value=0,
            max_value=2**31 - 1,
            help="Determines which training frames are taken, their order, and random initial "
            "weights.",
        )
    devices = _devices()
    more["device"] = fourth.selectbox(
        "Device",
        ["auto", *devices],
        format_func=lambda device: f"auto (here: {devices[0]})" if device == "auto" else device,
        key="device",
        bind="query-params",
        help="The devices of this machine. A device trains one run at a time; others wait.",
    )
    for column, (kind, label) in zip(st.columns(4), LOSSES.items(), strict=True):
        more[f"loss.{kind}"] = number(
            column,
            f"Loss ratio, {label}",
            kind,
            value=getattr(DEFAULTS.loss, kind),
            min_value=0.0,
            max_value=1000.0,
            step=0.1,
            format="%g",
            help="Weight of this error in the loss; 0 leaves it out. The paper's ratios are 3, "
            "1, 0.1 and 1.",
        )
    more |= choose_loss_changes()
    more |= _optimizer_settings()
    more |= choose_source_labels()
    more |= choose_replay()
    more |= choose_weights()
    first, rest = st.columns([1, 3])
    size = {key: amount.get(key) for key in ("frames", "epochs")}
    size |= {key: more[key] for key in ("batch_size", "device")}
    size["epochs"] = size["epochs"] or None
    usual = usual_processes(RunConfig.from_options({"dataset": info.card.name, **size}))
    more["processes"] = number(
        first,
        "Processes",
        "processes",
        value=None,
        min_value=1,
        max_value=1024,
        placeholder=f"auto (here: {usual})",
        help="Number of processes that share each training step; the result is the same except "
        "for rounding. If empty: one per CPU core or GPU as long as each has at least "
        f"{FRAMES_PER_PROCESS} frames of a batch, and only one if training takes less than "
        f"{WORTH_SECONDS:.0f} s. A run can be resumed with another number.",
    )
    more["name"] = rest.text_input(
        "Name",
        max_chars=200,
        key="name",
        bind="query-params",
        placeholder="optional",
        help="How it is called in lists; the method and data set are named anyway.",
    )
    return more


def _optimizer_settings() -> dict[str, Any]:
    """Ask for optimiser, warm-up, early stopping, and what happens to the network's blocks."""
    first, second, third, fourth = st.columns(4)
    optimizer = first.selectbox(
        "Optimiser",
        list(OPTIMIZERS),
        format_func=OPTIMIZERS.__getitem__,
        key="optimizer",
        bind="query-params",
        help="The paper uses Adam. AdamW adds weight decay; RAdam takes smaller steps at first, "
        "until it can estimate the variance of the gradients.",
    )
    decay = number(
        second,
        "Weight decay",
        "decay",
        value=FIRST_DECAY,
        min_value=1e-6,
        max_value=0.99,
        format="%g",
        disabled=optimizer != "adamw",
        help="AdamW only: each step reduces every weight by this fraction of the learning rate.",
    )
    warmup = number(
        third,
        "Warm-up, epochs",
        "warmup",
        value=DEFAULTS.warmup_epochs,
        min_value=0.0,
        step=0.1,
        format="%g",
        help="The learning rate rises from zero over this many epochs. Useful if the first "
        "steps would spoil pretrained weights.",
    )
    patience = number(
        fourth,
        "Patience, epochs",
        "patience",
        value=None,
        min_value=1,
        placeholder="no early stopping",
        help="Stop when the validation error that tells the best epoch (“Best epoch by”) has not "
        "improved for this many epochs.",
    )
    left, right, last = st.columns([3, 3, 2])
    keep_every = number(
        last,
        "Keep a model every, epochs",
        "keep",
        value=None,
        min_value=1,
        placeholder="best and last only",
        help="Models to keep besides the best and the last one, to look at their predictions "
        "later; about 2 MB each.",
    )
    frozen = left.multiselect(
        "Frozen blocks",
        list(BLOCKS),
        key="frozen",
        bind="query-params",
        placeholder="none: all blocks are trained, as in the paper",
        help="Blocks that keep their pretrained weights. "
        + "; ".join(f"{block}: {description}" for block, description in BLOCKS.items())
        + ". AtomRef depends on the method.",
    )
    rates = right.text_input(
        "Learning rates of blocks",
        key="rates",
        bind="query-params",
        placeholder="for example embedding=0.1, readout=2",
        help="Learning rate of a block as a multiple of the learning rate. Early blocks describe "
        "the atoms and need little change; the readout may change a lot.",
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


@st.cache_data(show_spinner=False)
def _devices() -> list[str]:
    return available_devices()
