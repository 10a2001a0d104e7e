"""The line that an exported image carries: which data and whose labels it shows."""

import re
import textwrap
from typing import Any

from core.figures.base.text import plain
from core.figures.base.theme import SMALL_FONT_SIZE

_LONGEST = 48
"""Letters that fit in a figure of half a narrow page: plotly cuts off what does not."""

_PADDING = 8
_LINE = 18
"""Height of a line in px."""


def export_title(text: str) -> dict[str, Any]:
    """Return the title that an exported image of a figure gets, and the height it needs.

    Args:
        text: plain text, such as "Data: mine. Labels: DFT."

    Returns:
        `title` as plotly's `layout.title`, and `height` in px, by which the image and its upper
        margin grow.
    """
    lines = _lines(text)
    return {
        "title": {
            "text": plain("\n".join(lines)),
            "font": {"size": SMALL_FONT_SIZE},
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            # plotly.js puts one line below its anchor, but of several the first one's baseline.
            "pad": {"t": 6 if len(lines) == 1 else 6 + 0.7 * SMALL_FONT_SIZE, "l": 4},
        },
        "height": _PADDING + _LINE * len(lines),
    }


def _lines(text: str) -> list[str]:
    """Break a text that does not fit in a line, between sentences where that is enough."""
    sentences = [text] if len(text) <= _LONGEST else re.split(r"(?<=\.) (?=[A-Z])", text)
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, _LONGEST, break_on_hyphens=False)
    ]
