"""How models look in figures of several, on pages and in reports."""

from collections.abc import Sequence

from core.figures.base.theme import OTHER_COLOR, method_color, palette
from core.potential.released import MODELS
from core.runs.record.listing import find_run
from core.runs.results.comparison import label_of

_DASHES = ("solid", "dash", "dot", "dashdot")


def looks_of(models: Sequence[str], *, dark: bool) -> dict[str, tuple[str, str, str]]:
    """Return label, colour and dash of each model: runs have the colour of their method."""
    others = iter([OTHER_COLOR, palette(dark=dark).groups[6]])
    used: dict[str, int] = {}
    looks = {}
    for name in models:
        if name in MODELS:
            label, color = name, next(others)
        else:
            run = find_run(name)
            label, color = label_of(run), method_color(run.config.method)
        nth = used.get(color, 0)
        used[color] = nth + 1
        looks[name] = (label, color, _DASHES[min(nth, len(_DASHES) - 1)])
    return looks
