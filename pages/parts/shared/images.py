"""Buttons that save the figure above them as SVG and as PNG, from within the browser.

plotly.js in the reader's browser draws both, just as its own camera button does: that button is
pressed with the wanted format, since plotly has one such button with one format and Streamlit
gives pages no other way to its plotly. Nothing is asked of the server, which would need a browser
of its own to draw a figure. What is saved is what the page shows (zoom, hidden groups, theme and
size), below a line about data and labels.
"""

from typing import Final

import streamlit as st

from core.figures.base.provenance import export_title
from core.figures.base.theme import figure_config

WIDTH: Final = 110
"""Width of the two buttons in px."""

_HTML: Final = """
<div>
<button type="button" data-format="svg" title="Save as SVG, for print and editing">SVG</button>
<button type="button" data-format="png"
 title="Save as PNG, for slides, three times the size on screen">PNG</button>
</div>
"""

# Streamlit's own buttons look like this.
_CSS: Final = """
div { display: flex; gap: 0.5rem; align-items: center; font: 0.875rem var(--st-font); }
button {
    border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
    padding: 0.25rem 0.75rem; min-height: 2.5rem; background: var(--st-background-color);
    cursor: pointer; color: var(--st-text-color); font: inherit;
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

# The figure is the one in the nearest container around the buttons that holds any. plotly's camera
# button copies layout and options while it is pressed, so they can go back right after: its images
# carry the line about data and labels, and the figure on the page does not.
_JS: Final = """
function containerOf(root) {
    let around = (root.host ?? root).parentElement;
    while (around && !around.querySelector(".js-plotly-plot")) around = around.parentElement;
    return around;
}
const isCamera = (node) => node.closest?.('.modebar-btn[data-title^="Download plot"]');
function addLine(figure, line) {
    const { title, margin } = figure.layout;
    const full = figure._fullLayout, options = figure._context.toImageButtonOptions;
    figure.layout.title = line.title;
    figure.layout.margin = { ...margin, t: full.margin.t + line.height };
    figure._context.toImageButtonOptions = {
        ...options, width: full.width, height: full.height + line.height,
    };
    setTimeout(() => {
        Object.assign(figure.layout, { title, margin });
        figure._context.toImageButtonOptions = options;
    });
}
export default function ({ parentElement, data }) {
    // Figures are drawn after the buttons on a slow machine, so they are looked up at each click.
    const figureOf = () => containerOf(parentElement)?.querySelector(".js-plotly-plot");
    const listener = (event) => {
        const figure = isCamera(event.target) && figureOf();
        if (figure?.contains(event.target)) addLine(figure, data.line);
    };
    document.addEventListener("click", listener, true);
    for (const button of parentElement.querySelectorAll("button")) {
        button.onclick = () => {
            const figure = figureOf();
            const camera = figure && [...figure.querySelectorAll(".modebar-btn")].find(isCamera);
            if (!camera) return;
            const usual = figure._context.toImageButtonOptions;
            figure._context.toImageButtonOptions = data[button.dataset.format];
            camera.click();
            setTimeout(() => { figure._context.toImageButtonOptions = usual; });
        };
    }
    return () => document.removeEventListener("click", listener, true);
}
"""

_buttons = st.components.v2.component("figure_images", html=_HTML, css=_CSS, js=_JS)


def save_buttons(name: str, line: str) -> None:
    """Show the buttons; they belong to the only figure in the container they are in.

    Args:
        name: name of the saved files, without an ending; unique on the page.
        line: data and origin of the labels, written over the saved images.
    """
    data = {
        image_format: figure_config(name, image_format=image_format)["toImageButtonOptions"]
        for image_format in ("svg", "png")
    }
    _buttons(key=f"images-{name}", data=data | {"line": export_title(line)}, width=WIDTH)
