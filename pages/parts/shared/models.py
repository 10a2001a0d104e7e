"""Choosing models."""

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from core.potential.released import MODELS
from core.runs.record.named_models import runs_with_models


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
