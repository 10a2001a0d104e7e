"""A run's model on frames that it was not trained on: against the labels, and by element."""

from typing import get_args

import streamlit as st

from core.figures.base.periodic import periodic_table
from core.figures.training.run_parity import run_parity
from core.reference.fits.atomref import RARE
from core.runs.record.directory import Run
from core.studies.run_errors import MODELS, Part, RunErrorsStudy
from core.training.scoring.frame_errors import KINDS, FrameErrors, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS
from pages.parts.runs.about import labels_of, source_line
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark, plain

MOST = 2000
BY_ELEMENT = ("energy", "force")
NAMES = {"best": "best epoch's", "last": "last step's", "untrained": "untrained"}


def show_frame_errors(run: Run, *, by_element: bool) -> None:
    """Show predictions beside labels, or the errors by element."""
    study = choose(run)
    found: FrameErrors | None = computed(study)
    if found is None:
        return
    whose = NAMES.get(study.checkpoint, study.checkpoint)
    source = plain(
        f"The {whose} model of {run.id} on {len(found.rows):,} of {found.n_available:,} "
        f"{study.part} frames. {source_line(run)}"
    )
    if found.n_left_out:
        source += plain(f" {found.n_left_out:,} frames cannot be represented by CHGNet.")
    if by_element:
        elements(run, study, found, source)
    else:
        parity(run, study, found, source)


def choose(run: Run) -> RunErrorsStudy:
    """Let the reader choose the model and the frames."""
    left, middle, right = st.columns([2, 2, 1])
    checkpoint = left.segmented_control(
        "Model of",
        [*MODELS, *(f"epoch-{epoch}" for epoch in run.kept_epochs)],
        default="best",
        required=True,
        key="model_of",
        bind="query-params",
        help="The epoch with the lowest validation energy error, the last step, the model that the "
        "run began with, its references in place, or any epoch that the run was told to keep.",
    )
    part: Part = middle.segmented_control(
        "Frames",
        list(get_args(Part)),
        default="test",
        required=True,
        key="part",
        bind="query-params",
        help="Neither were trained on; validation chose the best epoch.",
    )
    most = right.number_input(
        "Frames at most",
        min_value=10,
        max_value=1_000_000,
        value=MOST,
        step=100,
        key="most",
        bind="query-params",
    )
    return RunErrorsStudy(run=run.id, checkpoint=checkpoint, part=part, most=most)


def parity(run: Run, study: RunErrorsStudy, found: FrameErrors, source: str) -> None:
    """Show what the model predicts against what the labels say."""
    kind = st.segmented_control(
        "Quantity",
        found.kinds,
        format_func=lambda key: KINDS[key][0],
        default=found.kinds[0],
        required=True,
        key="kind",
        bind="query-params",
    )
    title, unit = KINDS[kind]
    error_unit = METRICS[LABEL_METRICS[kind]].unit
    table = found.compared(kind)
    told = summary(table, kind)
    chart, numbers = st.columns([3, 1])
    with numbers:
        st.metric("Mean absolute error", f"{told['mae']:.4g} {error_unit}")
        st.metric("Root mean square error", f"{told['rmse']:.4g} {error_unit}")
        st.metric("Largest error", f"{told['largest']:.4g} {error_unit}")
        st.metric("Values", f"{told['n']:,}")
    names = [
        f"{name}, {formula}" for name, formula in zip(found.frame_ids, found.formulas, strict=True)
    ]
    with chart:
        show(
            run_parity(table, names, title=title, unit=unit, dark=is_dark()),
            name=f"{run.id}-{study.checkpoint}-{study.part}-{kind}",
            caption="On the dashed line the model says what the label says; a cloud beside it is "
            "an offset, a tilted one a wrong scale.",
            source=source,
            labels=labels_of(run),
            table=lambda: table.assign(frame=found.frame_ids[table["frame"]]),
        )


def elements(run: Run, study: RunErrorsStudy, found: FrameErrors, source: str) -> None:
    """Show the errors by element."""
    table = found.by_element()
    known = [kind for kind in BY_ELEMENT if kind in found.kinds]
    if not known:
        st.info("These frames have no energies and no forces to compare with.")
        return
    kind = st.segmented_control(
        "Error of",
        known,
        format_func=lambda key: KINDS[key][0],
        default=known[0],
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
                + (f"; in fewer than {RARE} frames, so little is known" if frames < RARE else "")
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
        + f", logarithmic colours. In fewer than {RARE} frames, so little is known: "
        + (", ".join(rare) or "none")
        + ".",
        source=source,
        labels=labels_of(run),
        table=lambda: table.assign(rare=table["n_frames"] < RARE),
    )
