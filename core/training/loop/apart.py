"""The preview of a run for the dashboard, computed by a process that reads for it.

PyTorch takes seconds to import, in which the server would answer nobody.
"""

from core.training.loop.method_preview import Preflight
from core.training.settings.config import RunConfig


def preflight(config: RunConfig) -> Preflight:
    """Return what a run starts with, as `core.training.loop.preflight` does."""
    from core.training.loop import preflight as module  # noqa: PLC0415

    return module.preflight(config)


def estimated_seconds(config: RunConfig) -> float | None:
    """Return the estimated duration of a run, as `core.training.loop.preflight` does."""
    from core.training.loop import preflight as module  # noqa: PLC0415

    return module.estimated_seconds(config)
