"""The one look of all figures: colours, the plotly template, the toolbar.

The backgrounds and the accent are those of `.streamlit/config.toml`, so that a figure sits in its
page without an edge and an exported file carries the background its text was chosen for.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import plotly.graph_objects as go

FONT_FAMILY: Final = 'Arial, Helvetica, "Liberation Sans", sans-serif'
"""Fonts of equal widths on all systems: an exported SVG keeps its layout, which it would lose with
the page's own font, since a viewer of the file does not have that one."""

FONT_SIZE: Final = 14
SMALL_FONT_SIZE: Final = 13
"""The smallest text in any figure, in px."""

WIDE: Final = "wide"
"""`layout.meta` of a figure that cannot be read in less than about 800 px of width."""

METHOD_COLORS: Final[dict[str, str]] = {
    "scratch": "#999999",
    "trainable": "#E69F00",
    "frozen": "#56B4E9",
    "refit": "#0072B2",
    "residual": "#009E73",
    "linearised": "#CC79A7",
    "multifidelity": "#9467BD",
}
"""One colour per method everywhere, from Okabe and Ito's set for all kinds of colour vision. The
last one is not of it, and differs in lightness."""

METHOD_SYMBOLS: Final[dict[str, str]] = dict(
    zip(
        METHOD_COLORS,
        ("circle", "triangle-up", "triangle-down", "square", "diamond", "star", "hexagon"),
        strict=True,
    )
)
"""One marker per method, for readers and printers that see no colours."""

MARKERS_SHOWN: Final = 12
"""Number of markers on a line of many points."""

OTHER_COLOR: Final = "#D55E00"
"""For whatever is not one of the methods, such as a row of the paper."""

CIVIDIS: Final = (
    "#00224E", "#123570", "#3B496C", "#575D6D", "#707173",
    "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838",
)  # fmt: skip
"""The sequential scale (Nuñez et al. 2018, DOI 10.1371/journal.pone.0199239), low to high."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Palette:
    """The colours of one theme, all written #RRGGBB.

    Attributes:
        background: page and figure.
        surface: widgets, hover labels.
        text: titles and labels.
        muted: secondary text and reference lines; still readable on the background.
        grid: grid lines.
        line: axis lines and outlines.
        accent: the single accent: points, selections.
        source: whatever belongs to the source functional.
        target: whatever belongs to the target functional.
        diverging: colours from negative through zero to positive.
        sequential: colours from low to high.
        groups: colours for named groups of points, in this order.
    """

    background: str
    surface: str
    text: str
    muted: str
    grid: str
    line: str
    accent: str
    source: str
    target: str
    diverging: tuple[str, ...]
    sequential: tuple[str, ...]
    groups: tuple[str, ...]


LIGHT: Final = Palette(
    background="#FFFFFF",
    surface="#F3F5F8",
    text="#10151D",
    muted="#56616F",
    grid="#E4E8EE",
    line="#9AA5B4",
    accent="#3F51B5",
    source="#8490A0",
    target="#3F51B5",
    sequential=CIVIDIS,
    diverging=("#1F5A9E", "#7FA8D6", "#F1F1EE", "#EDA968", "#B0560B"),
    groups=(
        "#0072B2", "#D55E00", "#009E73", "#B45A8E", "#B28100", "#3B9AD0", "#6B5BB5", "#7A7A7A",
    ),
)  # fmt: skip

DARK: Final = Palette(
    background="#0D1117",
    surface="#171D27",
    text="#E4E9F0",
    muted="#A4AFBE",
    grid="#262E39",
    line="#5F6B7A",
    accent="#9FADFF",
    source="#8D99A9",
    target="#9FADFF",
    sequential=CIVIDIS[2:],  # the darkest blues would sink into the background
    diverging=("#8CC2FF", "#3F77B5", "#262C35", "#B26A22", "#FFB870"),
    groups=(
        "#4BA3DB", "#F08A3C", "#2FBF95", "#DE92BC", "#E6B93C", "#86CBF2", "#A99BEF", "#A6A6A6",
    ),
)  # fmt: skip


def palette(*, dark: bool) -> Palette:
    """Return the colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def method_color(method: str) -> str:
    """Return the colour of a method, or another colour for anything that is not one."""
    return METHOD_COLORS.get(method, OTHER_COLOR)


def method_symbol(method: str, nth: int = 0) -> str:
    """Return the marker of a method, or another for anything that is not one.

    Args:
        method: the method.
        nth: which of several lines of this method in one figure.
    """
    return METHOD_SYMBOLS.get(method, "pentagon") + ("", "-open", "-dot", "-open-dot")[nth % 4]


@cache
def template(*, dark: bool) -> go.layout.Template:
    """Return the plotly template of one theme; every figure of `core.figures` carries it."""
    colors = palette(dark=dark)
    small = {"size": SMALL_FONT_SIZE, "color": colors.text}
    title = {"font": {"size": FONT_SIZE, "color": colors.text}}
    ticks = {"tickfont": small, "tickcolor": colors.line, "ticks": "outside", "ticklen": 4}
    axis = {
        "gridcolor": colors.grid,
        "linecolor": colors.line,
        "zerolinecolor": colors.line,
        "zeroline": False,
        "showline": True,
        "title": {**title, "standoff": 10},
        "automargin": True,
        **ticks,
    }
    colorbar = {"title": title, "outlinewidth": 0, "thickness": 14, **ticks}
    font = {"family": FONT_FAMILY, "size": FONT_SIZE, "color": colors.text}
    layout = {
        "font": font,
        "title": {"font": {"size": 16}, "x": 0.0, "xanchor": "left"},
        "paper_bgcolor": colors.background,
        "plot_bgcolor": colors.background,
        "colorway": list(colors.groups),
        "xaxis": axis,
        "yaxis": axis,
        "coloraxis": {"colorbar": colorbar},
        "legend": {
            "font": small,
            "bgcolor": "rgba(0,0,0,0)",
            "orientation": "h",
            "x": 0.0,
            "xanchor": "left",
            # At the figure's foot, where neither data nor the toolbar are, whatever its height.
            "yref": "container",
            "y": 0.0,
            "yanchor": "bottom",
        },
        "hoverlabel": {
            "bgcolor": colors.surface,
            "bordercolor": colors.line,
            "font": font,
            "align": "left",
        },
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": colors.muted,
            "activecolor": colors.accent,
        },
        "hovermode": "closest",
        "margin": {"l": 64, "r": 16, "t": 32, "b": 56},
        "annotationdefaults": {"font": small, "showarrow": False},
    }
    # A trace says in its hover texts what its label shows; those without such texts set their own.
    hover = [{"hovertemplate": "%{hovertext}<extra></extra>"}]
    return go.layout.Template(layout=layout, data={"scatter": hover, "bar": hover})


def figure_config(filename: str, *, image_format: Literal["svg", "png"] = "svg") -> dict[str, Any]:
    """Return the toolbar of a figure for `st.plotly_chart(config=…)`.

    The camera button downloads the figure from within the browser, without any server.
    plotly.js has one such button with one format.

    Args:
        filename: name of the downloaded file without its ending; anything but letters, digits,
            dot, dash and underscore becomes a dash.
        image_format: "svg" for print and editing, "png" (three times the size on screen) for
            slides.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", filename).strip("-.") or "figure"
    return {
        "displaylogo": False,
        "showSendToCloud": False,
        "responsive": True,
        "scrollZoom": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
        "toImageButtonOptions": {
            "format": image_format,
            "filename": stem,
            "scale": 3 if image_format == "png" else 1,
        },
    }


def empty_figure(note: str, *, dark: bool, height: int = 320) -> go.Figure:
    """Return a figure without axes that says why it is empty.

    Args:
        note: one plain sentence, such as what to do next.
        dark: which theme.
        height: height in px, so that the page does not jump when data arrive.
    """
    figure = go.Figure(layout={"template": template(dark=dark), "height": height})
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    figure.add_annotation(
        text=note,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"size": FONT_SIZE, "color": palette(dark=dark).muted},
    )
    return figure
