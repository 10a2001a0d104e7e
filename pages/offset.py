"""How much of a model's energy error is only an offset between two energy scales."""

import shlex

import pandas as pd
import streamlit as st

from core.elements import SYMBOLS
from core.figures.base.periodic import periodic_table
from core.figures.shifts.waterfall import by_group
from core.frames.provenance import CORRECTIONS, Provenance
from core.frames.registry import DatasetInfo
from core.frames.schema import EnergyColumn
from core.potential.released import MODELS
from core.reference.fits.atomref import RARE
from core.reference.shifts.model_offset import STEPS
from core.reference.shifts.pairs import default_columns
from core.runs.record.named_models import runs_with_models
from core.studies.model_offset import ModelOffset, OffsetStudy
from pages.parts.shared.datasets import available, choose, show_provenance
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head, is_dark, plain
from pages.parts.shared.waterfall import COLORS, offset_waterfall, step_name

MOST = 1000


def main() -> None:
    head(
        "How much is only offset?",
        "Of a pretrained model's energy error on your data, how much goes away with new "
        "references, before any training?",
    )
    with errors_shown():
        chosen = choose_study()
        if chosen is None:
            return
        study, info, energy = chosen
        result: ModelOffset | None = computed(study)
        if result is not None:
            findings(study, info, energy, result)
        command(offset_command(study))


def choose_study() -> tuple[OffsetStudy, DatasetInfo, EnergyColumn] | None:
    left, middle, right, end = st.columns([2, 2, 2, 1])
    with left:
        info = choose(
            "Data set",
            [*available("frames"), *available("pairs")],
            key="dataset",
            help_text="Structures with total energies in the functional that the model must learn.",
        )
    if info is None:
        return None
    energy = choose_energy(info, middle)
    model = right.selectbox(
        "Model",
        [*MODELS, *runs_with_models()],
        key="model",
        bind="query-params",
        help="A released model, or a run, which stands for its best checkpoint.",
    )
    most = end.number_input(
        "Rows at most",
        min_value=50,
        max_value=1_000_000,
        value=MOST,
        step=50,
        key="most",
        bind="query-params",
        help="A sample of the materials is enough for a first answer; interaction energies that "
        "are computed once are kept.",
    )
    column = energy.column if info.card.kind == "pairs" else None
    return (
        OffsetStudy(dataset=info.card.name, column=column, model=model, most=most),
        info,
        energy,
    )


def choose_energy(info: DatasetInfo, box: st.delta_generator.DeltaGenerator) -> EnergyColumn:
    card = info.card
    if card.kind == "frames":
        own = EnergyColumn(
            column="energy_per_atom",
            functional=card.functional or "unknown",
            corrections=card.corrections,
            labels=card.labels,
        )
        box.selectbox("Energy", [own.functional], disabled=True, help="The data set's functional.")
        return own
    columns = {energy.column: energy for energy in card.energies}
    names = list(columns)
    name = box.selectbox(
        "Energy",
        names,
        index=names.index(default_columns(card)[1]),
        format_func=lambda one: f"{columns[one].functional} ({one})",
        key="column",
        bind="query-params",
        help="The energies that the model must learn.",
    )
    return columns[name]


def findings(
    study: OffsetStudy, info: DatasetInfo, energy: EnergyColumn, result: ModelOffset
) -> None:
    found = result.found
    mae = found.mae
    n = len(found.rows)
    source = Provenance(
        data=info.card.name,
        labels={energy.labels},
        details=f"{study.model} ({result.model_functional}) on {n:,} rows of "
        f"{found.n_materials:,} materials: {energy.functional}, "
        f"{CORRECTIONS[energy.corrections]}. References are fitted to four fifths of the materials "
        "and evaluated on the rest, five times."
        + (
            "" if study.model in MODELS else " The run may have been trained on some of these rows."
        ),
    )
    show_provenance(source)
    st.markdown(
        f"Of **{mae['as_is']:.2f} eV/atom**, **{found.share:.1%}** is only offset: references "
        f"alone bring the error down to **{1000 * min(mae.values()):,.0f} meV/atom**. What is left "
        "is for training to learn."
    )
    show(
        offset_waterfall(mae, unit="eV/atom"),
        name="offset-waterfall",
        caption="Solid: the error that remains. Hatched: what the step takes away. AtomRef is "
        "fitted to total energies, residual AtomRef to what the network leaves of them.",
        source=source,
        table=lambda: pd.DataFrame({"step": list(mae), "mae_ev_per_atom": list(mae.values())}),
    )
    notes(result, n)
    elements(result, source)
    chemistries(result, source)


def notes(result: ModelOffset, n: int) -> None:
    told = []
    if n < result.n_available:
        told.append(
            f"{n:,} of {result.n_available:,} rows with an energy were looked at; "
            f"{result.n_without_structure:,} have no structure."
        )
    if result.n_left_out:
        told.append(f"{result.n_left_out:,} structures cannot be represented by CHGNet.")
    if result.found.unseen:
        told.append(
            f"Too few materials contain {', '.join(result.found.unseen)}: for theirs, refitted "
            "references lack the element, and the residual ones keep the prior."
        )
    told.append(f"Prior of the residual AtomRef: {result.prior_used}.")
    for one in told:
        st.caption(plain(one))


def elements(result: ModelOffset, source: Provenance) -> None:
    st.subheader("By element")
    step = st.segmented_control(
        "Error",
        list(STEPS),
        format_func=step_name,
        default="residual",
        required=True,
        key="step",
        bind="query-params",
    )
    table = result.found.element_table()
    counts = dict(zip(table["symbol"], table["count"], strict=True))
    show(
        periodic_table(
            dict(zip(table["symbol"], table[step], strict=True)),
            title=f"Energy MAE, {STEPS[step]}",
            unit="eV/atom",
            diverging=False,
            log=True,
            hover={
                symbol: f"{counts[symbol]:,} rows contain it"
                + (f"; fewer than {RARE}, so little is known" if counts[symbol] < RARE else "")
                for symbol in SYMBOLS
                if symbol in counts
            },
            dark=is_dark(),
        ),
        name=f"offset-by-element-{step}",
        caption="The mean error of the materials that contain the element, logarithmic colours. "
        f"In fewer than {RARE} rows: "
        + (", ".join(s for s, count in counts.items() if count < RARE) or "none")
        + ".",
        source=source,
        table=lambda: table,
    )


def chemistries(result: ModelOffset, source: Provenance) -> None:
    st.subheader("By chemistry")
    table = result.found.chemistry_table()
    show(
        by_group(
            table.rename(columns={"chemistry": "group"}),
            [(key, step_name(key), COLORS[key]) for key in STEPS],
            title="Energy MAE",
            dark=is_dark(),
        ),
        name="offset-by-chemistry",
        caption="From right to left: the error as it is, and after each kind of references. Rows "
        "of each chemistry in brackets; a material counts as the first that fits: oxide, halide, "
        "chalcogenide, pnictide, carbide, boride, silicide, hydride, intermetallic.",
        source=source,
        table=lambda: table,
    )


def offset_command(study: OffsetStudy) -> str:
    words = ["atomref", "offset", study.dataset, "--model", study.model]
    if study.column is not None:
        words += ["--column", study.column]
    if study.most != MOST:
        words += ["--rows", str(study.most)]
    return shlex.join(words)


main()
