"""Views of Compare models: numbers, parity, errors by group, worst frames."""

from functools import partial

import streamlit as st

from core.figures.training.run_parity import HEIGHT
from core.frames.registry import open_frame_set
from core.report.models.compared import (
    GROUPS_TEXT,
    NUMBERS,
    WORST,
    distances_text,
    elements_of,
    elements_text,
    groups_of,
    numbers_of,
    parity_of,
    parity_table,
    parity_text,
)
from core.studies.models.compared import Compared
from core.studies.models.error_groups import GROUPINGS, Grouping, by_group, worst
from core.studies.models.labelled import FrameDistances
from core.training.scoring.frame_errors import KINDS
from core.training.settings.metrics import LABEL_METRICS, METRICS
from pages.parts.shared.figure import show
from pages.parts.shared.job import computed
from pages.parts.shared.page import is_dark
from pages.parts.shared.selection import linked_table
from pages.parts.shared.structures import show_structure
from pages.parts.shared.views import one_of
from pages.parts.shifts.elements import toggle_element

_N_WORST = 20
_HEIGHT_OF_HALF = 480
"""Height in px of a square figure that is half as wide as the page."""


def show_numbers(found: Compared) -> None:
    """Show every model's mean absolute errors."""
    st.dataframe(
        numbers_of(found),
        key="compared-numbers",
        hide_index=True,
        column_config={
            key: head if key == "model" else st.column_config.NumberColumn(head, format="%.4g")
            for key, head in NUMBERS.items()
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
    columns = st.columns(min(len(found.errors), 2))
    for place, model in enumerate(found.errors):
        with columns[place % len(columns)]:
            st.markdown(f"**{model}**")
            height = HEIGHT if len(columns) == 1 else _HEIGHT_OF_HALF
            show(
                parity_of(found, model, kind, height=height, dark=is_dark()),
                name=f"parity-{kind}-{place}",
                caption=parity_text(kind),
                source=found.source,
                table=partial(parity_table, found, model, kind),
            )
    return []


def show_groups(found: Compared, kind: str) -> list[str]:
    """Show the errors by group."""
    names: list[Grouping] = list(GROUPINGS)
    grouping = one_of(
        st, "By", names, format_func=GROUPINGS.__getitem__, default=names[0], key="by", wrap=True
    )
    words, distances = ["--by", grouping], None
    if grouping == "distance":
        model = choose_model(found, "Distance from what is known to")
        words += ["--distance-by", model] if len(found.errors) > 1 else []
        known: FrameDistances | None = computed(
            found.question.distances_by(model), what=f"The distance by {model}"
        )
        if known is None:
            return words
        st.caption(distances_text(known))
        distances = known.of(found.first)
    table = by_group(found.errors, grouping, kind, distances=distances)
    if grouping == "element":
        model = choose_model(found, "Errors of")
        figure = elements_of(found, table, model, kind, dark=is_dark())
        caption = (
            f"{elements_text(table, model)} Click an element to keep only frames that contain it."
        )
    else:
        figure = groups_of(table, list(found.errors), kind, dark=is_dark())
        caption = GROUPS_TEXT
    show(
        figure,
        name=f"errors-by-{grouping}-{kind}",
        caption=caption,
        source=found.source,
        table=lambda: table,
        on_click=toggle_element if grouping == "element" else None,
    )
    return words


def show_worst(found: Compared, kind: str) -> list[str]:
    """Show the frames with the largest errors, and the structure of the chosen one."""
    model = choose_model(found, "Worst frames of")
    table = worst(found.errors[model], kind, _N_WORST)
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
            column_config=WORST
            | {"error": st.column_config.NumberColumn(f"Mean error, {unit}", format="%.4g")},
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
    return ["--worst", str(_N_WORST)]
