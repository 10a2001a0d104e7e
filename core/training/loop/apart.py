"""The duration of a run for the dashboard, timed by a process that reads for it.

PyTorch takes seconds to import, in which the server would answer nobody.
"""

from core.training.settings.config import RunConfig


def estimated_seconds(config: RunConfig) -> float | None:
    """Return the estimated duration of a run, as `core.training.loop.preflight` does."""
    from core.training.loop import preflight  # noqa: PLC0415

    return preflight.estimated_seconds(config)


def prepare() -> None:
    """Import what an estimate takes, so that the first one does not wait for it."""
    from core.training.loop import preflight  # noqa: F401, PLC0415
