"""Errors of a run's model on held-out frames: parity, and errors by element."""

from dataclasses import replace
from typing import get_args

import streamlit as st

from core.figures.base.periodic import periodic_table
from core.figures.training.run_parity import run_parity
from core.frames.provenance import Provenance
from core.reference.fits.atomref import RARE
from core.runs.record.directory import Run
from core.studies.run_errors import MODELS, Part, RunErrorsStudy
from core.training.scoring.frame_errors import KINDS, FrameErrors, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS
from pages.parts.runs.about import provenance_of
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark

MAX_FRAMES = 2000
BY_ELEMENT = ("energy", "force")
MODEL_NAMES = {"best": "best epoch's", "last": "last step's", "untrained": "untrained"}


def show_frame_errors(run: Run, *, by_element: bool) -> None:
    """Show predictions beside labels, or the errors by element."""
    study = _choose_study(run)
    errors: FrameErrors | None = computed(study)
    if errors is None:
        return
    model = MODEL_NAMES.get(study.checkpoint, study.checkpoint)
    frames = (
        f"The {model} model of {run.id} on {len(errors.rows):,} of {errors.n_available:,} "
        f"{study.part} frames."
    )
    if errors.n_left_out:
        frames += f" {errors.n_left_out:,} frames cannot be represented by CHGNet."
    source = provenance_of(run)
    source = replace(source, details=f"{frames} {source.details}")
    if by_element:
        _by_element(run, study, errors, source)
    else:
        _parity(run, study, errors, source)


def _choose_study(run: Run) -> RunErrorsStudy:
    """Let the reader choose the model and the frames."""
    left, middle, right = st.columns([2, 2, 1])
    checkpoint = left.segmented_control(
        "Model of",
        [*MODELS, *(f"epoch-{epoch}" for epoch in run.kept_epochs)],
        default="best",
        required=True,
        key="model_of",
        bind="query-params",
        help="The epoch with the lowest validation energy error, the last step, the untrained "
        "model with its new references, or any epoch whose model was saved.",
    )
    part: Part = middle.segmented_control(
        "Frames",
        list(get_args(Part)),
        default="test",
        required=True,
        key="part",
        bind="query-params",
        help="Neither was trained on; validation chose the best epoch.",
    )
    most = right.number_input(
        "Frames at most",
        min_value=10,
        max_value=1_000_000,
        value=MAX_FRAMES,
        step=100,
        key="most",
        bind="query-params",
    )
    return RunErrorsStudy(run=run.id, checkpoint=checkpoint, part=part, most=most)


def _parity(run: Run, study: RunErrorsStudy, errors: FrameErrors, source: Provenance) -> None:
    """Show predictions against labels."""
    kind = st.segmented_control(
        "Quantity",
        errors.kinds,
        format_func=lambda key: KINDS[key][0],
        default=errors.kinds[0],
        required=True,
        key="kind",
        bind="query-params",
    )
    title, unit = KINDS[kind]
    error_unit = METRICS[LABEL_METRICS[kind]].unit
    table = errors.compared(kind)
    statistics = summary(table, kind)
    chart, numbers = st.columns([3, 1])
    with numbers:
        st.metric("Mean absolute error", f"{statistics['mae']:.4g} {error_unit}")
        st.metric("Root mean square error", f"{statistics['rmse']:.4g} {error_unit}")
        st.metric("Largest error", f"{statistics['largest']:.4g} {error_unit}")
        st.metric("Values", f"{statistics['n']:,}")
    names = [
        f"{name}, {formula}"
        for name, formula in zip(errors.frame_ids, errors.formulas, strict=True)
    ]
    with chart:
        show(
            run_parity(table, names, title=title, unit=unit, dark=is_dark()),
            name=f"{run.id}-{study.checkpoint}-{study.part}-{kind}",
            caption="On the dashed line the prediction equals the label; a cloud beside it is an "
            "offset, a tilted one a wrong scale.",
            source=source,
            table=lambda: table.assign(frame=errors.frame_ids[table["frame"]]),
        )


def _by_element(run: Run, study: RunErrorsStudy, errors: FrameErrors, source: Provenance) -> None:
    """Show the errors by element."""
    table = errors.by_element()
    kinds = [kind for kind in BY_ELEMENT if kind in errors.kinds]
    if not kinds:
        st.info("These frames have no energies and no forces to compare with.")
        return
    kind = st.segmented_control(
        "Error of",
        kinds,
        format_func=lambda key: KINDS[key][0],
        default=kinds[0],
        required=True,
        key="error",
        bind="query-params",
    )
    title, unit = METRICS[LABEL_METRICS[kind]]
    rare = table["symbol"][table["n_frames"] < RARE]
    show(
        periodic_table(
            dict(zip(table["symbol"], table[kind], strict=True)),
            title=title,
            unit=unit,
            diverging=False,
            log=True,
            hover={
                symbol: f"{frames:,} frames, {atoms:,} atoms"
                + (f"; uncertain, in fewer than {RARE} frames" if frames < RARE else "")
                for symbol, frames, atoms in zip(
                    table["symbol"], table["n_frames"], table["n_atoms"], strict=True
                )
            },
            dark=is_dark(),
        ),
        name=f"{run.id}-{study.checkpoint}-{study.part}-elements-{kind}",
        caption=(
            "The mean error of the frames that contain the element"
            if kind == "energy"
            else "The mean error of the force components on the element's atoms"
        )
        + f", logarithmic colours. Uncertain, in fewer than {RARE} frames: "
        + (", ".join(rare) or "none")
        + ".",
        source=source,
        table=lambda: table.assign(rare=table["n_frames"] < RARE),
    )
