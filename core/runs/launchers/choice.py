"""Which launcher a run belongs to."""

from core.runs.launchers.interface import Launcher
from core.runs.launchers.local import LocalLauncher
from core.runs.launchers.slurm import SlurmLauncher


def launcher_of(profile: str | None) -> Launcher:
    """Return the launcher of a profile.

    Args:
        profile: a name in `clusters.toml`; None for this machine. What was launched with a
            profile that is there no longer is still found.
    """
    return LocalLauncher() if profile is None else SlurmLauncher(profile)
