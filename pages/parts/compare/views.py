"""Views of Compare models: numbers, parity, errors by group, worst frames."""

from functools import partial
from typing import Any

import streamlit as st

from core.figures.base.periodic import periodic_table
from core.figures.shifts.waterfall import by_group as by_group_figure
from core.figures.training.run_parity import HEIGHT, run_parity
from core.frames.registry import open_frame_set
from core.reference.fits.atomref import RARE
from core.report.looks import looks_of
from core.studies.models.error_groups import GROUPINGS, Grouping, by_group, worst
from core.studies.models.labelled import DistancesStudy, FrameDistances
from core.training.scoring.frame_errors import KINDS, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS
from pages.parts.compare.question import Compared
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import one_of
from pages.parts.shifts.elements import toggle_element

WORST = 20
_HEIGHT_OF_HALF = 480
"""Height in px of a square figure that is half as wide as the page."""


def show_numbers(found: Compared) -> None:
    """Show every model's mean absolute errors."""
    rows = []
    for model, errors in found.errors.items():
        row: dict[str, Any] = {"model": model}
        for kind in errors.kinds:
            of_kind = summary(errors.compared(kind), kind)
            row[kind] = of_kind["mae"]
            if kind == "energy":
                row["rmse"] = of_kind["rmse"]
        rows.append(row)
    st.dataframe(
        rows,
        key="compared-numbers",
        hide_index=True,
        column_config={
            "model": "Mean absolute errors of",
            "rmse": st.column_config.NumberColumn("Energy RMSE, meV/atom", format="%.4g"),
            **{
                kind: st.column_config.NumberColumn(METRICS[metric].short, format="%.4g")
                for kind, metric in LABEL_METRICS.items()
            },
        },
    )


def choose_kind(found: Compared) -> str:
    """Show the choice of the quantity."""
    kinds = found.first.kinds
    return one_of(
        st,
        "Quantity",
        kinds,
        format_func=lambda key: KINDS[key][0],
        default=kinds[0],
        key="kind",
        wrap=True,
    )


def choose_model(found: Compared, label: str) -> str:
    """Show the choice of one of the models, where there are several."""
    models = list(found.errors)
    if len(models) == 1:
        return models[0]
    return one_of(st, label, models, default=models[0], key="of", wrap=True)


def show_parity(found: Compared, kind: str) -> list[str]:
    """Show predictions against labels, one figure per model."""
    title, unit = KINDS[kind]
    columns = st.columns(min(len(found.errors), 2))
    for place, (model, errors) in enumerate(found.errors.items()):
        names = [
            f"{name}, {formula}"
            for name, formula in zip(errors.frame_ids, errors.formulas, strict=True)
        ]
        values = errors.without_atomref() if kind == "energy" else errors.compared(kind)
        quantity = "Energy minus AtomRef" if kind == "energy" else title
        with columns[place % len(columns)]:
            st.markdown(f"**{model}**")
            show(
                run_parity(
                    values,
                    names,
                    title=quantity,
                    unit=unit,
                    height=HEIGHT if len(columns) == 1 else _HEIGHT_OF_HALF,
                    dark=is_dark(),
                ),
                name=f"parity-{kind}-{place}",
                caption="On the dashed line the prediction equals the label; a cloud beside it is "
                "an offset, a tilted one a wrong scale."
                + (
                    " Without the model's AtomRef, whose tens of eV/atom would hide the errors."
                    if kind == "energy"
                    else ""
                ),
                source=found.source,
                table=partial(_named, values, errors.frame_ids),
            )
    return []


def show_groups(found: Compared, kind: str) -> list[str]:
    """Show the errors by group."""
    names: list[Grouping] = list(GROUPINGS)
    grouping = one_of(
        st, "By", names, format_func=GROUPINGS.__getitem__, default=names[0], key="by", wrap=True
    )
    distances = None
    if grouping == "distance":
        known = _distances(found)
        if known is None:
            return ["--by", grouping]
        distances = known.of(found.first)
    table = by_group(found.errors, grouping, kind, distances=distances)
    title, unit = METRICS[LABEL_METRICS[kind]]
    if grouping == "element":
        model = choose_model(found, "Errors of")
        rare = table["group"][table["count"] < RARE]
        figure = periodic_table(
            dict(zip(table["group"], table[model], strict=True)),
            title=title,
            unit=unit,
            diverging=False,
            log=True,
            selected=found.question.elements,
            hover={
                symbol: f"{count:,} values"
                for symbol, count in zip(table["group"], table["count"], strict=True)
            },
            dark=is_dark(),
        )
        caption = (
            f"The mean error of the frames, or the atoms, of each element by {model}; logarithmic "
            f"colours. Click an element to keep only frames that contain it. Uncertain, fewer than "
            f"{RARE}: {', '.join(rare) or 'none'}."
        )
    else:
        looks = looks_of(list(found.errors), dark=is_dark())
        steps = [(model, looks[model][0], looks[model][1]) for model in found.errors]
        figure = by_group_figure(table, steps, title=title, unit=unit, dark=is_dark())
        caption = "The mean error of each group of frames; in brackets how many there are."
    show(
        figure,
        name=f"errors-by-{grouping}-{kind}",
        caption=caption,
        source=found.source,
        table=lambda: table,
        on_click=toggle_element if grouping == "element" else None,
    )
    return ["--by", grouping]


def show_worst(found: Compared, kind: str) -> list[str]:
    """Show the frames with the largest errors, and the structure of the chosen one."""
    model = choose_model(found, "Worst frames of")
    table = worst(found.errors[model], kind, WORST)
    unit = METRICS[LABEL_METRICS[kind]].unit
    left, right = st.columns([3, 2], gap="medium")
    with left:
        ids = table["frame_id"].tolist()
        chosen = linked_table(
            table.drop(columns="row"),
            ids,
            param="frame",
            key=f"worst-{model}-{kind}-{found.question.elements}",
            hide_index=True,
            column_config={
                "frame_id": "Frame",
                "formula": "Formula",
                "n_atoms": "Atoms",
                "error": st.column_config.NumberColumn(f"Mean error, {unit}", format="%.4g"),
            },
        )
        st.caption("Select a frame to see its structure.")
    with right:
        place = chosen or 0
        data = open_frame_set(found.question.card.name)
        show_structure(
            data.frame(int(table["row"].iloc[place])),
            f"{table['frame_id'].iloc[place]}, {table['formula'].iloc[place]}",
            key=f"worst-structure-{place}-{model}-{kind}",
        )
    return ["--worst", str(WORST)]


def _distances(found: Compared) -> FrameDistances | None:
    """Return the distances from what a model knows, or show the state of their computation."""
    asked = found.question
    model = choose_model(found, "Distance from what is known to")
    known: FrameDistances | None = computed(
        DistancesStudy(model=model, dataset=asked.card.name, part=asked.part, most=asked.most),
        what=f"The distance by {model}",
    )
    if known is not None:
        st.caption(
            f"In CHGNet's crystal features from {known.domain}; one is the distance that 99 % of "
            "these have from their nearest."
        )
    return known


def _named(table: Any, frame_ids: Any) -> Any:
    """Return a table with the names of the frames instead of their numbers."""
    return table.assign(frame=frame_ids[table["frame"]])
