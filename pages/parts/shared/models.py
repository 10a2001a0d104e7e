"""Choosing models, and how each of them looks in figures."""

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from core.figures.base.theme import OTHER_COLOR, method_color, palette
from core.potential.released import MODELS
from core.runs.record.listing import find_run
from core.runs.record.named_models import runs_with_models
from core.runs.results.comparison import label_of

DASHES = ("solid", "dash", "dot", "dashdot")


def choose_models(box: DeltaGenerator, *, default: Sequence[str] | None = None) -> list[str]:
    """Show the choice of models.

    Args:
        box: the container.
        default: those chosen at first; the first released one where it is None.
    """
    return box.multiselect(
        "Models",
        [*MODELS, *runs_with_models()],
        default=list(default or [next(iter(MODELS))]),
        key="models",
        bind="query-params",
        placeholder="released models and runs",
        help="Released models, and runs, of which the best checkpoint is used. Several are shown "
        "together, each in the colour of its method.",
    )


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
        looks[name] = (label, color, DASHES[min(nth, len(DASHES) - 1)])
    return looks
