"""Where user data lives: ATOMREF_LAB_HOME, by default ~/.atomref-lab, never the checkout."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
"""The directory that holds `core`, `pages` and `data`."""


def home() -> Path:
    """Return the lab's home directory, created if missing."""
    path = _place()
    path.mkdir(parents=True, exist_ok=True)
    return path


def datasets_dir() -> Path:
    """Return the directory that holds imported data sets."""
    return _sub("datasets")


def runs_dir() -> Path:
    """Return the directory that holds one directory a run."""
    return _sub("runs")


def experiments_dir() -> Path:
    """Return the directory that holds one file a matched experiment."""
    return _sub("experiments")


def sweeps_dir() -> Path:
    """Return the directory that holds one file a sweep."""
    return _sub("sweeps")


def cache_dir() -> Path:
    """Return the directory for results that can be computed again."""
    return _sub("cache")


def keep_compiled_code() -> None:
    """Let torch's compiler keep its results here, unless the environment says where.

    In its own place, the system's temporary directory, they would not outlive a restart. Torch
    settles the place when it is loaded, so this comes before.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_place() / "cache" / "compiled"))


def atomrefs_dir() -> Path:
    """Return the directory that holds the AtomRef that users named."""
    return _sub("atomrefs")


def locks_dir() -> Path:
    """Return the directory for the device slots' lock files."""
    return _sub("locks")


def _place() -> Path:
    return Path(os.environ.get("ATOMREF_LAB_HOME", "~/.atomref-lab")).expanduser()


def _sub(name: str) -> Path:
    path = home() / name
    path.mkdir(exist_ok=True)
    return path
