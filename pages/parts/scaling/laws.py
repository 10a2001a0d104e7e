"""What the views of the Scaling page share: a sweep or a table of points, and the laws fitted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import LabError
from core.runs.record.progress import duration_text
from core.runs.results.comparison import method_label
from core.scaling.form_choice import Choice, choose_form
from core.scaling.law import Form, Law, fit_law
from core.scaling.points import ScalingPoints
from core.scaling.sweep_results import SweepAbout, SweepResults
from core.training.settings.methods import METHODS
from pages.parts.shared.datasets import CORRECTIONS, MODEL_LABELLED, origin
from pages.parts.shared.page import plain

LEVEL = 0.95
REACH = 4.0
"""Laws are drawn up to so many times the largest size: as far as the honest test looks."""

FORMS = {
    "power": "Power law",
    "offset": "With a floor",
    "auto": "Chosen by held-out sizes",
}
FORM_TEXT: dict[Form, str] = {"power": "a·N⁻ᵇ", "offset": "a·N⁻ᵇ + c"}
OWN = "points"
"""The key that stands for the method of a table of points, of which nothing is known."""

NO_ZERO = pd.DataFrame({"seed": np.empty(0, dtype=int), "error": np.empty(0)})
_GRID = 81


@dataclass(kw_only=True, frozen=True, eq=False)
class Shown:
    """The points and laws that the reader looks at.

    Attributes:
        key: Names the points in caches.
        results: The sweep; None for a table of points.
        metric: Key of `core.training.settings.metrics.METRICS`; empty for a table of points.
        split: Which frames the errors are of; empty for a table of points.
        title: The error, without its unit.
        unit: Its unit.
        form: As asked for, a key of FORMS.
        min_frames: Fits leave out smaller numbers of training frames.
        points: By method, in the order of methods.
        zero: Untrained models by method: `seed`, `error`.
        laws: Of the methods that could be fitted.
        refused: Why the others could not, one sentence each.
        source: Where the errors come from, for captions.
        labels: The same in few words, for figures that leave the page.
        arguments: The same choice as arguments of `scaling`.
    """

    key: tuple[Any, ...]
    results: SweepResults | None
    metric: str
    split: str
    title: str
    unit: str
    form: str
    min_frames: int
    points: dict[str, ScalingPoints]
    zero: dict[str, pd.DataFrame]
    laws: dict[str, Law]
    refused: dict[str, str]
    source: str
    labels: str
    arguments: str

    def curve(self, method: str) -> pd.DataFrame:
        """Return a method's law from its smallest size to REACH times its largest.

        Returns:
            Columns `n_frames`, `error`, `low`, `high`; empty where nothing was fitted.
        """
        if method not in self.laws:
            return pd.DataFrame(columns=["n_frames", "error", "low", "high"], dtype=float)
        return _curve(
            (*self.key, method),
            self.laws[method],
            float(self.points[method].sizes.min()),
        )


def name_of(method: str) -> str:
    """Return what a method, or a table of points, is called."""
    return method_label(method) if method in METHODS else "Your points"


def law_of(key: tuple[Any, ...], points: ScalingPoints, *, form: str, min_frames: int) -> Law | str:
    """Return the law of some points, or the sentence that refuses it.

    Args:
        key: Names the points in caches.
        points: The points.
        form: A key of FORMS.
        min_frames: As in `Shown`.
    """
    if form != "auto":
        return _law(key, "offset" if form == "offset" else "power", min_frames, points)
    choice = choice_of(key, points, min_frames=min_frames)
    return choice if isinstance(choice, str) else _law(key, choice.form, min_frames, points)


def choice_of(key: tuple[Any, ...], points: ScalingPoints, *, min_frames: int) -> Choice | str:
    """Return which form predicts held-out sizes better, or the sentence that refuses to tell."""
    return _choice(key, min_frames, points)


def _told(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except LabError as error:
        return str(error)


@st.cache_resource(max_entries=512, show_spinner="Fitting …")
def _law(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    form: Form,
    min_frames: int,
    _points: ScalingPoints,
) -> Law | str:
    return _told(lambda: fit_law(_points, form=form, min_frames=min_frames))


@st.cache_resource(max_entries=512, show_spinner="Fitting …")
def _choice(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    min_frames: int,
    _points: ScalingPoints,
) -> Choice | str:
    return _told(lambda: choose_form(_points, min_frames=min_frames))


@st.cache_data(max_entries=512, show_spinner=False)
def _curve(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _law: Law,
    first: float,
) -> pd.DataFrame:
    n = np.geomspace(first, REACH * _law.largest, _GRID)
    n = np.unique(np.concatenate([n, [_law.smallest, _law.largest]]))
    low, high = _law.band(n, LEVEL)
    return pd.DataFrame({"n_frames": n, "error": _law.predict(n), "low": low, "high": high})


def source_of(about: SweepAbout, *, split: str) -> str:
    """Return where a sweep's errors come from, ready for a caption."""
    frames = about.n_test if split == "test" else about.n_validation
    data, sweep = about.data, about.sweep
    when = datetime.fromtimestamp(sweep.created).strftime("%Y-%m-%d")
    took = "" if about.seconds is None else f", in {duration_text(about.seconds)}"
    return plain(
        f"Data: {data.name}, {data.functional}, {CORRECTIONS[data.corrections]}; {frames:,} "
        f"{split} frames of other materials. Labels: {origin(data.labels)}. Starts from "
        f"{sweep.base.source_model}. Made {when} on {sweep.machine}{took}."
    )


def labels_of(about: SweepAbout) -> str:
    """Return the same in few words."""
    data = about.data
    made = f"{data.labels}: {MODEL_LABELLED}" if about.is_model_labelled else "DFT"
    return f"Data: {data.name}. Labels: {made}"
