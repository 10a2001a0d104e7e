"""Choosing a sweep, or a table of points, and what of it to look at."""

import shlex
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import LabError
from core.frames.uploads import keep_upload
from core.runs.groups.sweep import Sweep
from core.scaling.form_choice import asymptotic_from
from core.scaling.law import Law
from core.scaling.points import ScalingPoints, read_points
from core.scaling.sweep_results import SweepResults, list_results, open_results
from core.training.settings.metrics import METRICS
from pages.parts.scaling.laws import FORMS, NO_ZERO, OWN, Shown, labels_of, law_of, source_of
from pages.parts.shared.datasets import model_badge
from pages.parts.shared.page import plain
from pages.parts.shared.selection import link_to, linked

UPLOAD = "upload"
SPLITS = {"validation": "Validation", "test": "Test"}
_MOST = 10_000_000


def choose_shown() -> Shown | None:
    """Let the reader choose; returns None, with what to do next, while there is nothing to show."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name = _choose_results()
    if name == UPLOAD:
        with right:
            form, min_frames = _choose_fit(0)
        return _uploaded(form, min_frames)
    key = (name, _finished(name))
    results = _opened(key, name)
    with right:
        form, min_frames = _choose_fit(_default(results))
    model_badge(results.about.data.made_by)
    for why in results.left_out.values():
        st.warning(plain(why))
    if results.points.empty:
        st.info("No run of this sweep has finished yet; the small sizes come first.")
        return None
    return _of_sweep(name, key, results, form, min_frames)


def _default(results: SweepResults) -> int:
    return asymptotic_from(np.array(results.sizes)) if results.sizes else 0


def _choose_results() -> str:
    titles = {name: title for name, title, _ in list_results()} | {
        UPLOAD: "A table of points of my own"
    }
    names = list(titles)
    asked = linked("sweep")
    if asked is not None and asked not in titles:
        st.warning(plain(f"No sweep {asked} is here; this is {titles[names[0]]}."))
    return st.selectbox(
        "Sweep",
        names,
        index=names.index(asked) if asked in names else 0,
        format_func=lambda name: titles.get(name, name),
        key="sweep",
        on_change=lambda: link_to("sweep", st.session_state["sweep"]),
        help="Sizes of the training set × methods × seeds. The view Sweeps starts new ones.",
    )


def _choose_fit(least: int) -> tuple[str, int]:
    """Let the reader choose the law and the smallest size, by default `least`."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    form = left.selectbox(
        "Law",
        list(FORMS),
        format_func=FORMS.__getitem__,
        key="form",
        bind="query-params",
        help="Power law: E = a·N⁻ᵇ, a straight line here, as in the paper. With a floor: "
        "E = a·N⁻ᵇ + c, where more data do not help below c; it needs more sizes. The last fits "
        "both to the smaller sizes and takes the one that predicts the larger ones better.",
    )
    min_frames = right.number_input(
        "From, frames",
        min_value=0,
        max_value=_MOST,
        value=None,
        placeholder=f"{least:,}",
        key="least",
        bind="query-params",
        help="Fits leave out smaller training sets; of a sweep, unless you say otherwise, those "
        "below a sixteenth of the largest. The paper fits above 1,000 frames.",
    )
    return form, least if min_frames is None else int(min_frames)


def _finished(name: str) -> int:
    """Return how many runs of an own sweep have finished: what its results depend on."""
    if name in _embedded():
        return 0
    return Sweep.load(name).progress().finished


@st.cache_data(show_spinner=False)
def _embedded() -> set[str]:
    return {name for name, _, embedded in list_results() if embedded}


@st.cache_resource(max_entries=4, show_spinner="Reading the sweep …")
def _opened(key: tuple[Any, ...], name: str) -> SweepResults:  # noqa: ARG001  the cache's key
    return open_results(name)


@st.cache_resource(max_entries=32, show_spinner=False)
def _points(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    method: str,
    metric: str,
    split: str,
    _results: SweepResults,
) -> ScalingPoints | None:
    try:
        return _results.scaling_points(method, metric=metric, split=split)
    except LabError:
        return None


def _of_sweep(
    name: str, key: tuple[Any, ...], results: SweepResults, form: str, least: int
) -> Shown | None:
    there = [metric for metric in METRICS if results.points[metric].notna().any()]
    if not there:
        st.info("The frames of this sweep have no labels to compare with.")
        return None
    left, right = st.columns([3, 2])
    metric = left.segmented_control(
        "Error of",
        there,
        format_func=lambda one: METRICS[one].label.removesuffix(" MAE"),
        default=there[0],
        required=True,
        key="metric",
        bind="query-params",
        label_visibility="collapsed",
    )
    split = right.segmented_control(
        "Frames",
        list(SPLITS),
        format_func=SPLITS.__getitem__,
        default="validation",
        required=True,
        key="split",
        bind="query-params",
        label_visibility="collapsed",
        help="The paper shows validation errors. Validation chose each run's best epoch; test "
        "frames were looked at once, at the end.",
    )
    info = METRICS[metric]
    points: dict[str, ScalingPoints] = {}
    for method in results.methods:
        found = _points(key, method, metric, split, results)
        if found is not None:
            points[method] = found
    laws: dict[str, Law] = {}
    refused: dict[str, str] = {}
    for method, own in points.items():
        law = law_of((*key, method, metric, split), own, form=form, min_frames=least)
        if isinstance(law, str):
            refused[method] = law
        else:
            laws[method] = law
    untrained = split == "validation"
    about = results.about
    default = _default(results)
    words = ["atomref", "scaling", name]
    words += [] if metric == next(iter(METRICS)) else ["--metric", metric.split("_")[0]]
    words += [] if split == "validation" else ["--split", split]
    return Shown(
        key=(*key, metric, split, form, least),
        results=results,
        metric=metric,
        split=split,
        title=f"{SPLITS[split]} {info.label[0].lower()}{info.label[1:]}",
        unit=info.unit,
        form=form,
        min_frames=least,
        points=points,
        zero={
            method: results.zero_point(method, metric) if untrained else NO_ZERO
            for method in points
        },
        laws=laws,
        refused=refused,
        source=source_of(about, split=split),
        labels=labels_of(about),
        arguments=shlex.join([*words, *_fit_words(form, least, default=default)]),
    )


def _fit_words(form: str, least: int, *, default: int) -> list[str]:
    words = [] if form == "power" else ["--form", form]
    return words if least == default else [*words, "--min-frames", str(least)]


def _uploaded(form: str, least: int) -> Shown | None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    upload = left.file_uploader(
        "Points",
        type=["csv", "gz", "parquet"],
        key="points",
        help="Columns n_frames and error, and seed where there are several. Rows with n_frames 0 "
        "are untrained models.",
    )
    unit = right.text_input("Unit", value="meV/atom", max_chars=40, key="unit", bind="query-params")
    if upload is None:
        st.info(
            "Choose a CSV or Parquet file with the columns n_frames, error and, if there are any, "
            "seed: one row a trained model.",
            icon=":material/upload:",
        )
        return None
    path = keep_upload(upload.name, upload)
    points = read_points(path, unit=unit)
    key = (str(path), unit)
    law = law_of((*key, OWN), points, form=form, min_frames=least)
    words = ["atomref", "scaling", "--points", upload.name]
    words += _fit_words(form, least, default=0)
    return Shown(
        key=(*key, form, least),
        results=None,
        metric="",
        split="",
        title="Error",
        unit=unit,
        form=form,
        min_frames=least,
        points={OWN: points},
        zero={OWN: pd.DataFrame({"seed": range(len(points.zero)), "error": points.zero})},
        laws={} if isinstance(law, str) else {OWN: law},
        refused={OWN: law} if isinstance(law, str) else {},
        source=plain(f"Data: {upload.name}, {len(points.error):,} points."),
        labels=f"Data: {upload.name}",
        arguments=shlex.join(words),
    )
