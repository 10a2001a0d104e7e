"""Buttons that save the figure above them as SVG and as PNG, from within the browser.

plotly.js in the reader's browser draws both, just as its own camera button does: that button is
pressed with the wanted format, since plotly has one such button with one format and Streamlit
gives pages no other way to its plotly. Nothing is asked of the server, which would need a browser
of its own to draw a figure. What is saved is what is shown: zoom, hidden groups, theme and size.
"""

from typing import Final

import streamlit as st

from core.figures.base.theme import figure_config

WIDTH: Final = 126
"""Width of the words and the two buttons in px."""

_HTML: Final = """
<div>
<span>Save as</span>
<button type="button" data-format="svg" title="For print and editing">SVG</button>
<button type="button" data-format="png" title="For slides, three times the size on screen">
PNG</button>
</div>
"""

# Streamlit's captions and tertiary buttons look like this.
_CSS: Final = """
div { display: flex; gap: 0.75rem; align-items: center; font: 0.875rem var(--st-font); }
span { color: color-mix(in srgb, var(--st-text-color) 60%, transparent); white-space: nowrap; }
button {
    border: none; padding: 0; min-height: 2.5rem; background: none; cursor: pointer;
    color: var(--st-text-color); font: inherit;
}
button:hover { color: var(--st-link-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

# The figure is the one in the nearest container around the buttons that holds any. The camera
# button reads its options when it is pressed, so they can go back at once.
_JS: Final = """
function figureOf(root) {
    let around = (root.host ?? root).parentElement;
    while (around && !around.querySelector(".js-plotly-plot")) around = around.parentElement;
    return around?.querySelector(".js-plotly-plot");
}
export default function ({ parentElement, data }) {
    for (const button of parentElement.querySelectorAll("button")) {
        button.onclick = () => {
            const figure = figureOf(parentElement);
            const camera = figure?.querySelector('.modebar-btn[data-title^="Download plot"]');
            if (!camera) return;
            const usual = figure._context.toImageButtonOptions;
            figure._context.toImageButtonOptions = data[button.dataset.format];
            camera.click();
            figure._context.toImageButtonOptions = usual;
        };
    }
}
"""

_buttons = st.components.v2.component("figure_images", html=_HTML, css=_CSS, js=_JS)


def save_buttons(name: str) -> None:
    """Show the buttons; they belong to the only figure in the container they are in.

    Args:
        name: Of the saved files, without an ending; unique on the page.
    """
    options = {}
    for image_format in ("svg", "png"):
        config = figure_config(name, image_format=image_format)
        # The size on screen, whatever size the figure was made for.
        options[image_format] = config["toImageButtonOptions"] | {"width": None, "height": None}
    _buttons(key=f"images-{name}", data=options, width=WIDTH)
