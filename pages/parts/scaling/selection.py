"""Choosing a sweep or a table of points, the error to look at, and the law to fit."""

from pathlib import Path

import streamlit as st

from core.boxed import ask
from core.frames.provenance import Provenance
from core.frames.uploads import keep_upload
from core.runs.groups.sweep import Sweep
from core.scaling.analysis import ScalingAnalysis, analyse_sweep, analyse_table
from core.scaling.form_choice import FormOption
from core.scaling.sweep_files import list_results, open_results
from core.scaling.sweep_results import SweepResults
from core.scaling.words import FORMS
from core.training.settings.metrics import METRICS
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import plain
from pages.parts.shared.selection import link_to, linked
from pages.parts.shared.views import one_of

UPLOAD = "upload"
SPLITS = {"validation": "Validation", "test": "Test"}
_MOST = 10_000_000


def choose_analysis() -> ScalingAnalysis | None:
    """Show the controls and return the laws; None, with what to do next, without points."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name, embedded = _choose_sweep()
    if name == UPLOAD:
        with right:
            form, min_frames = _choose_law("0")
        return _choose_table(form, min_frames)
    # The results change whenever a run finishes.
    n_finished = 0 if embedded else Sweep.load(name).progress().finished
    results = _results(name, n_finished)
    with right:
        form, min_frames = _choose_law("where settled")
    data = results.about.data
    show_provenance(Provenance(data=data.name, labels=data.made_by))
    for reason in results.left_out.values():
        st.warning(plain(reason))
    if results.points.empty:
        st.info("No run of this sweep has finished yet; the small sizes come first.")
        return None
    if not results.metrics:
        st.info("The frames of this sweep have no labels to compare with.")
        return None
    metric, split = _choose_error(results.metrics)
    return _sweep_analysis(name, n_finished, metric, split, form, min_frames)


def _choose_sweep() -> tuple[str, bool]:
    """Return the name of a sweep, or UPLOAD, and whether the sweep is embedded."""
    entries = list_results()
    titles = {entry.name: entry.title for entry in entries} | {UPLOAD: "Your own table of points"}
    names = list(titles)
    requested = linked("sweep")
    if requested is not None and requested not in titles:
        st.warning(plain(f"No sweep {requested} exists here; showing {titles[names[0]]}."))
    name = st.selectbox(
        "Sweep",
        names,
        index=names.index(requested) if requested in names else 0,
        format_func=lambda name: titles.get(name, name),
        key="sweep",
        on_change=lambda: link_to("sweep", st.session_state["sweep"]),
        help="Training set sizes × methods × seeds. Start new ones in the view Sweeps.",
    )
    return name, any(entry.embedded for entry in entries if entry.name == name)


def _choose_law(default: str) -> tuple[FormOption, int | None]:
    """Return the form of the law and the smallest size to fit, None for the default."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    form = left.selectbox(
        "Law",
        list(FORMS),
        format_func=FORMS.__getitem__,
        key="form",
        bind="query-params",
        help="Power law: E = a·N⁻ᵇ, a straight line here, as in the paper. With a floor: "
        "E = a·N⁻ᵇ + c, where more data do not help below c; it needs more sizes. The last option "
        "fits both to the smaller sizes and takes the one that predicts the larger sizes better.",
    )
    min_frames = right.number_input(
        "From, frames",
        min_value=0,
        max_value=_MOST,
        value=None,
        placeholder=default,
        key="least",
        bind="query-params",
        help="Smaller training sets are left out of the fit. Default for a sweep: each law starts "
        "where the untrained model has settled, at an error at most a tenth above that with the "
        "largest training set, but not below a sixteenth of the largest size. The paper fits "
        "above 1,000 frames.",
    )
    return form, None if min_frames is None else int(min_frames)


def _choose_error(metrics: list[str]) -> tuple[str, str]:
    """Return the metric and the split."""
    left, right = st.columns([3, 2])
    metric = one_of(
        left,
        "Error of",
        metrics,
        format_func=lambda metric: METRICS[metric].label.removesuffix(" MAE"),
        default=metrics[0],
        key="metric",
        wrap=True,
        label_visibility="collapsed",
        help="The label whose error is followed over the sizes.",
    )
    split = one_of(
        right,
        "Frames",
        list(SPLITS),
        format_func=SPLITS.__getitem__,
        default="validation",
        key="split",
        wrap=True,
        label_visibility="collapsed",
        help="The paper shows validation errors. Validation frames choose the best epoch of each "
        "run; test frames are evaluated once, at the end.",
    )
    return metric, split


def _choose_table(form: FormOption, min_frames: int | None) -> ScalingAnalysis | None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    upload = left.file_uploader(
        "Points",
        type=["csv", "gz", "parquet"],
        key="points",
        help="Columns n_frames and error, and seed if there are several. Rows with n_frames 0 are "
        "untrained models.",
    )
    unit = right.text_input(
        "Unit",
        value="meV/atom",
        max_chars=40,
        key="unit",
        bind="query-params",
        help="Of the errors in the table; only for the axis.",
    )
    if upload is None:
        st.info(
            "Choose a CSV or Parquet file with the columns n_frames, error and optionally seed: "
            "one row per trained model.",
            icon=":material/upload:",
        )
        return None
    return _table_analysis(keep_upload(upload.name, upload), unit, form, min_frames)


@st.cache_resource(max_entries=4, show_spinner="Reading the sweep …")
def _results(name: str, n_finished: int) -> SweepResults:  # noqa: ARG001  part of the cache's key
    return open_results(name)


@st.cache_resource(max_entries=64, show_spinner="Fitting …")
def _sweep_analysis(
    name: str, n_finished: int, metric: str, split: str, form: FormOption, min_frames: int | None
) -> ScalingAnalysis:
    return analyse_sweep(
        name,
        _results(name, n_finished),
        metric=metric,
        split=split,
        form=form,
        min_frames=min_frames,
    )


@st.cache_resource(max_entries=64, show_spinner="Fitting …")
def _table_analysis(
    path: Path, unit: str, form: FormOption, min_frames: int | None
) -> ScalingAnalysis:
    # Not in this process, which everybody shares.
    return ask(analyse_table, path, unit=unit, form=form, min_frames=min_frames)
