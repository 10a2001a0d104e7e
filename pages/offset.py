"""How much of a model's energy error is only an offset between two energy scales."""

import shlex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.frames.provenance import Provenance
from core.frames.schema import Card, EnergyColumn
from core.potential.released import MODELS
from core.reference.fits.atomref import RARE
from core.reference.shifts.model_offset import STEPS
from core.report.offset import errors_by_chemistry, errors_by_element, notes, source_of, step_name
from core.runs.record.named_models import runs_with_models
from core.studies.model_offset import ModelOffset, OffsetStudy
from pages.parts.shared.datasets import (
    available,
    choose,
    choose_energy,
    frames_to_learn,
    show_provenance,
)
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head, is_dark, plain
from pages.parts.shared.views import one_of
from pages.parts.shared.waterfall import show_waterfall

MOST = 1000


def main() -> None:
    head(
        "Model offset",
        "How much of a pretrained model's energy error on your data do new references remove, "
        "before any training?",
    )
    with errors_shown():
        selected = choose_study()
        if selected is None:
            return
        study, energy = selected
        result: ModelOffset | None = computed(study)
        if result is not None:
            show_result(study, energy, result)
        words = ["atomref", "offset", study.dataset, "--model", study.model]
        words += [] if study.column is None else ["--column", study.column]
        words += [] if study.most == MOST else ["--rows", str(study.most)]
        command(shlex.join(words))


def choose_study() -> tuple[OffsetStudy, EnergyColumn] | None:
    left, middle, right, end = st.columns([2, 2, 2, 1])
    with left:
        info = choose(
            "Data set",
            [*frames_to_learn(), *available("pairs")],
            key="dataset",
            help_text="Structures with total energies in the functional that the model must learn.",
        )
    if info is None:
        return None
    energy = energy_of(info.card, middle)
    model = right.selectbox(
        "Model",
        [*MODELS, *runs_with_models()],
        key="model",
        bind="query-params",
        help="A released model, or a run, of which the best checkpoint is used.",
    )
    most = end.number_input(
        "Rows at most",
        min_value=50,
        max_value=1_000_000,
        value=MOST,
        step=50,
        key="most",
        bind="query-params",
        help="A sample of the materials is enough for a first answer. Interaction energies are "
        "computed once and kept.",
    )
    column = energy.column if info.card.kind == "pairs" else None
    return OffsetStudy(dataset=info.card.name, column=column, model=model, most=most), energy


def energy_of(card: Card, box: DeltaGenerator) -> EnergyColumn:
    if card.kind == "frames":
        energy = card.frame_energy
        box.selectbox(
            "Energy", [energy.functional], disabled=True, help="The functional of the data set."
        )
        return energy
    return choose_energy(
        card, box, key="column", help_text="The energies that the model must learn."
    )


def show_result(study: OffsetStudy, energy: EnergyColumn, result: ModelOffset) -> None:
    errors = result.found
    source = source_of(study, energy.corrections, result)
    show_provenance(source)
    st.markdown(
        f"Of **{errors.mae['as_is']:.2f} eV/atom**, **{errors.share:.1%}** is only an offset: new "
        f"references alone reduce the error to **{min(errors.mae.values()):.3f} eV/atom**. "
        "Training has to remove the rest."
    )
    for finding in result.findings:
        st.warning(plain(finding["message"]), icon=":material/straighten:")
    show_waterfall(
        errors.mae,
        unit="eV/atom",
        name="offset-waterfall",
        caption="Solid: the error that remains. Hatched: what the step removes. AtomRef is fitted "
        "to total energies, residual AtomRef to total minus interaction energies.",
        source=source,
    )
    for note in notes(result):
        st.caption(plain(note))
    show_elements(result, source)
    show_chemistries(result, source)


def show_elements(result: ModelOffset, source: Provenance) -> None:
    st.subheader("By element")
    step = one_of(
        st,
        "Error",
        list(STEPS),
        format_func=step_name,
        default="residual",
        key="step",
        wrap=True,
        help="The references with which the model is judged, from its own to residual ones.",
    )
    table = result.found.element_table()
    rare = table.loc[table["count"] < RARE, "symbol"]
    show(
        errors_by_element(table, step, dark=is_dark()),
        name=f"offset-by-element-{step}",
        caption="Mean error of the materials that contain the element, on a logarithmic colour "
        f"scale. Elements in fewer than {RARE} rows: {', '.join(rare) or 'none'}.",
        source=source,
        table=lambda: table,
    )


def show_chemistries(result: ModelOffset, source: Provenance) -> None:
    st.subheader("By chemistry")
    table = result.found.chemistry_table()
    show(
        errors_by_chemistry(table, dark=is_dark()),
        name="offset-by-chemistry",
        caption="From right to left: the model's error, and the error after each set of "
        "references. The number of rows is in brackets. A material belongs to the first class that "
        "fits: oxide, halide, chalcogenide, pnictide, carbide, boride, silicide, hydride, "
        "intermetallic.",
        source=source,
        table=lambda: table,
    )


main()
