"""Settings of how a run learns: changes of its loss, what it keeps of the pretrained model."""

from typing import Any

import streamlit as st

from core.training.settings.config import ALIKE, MATERIALS
from core.training.settings.source import Replay, Teacher
from pages.parts.shared.datasets import available
from pages.parts.shared.views import number

DEFAULTS = Teacher()
REPLAY = Replay()
NO_REPLAY = "no replay"
LABELS = {"own": "its own labels", "pretrained": "pseudolabels of the source model"}
BEST_BY = {"energy": "energy", "force": "force", "stress": "stress", "magmom": "magnetic moment"}
AFTER = {"kept": "as training leaves it", "solved": "solved again, if it helps"}
RATE_FROM = {"given": "as given", "found": "found before the training"}
FRAME_WEIGHTS = {ALIKE: "every frame the same", MATERIALS: "every material the same"}


def choose_loss_changes() -> dict[str, Any]:
    """Ask how rate and loss are chosen; keys as in `core.training.settings.config.FLAGS`."""
    first, second, third, fourth = st.columns(4)
    rate_from = first.selectbox(
        "Learning rate is",
        list(RATE_FROM),
        format_func=RATE_FROM.__getitem__,
        key="rate-from",
        bind="query-params",
        help="Found: a copy of the model makes a hundred steps at rates that grow from 1e-7 to 1, "
        "and the run begins with the rate at which the loss falls most steeply. The view “Speed” "
        "of the run shows the curve.",
    )
    epoch = number(
        second,
        "Loss ratios change at epoch",
        "later-epoch",
        value=None,
        min_value=2,
        placeholder="never",
        help="The first epoch with other loss ratios. Forces first and energies later, with a "
        "larger ratio, is a usual schedule.",
    )
    later = third.text_input(
        "Later loss ratios",
        key="later-loss",
        bind="query-params",
        disabled=epoch is None,
        placeholder="for example energy=30, force=1",
        help="The ratios that change then: energy, force, stress, magmom.",
    )
    weights = fourth.selectbox(
        "Weights of frames",
        list(FRAME_WEIGHTS),
        format_func=FRAME_WEIGHTS.__getitem__,
        key="frame-weights",
        bind="query-params",
        help="Every material the same: a material of many frames counts no more than one of a few. "
        "The command line also takes a file of weights, --frame-weights FILE.csv.",
    )
    return {
        "rate_from": rate_from,
        "later.epoch": epoch,
        "later.loss": later.replace(" ", "") if epoch is not None else None,
        "frame_weights": weights,
    }


def choose_source_labels() -> dict[str, Any]:
    """Ask for labels of the source functional; keys as in `core.training.settings.config.FLAGS`."""
    first, second, third, _ = st.columns(4)
    weight = number(
        first,
        "Teacher, weight",
        "teacher",
        value=DEFAULTS.weight,
        min_value=0.0,
        max_value=1000.0,
        step=0.1,
        format="%g",
        help="Where frames have energies alone, the pretrained model's own forces and stresses, "
        "which are those of the source functional, are further targets. This is their weight in "
        "the loss, times the loss ratio of the kind; 0: no teacher.",
    )
    copies = number(
        second,
        "Teacher, copies",
        "teacher-copies",
        value=DEFAULTS.copies,
        min_value=0,
        max_value=100,
        disabled=not weight,
        help="Copies of each frame with displaced atoms, drawn anew in every epoch, which the "
        "pretrained model labels as well. Each costs as much as a frame with forces.",
    )
    displacement = number(
        third,
        "Teacher, displacement, Å",
        "teacher-displacement",
        value=DEFAULTS.displacement,
        min_value=0.001,
        max_value=1.0,
        step=0.01,
        format="%g",
        disabled=not weight,
        help="Standard deviation of the displacement of each atom along each axis.",
    )
    if not weight:
        return {}
    return {
        "teacher.weight": weight,
        "teacher.copies": copies,
        "teacher.displacement": displacement,
    }


def choose_replay() -> dict[str, Any]:
    """Ask what is replayed against forgetting; keys as in `FLAGS`."""
    first, second, third, fourth = st.columns(4)
    dataset = first.selectbox(
        "Replay",
        [NO_REPLAY, *(info.card.name for info in available())],
        key="replay",
        bind="query-params",
        help="Frames of the source functional that take part in every step, so that the model does "
        "not forget what it knows. Their energies are relative to an AtomRef of their own.",
    )
    off = dataset == NO_REPLAY
    labels = second.selectbox(
        "Replay, labels",
        list(LABELS),
        format_func=LABELS.__getitem__,
        key="replay-labels",
        bind="query-params",
        disabled=off,
        help="The data set's own labels, which should be of the source functional, or "
        "pseudolabels: what the pretrained model predicts for its structures, which is not DFT.",
    )
    ratio = number(
        third,
        "Replay, frames per training frame",
        "replay-ratio",
        value=REPLAY.ratio,
        min_value=0.01,
        max_value=100.0,
        step=0.1,
        format="%g",
        disabled=off,
        help="How many frames are replayed in each step, as a multiple of the batch size.",
    )
    weight = number(
        fourth,
        "Replay, weight",
        "replay-weight",
        value=REPLAY.weight,
        min_value=0.001,
        max_value=1000.0,
        step=0.1,
        format="%g",
        disabled=off,
        help="Weight of the loss of the replayed frames beside that of the training frames.",
    )
    if off:
        return {}
    return {
        "replay.dataset": dataset,
        "replay.labels": labels,
        "replay.ratio": ratio,
        "replay.weight": weight,
    }


def choose_weights() -> dict[str, Any]:
    """Ask for average, pull and choice of weights; keys as in `FLAGS`."""
    first, second, third, fourth = st.columns(4)
    ema = number(
        first,
        "Average of weights, decay",
        "ema",
        value=0.0,
        min_value=0.0,
        max_value=0.9999,
        step=0.01,
        format="%g",
        help="Validates and keeps a running average (EMA) of the weights instead of the last ones. "
        "0.99 averages over about a hundred steps; 0: no average.",
    )
    pull = number(
        second,
        "Pull to the pretrained weights",
        "l2-sp",
        value=0.0,
        min_value=0.0,
        max_value=1000.0,
        step=0.001,
        format="%g",
        help="L2-SP: adds half of this number times the squared distance from the pretrained "
        "weights to the loss; 0: no pull.",
    )
    best_by = third.selectbox(
        "Best epoch by",
        list(BEST_BY),
        format_func=BEST_BY.__getitem__,
        key="best-by",
        bind="query-params",
        help="The validation error that tells which epoch's model is kept and tested, and whether "
        "training still improves.",
    )
    after = fourth.selectbox(
        "AtomRef after training",
        list(AFTER),
        format_func=AFTER.__getitem__,
        key="atomref-after",
        bind="query-params",
        help="Solves the references again with the trained network, and takes them if the energy "
        "error on validation frames becomes smaller.",
    )
    return {"ema": ema, "l2_sp": pull, "best_by": best_by, "atomref_after": after}
