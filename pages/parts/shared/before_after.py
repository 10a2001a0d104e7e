"""Two functionals' total energies beside their scaled energies, on several pages."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.figures.base.canvas import Array
from core.figures.shifts.parity import HEIGHT
from core.frames.provenance import Provenance
from core.reference.shifts.pairs import PairedEnergies
from core.report.shifts import energy_parities
from pages.parts.shared.figure import show
from pages.parts.shared.page import is_dark


def show_before_after(
    key: tuple[Any, ...],
    pairs: PairedEnergies,
    scaled: tuple[Array, Array],
    *,
    captions: tuple[str, str],
    source: Provenance,
    grouped: bool = False,
) -> None:
    """Show both parity figures, side by side where there is room.

    Args:
        key: names pairs and scaled energies in caches.
        pairs: the two functionals' energies.
        scaled: source and target energies without their AtomRef contributions, each (n,) eV/atom.
        captions: what to see in total and in scaled energies.
        source: data and origin of the labels.
        grouped: whether colours tell chemistries apart.
    """
    figures = before_after(key, pairs, scaled, grouped=grouped, dark=is_dark())
    names = ("energy-parity", "scaled-parity")
    for column, figure, name, caption in zip(
        st.columns(2, gap="medium"), figures, names, captions, strict=True
    ):
        with column:
            show(
                figure,
                name=name,
                caption=caption,
                source=source,
                table=lambda: pairs.table().assign(
                    scaled_source=scaled[0], scaled_target=scaled[1]
                ),
            )


@st.cache_resource(max_entries=32, show_spinner=False)
def before_after(
    key: tuple[Any, ...],  # noqa: ARG001  part of the cache's key
    _pairs: PairedEnergies,
    _scaled: tuple[Array, Array],
    *,
    grouped: bool = False,
    height: int = HEIGHT,
    dark: bool,
) -> tuple[go.Figure, go.Figure]:
    """Draw total and scaled energies once for all readers."""
    return energy_parities(_pairs, _scaled, grouped=grouped, height=height, dark=dark)
