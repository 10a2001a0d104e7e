"""Settings that keep what the pretrained model knows."""

from typing import Any

import streamlit as st

from core.training.settings.source import Teacher

DEFAULTS = Teacher()


def choose_source_labels() -> dict[str, Any]:
    """Ask for labels of the source functional; keys as in `core.training.settings.config.FLAGS`."""
    first, second, third, _ = st.columns(4)
    weight = first.number_input(
        "Teacher, weight",
        key="teacher",
        bind="query-params",
        value=DEFAULTS.weight,
        min_value=0.0,
        max_value=1000.0,
        step=0.1,
        format="%g",
        help="Where frames have energies alone, the pretrained model's own forces and stresses, "
        "which are those of the source functional, are further targets. This is their weight in "
        "the loss, times the loss ratio of the kind; 0: no teacher.",
    )
    copies = second.number_input(
        "Teacher, copies",
        key="teacher-copies",
        bind="query-params",
        value=DEFAULTS.copies,
        min_value=0,
        max_value=100,
        disabled=not weight,
        help="Copies of each frame with displaced atoms, anew in every epoch, on which the "
        "pretrained model teaches as well. Each costs as much as a frame with forces.",
    )
    displacement = third.number_input(
        "Teacher, displacement, Å",
        key="teacher-displacement",
        bind="query-params",
        value=DEFAULTS.displacement,
        min_value=0.001,
        max_value=1.0,
        step=0.01,
        format="%g",
        disabled=not weight,
        help="Standard deviation of the displacement of each atom along each axis.",
    )
    if not weight:
        return {}
    return {
        "teacher.weight": weight,
        "teacher.copies": copies,
        "teacher.displacement": displacement,
    }
