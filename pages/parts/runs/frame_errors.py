"""Errors of a run's model on held-out frames: parity, and errors by element."""

from dataclasses import replace
from functools import partial
from typing import Any, get_args

import streamlit as st

from core.figures.base.periodic import periodic_table
from core.figures.training.run_parity import run_parity
from core.frames.provenance import Provenance
from core.reference.fits.atomref import RARE
from core.runs.record.directory import Run
from core.runs.record.functionals import functionals_of
from core.runs.results.about import provenance_of
from core.runs.results.unseen import unseen_rows
from core.studies.run_errors import MODELS, Part, RunErrorsStudy
from core.training.scoring.frame_errors import KINDS, FrameErrors, among, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark
from pages.parts.shared.views import one_of

MAX_FRAMES = 2000
BY_ELEMENT = ("energy", "force")
MODEL_NAMES = {"best": "best epoch's", "last": "last step's", "untrained": "untrained"}


_PARITY = (
    "On the dashed line the prediction equals the label; a cloud beside it is an offset, a tilted "
    "one a wrong scale."
)
_MINUS_ATOMREF = (
    "The same errors without the AtomRef of the model, whose tens of eV/atom hide them in total "
    "energies. Frames with an unseen element may lie outside; a double click shows them."
)


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
    if study.functional:
        frames = f"{frames} Functional: {study.functional}."
        source = replace(source, data=study.datasets[0])
    source = replace(source, details=f"{frames} {source.details}")
    if by_element:
        _by_element(run, study, errors, source)
    else:
        _parity(run, study, errors, source)


def _choose_study(run: Run) -> RunErrorsStudy:
    """Let the reader choose the model and the frames."""
    known = [one.functional for one in functionals_of(run)]
    functional = ""
    if known:
        functional = one_of(
            st,
            "Functional",
            known,
            default=known[0],
            key="functional",
            wrap=True,
            help="Each functional has a model of its own, and its own validation and test frames.",
        )
    further = bool(known) and functional != known[0]
    left, middle, right = st.columns([2, 2, 1])
    checkpoint = one_of(
        left,
        "Model of",
        [*(MODELS[:1] if further else MODELS), *(f"epoch-{epoch}" for epoch in run.kept_epochs)],
        default="best",
        key="model_of",
        wrap=True,
        help="The epoch with the lowest validation energy error, the last step, the untrained "
        "model with its new references, or any epoch whose model was saved.",
    )
    part: Part = one_of(
        middle,
        "Frames",
        list(get_args(Part)),
        default="test",
        key="part",
        wrap=True,
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
        help="A sample is enough for a first look; all take longer.",
    )
    return RunErrorsStudy(
        run=run.id,
        checkpoint=checkpoint,
        part=part,
        functional=functional if further else "",
        most=most,
    )


def _parity(run: Run, study: RunErrorsStudy, errors: FrameErrors, source: Provenance) -> None:
    """Show predictions against labels."""
    kind = one_of(
        st,
        "Quantity",
        errors.kinds,
        format_func=lambda key: KINDS[key][0],
        default=errors.kinds[0],
        key="kind",
        wrap=True,
        help="What is compared with its label.",
    )
    title, unit = KINDS[kind]
    error_unit = METRICS[LABEL_METRICS[kind]].unit
    table = errors.compared(kind)
    flags, unseen = unseen_rows(run, errors.rows, functional=study.functional)
    statistics = summary(table, kind)
    numbers = {
        "Mean absolute error": f"{_digits(statistics['mae'])} {error_unit}",
        "Root mean square error": f"{_digits(statistics['rmse'])} {error_unit}",
        "Largest error": f"{_digits(statistics['largest'])} {error_unit}",
        "Values": f"{statistics['n']:,}",
    }
    for cell, (label, value) in zip(st.columns(4), numbers.items(), strict=True):
        cell.metric(label, value)
    if flags.any():
        _show_unseen(table, kind, flags, unseen, error_unit)
    names = [
        f"{name}, {formula}"
        for name, formula in zip(errors.frame_ids, errors.formulas, strict=True)
    ]
    figures = {title: (table, "")}
    if kind == "energy":
        figures["Energy minus AtomRef"] = (errors.without_atomref(), "-minus-atomref")
    intervals = errors.intervals if kind == "energy" else None
    captions = (_PARITY + _covered(errors) if kind == "energy" else _PARITY, _MINUS_ATOMREF)
    columns = st.columns(len(figures)) if len(figures) > 1 else [st.container()]
    for column, (name, (values, suffix)), caption in zip(
        columns, figures.items(), captions, strict=False
    ):
        with column:
            show(
                run_parity(
                    values,
                    names,
                    title=name,
                    unit=unit,
                    marked={f"with {', '.join(unseen)}, unseen in training": flags},
                    around_others=bool(suffix),
                    intervals=intervals,
                    dark=is_dark(),
                ),
                name=f"{run.id}-{study.checkpoint}-{study.part}-{kind}{suffix}",
                caption=caption,
                source=source,
                table=partial(_named, values, errors.frame_ids),
            )


def _covered(errors: FrameErrors) -> str:
    """Return how often the 90 % intervals hold; empty of a model without any."""
    covered = errors.coverage()
    if covered is None:
        return ""
    within, of = covered
    return f" Bars are 90 % intervals: {within:,} of {of:,} labels lie within them."


def _digits(value: float) -> str:
    """Return an error with four digits, and without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _named(table: Any, frame_ids: Any) -> Any:
    """Return a table with the names of the frames instead of their numbers."""
    return table.assign(frame=frame_ids[table["frame"]])


def _show_unseen(table: Any, kind: str, flags: Any, symbols: list[str], unit: str) -> None:
    """Show the error with and without the frames that hold an unseen element."""
    with_one, without = among(table, flags), among(table, ~flags)
    shares = [
        f"{_digits(summary(part, kind)['mae'])} {unit} {words}"
        for part, words in ((without, "without them"), (with_one, "on them alone"))
        if len(part)
    ]
    st.info(
        f"{flags.sum():,} of {len(flags):,} frames hold an element that training never saw "
        f"({', '.join(symbols)}). Mean absolute error: {'; '.join(shares)}.",
        icon=":material/visibility_off:",
    )


def _by_element(run: Run, study: RunErrorsStudy, errors: FrameErrors, source: Provenance) -> None:
    """Show the errors by element."""
    table = errors.by_element()
    kinds = [kind for kind in BY_ELEMENT if kind in errors.kinds]
    if not kinds:
        st.info("These frames have no energies and no forces to compare with.")
        return
    kind = one_of(
        st,
        "Error of",
        kinds,
        format_func=lambda key: KINDS[key][0],
        default=kinds[0],
        key="error",
        wrap=True,
        help="The label whose error is averaged by element.",
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
