"""Directories of user data, under ATOMREF_LAB_HOME (default ~/.atomref-lab)."""

import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[1]
"""The directory that holds `core`, `pages` and `data`."""

EMBEDDED_DIR = CHECKOUT / "data"
"""Directory of the embedded data sets, one directory per data set."""

PROGRAM = "atomref"
"""What messages and pages call the command line."""

_VARIABLE = "ATOMREF_LAB_HOME"
_DEFAULT = "~/.atomref-lab"


def home() -> Path:
    """Return the directory of all user data, created if missing.

    Raises:
        LabError: if the variable that names it is empty, or it is a file.
    """
    path = _root()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise LabError(f"{path} is a file; set {_VARIABLE} to a directory.") from None
    return path


def datasets_dir() -> Path:
    """Return the directory of imported data sets."""
    return _sub("datasets")


def runs_dir() -> Path:
    """Return the directory of runs, one directory per run."""
    return _sub("runs")


def experiments_dir() -> Path:
    """Return the directory of experiments, one file per experiment."""
    return _sub("experiments")


def sweeps_dir() -> Path:
    """Return the directory of sweeps, one file per sweep."""
    return _sub("sweeps")


def downloads_dir() -> Path:
    """Return the directory of downloaded open data sets."""
    return _sub("downloads")


def exports_dir() -> Path:
    """Return the directory of files that pages export on the server."""
    return _sub("exports")


def cache_dir() -> Path:
    """Return the directory of results that can be recomputed."""
    return _sub("cache")


def keep_compiled_code() -> None:
    """Let torch's compiler store its results here, unless the environment sets another place.

    Its default, the system's temporary directory, does not survive a restart. Call this before
    torch is imported, which reads the setting.
    """
    with suppress(LabError):  # Code that needs a home says what is wrong with it.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_root() / "cache" / "compiled"))


def atomrefs_dir() -> Path:
    """Return the directory of saved AtomRefs."""
    return _sub("atomrefs")


def jobs_dir() -> Path:
    """Return the directory of what was submitted to a cluster, one directory per submission."""
    return _sub("jobs")


def locks_dir() -> Path:
    """Return the directory of the device slots' lock files."""
    return _sub("locks")


def shell_line(command: str) -> str:
    """Return a command as any shell of this machine runs it, in any directory.

    Where the program is not on every shell's path, such as in a virtual environment, its own path
    is written; a home that is not the default one is written in front.

    Args:
        command: a line that begins with `atomref`, its words quoted.
    """
    program = Path(sys.executable).with_name(PROGRAM)
    if not program.exists():
        words = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "core"]
    elif shutil.which(PROGRAM, path=os.defpath) == str(program):
        words = [PROGRAM]
    else:
        words = [str(program)]
    line = shlex.join(words) + command.removeprefix(PROGRAM)
    if _root() == Path(_DEFAULT).expanduser():
        return line
    return f"{_VARIABLE}={shlex.quote(str(_root()))} {line}"


def _root() -> Path:
    named = os.environ.get(_VARIABLE, _DEFAULT)
    if not named.strip():
        raise LabError(f"{_VARIABLE} is empty; unset it, or name a directory for the lab's data.")
    return Path(named).expanduser().absolute()


def _sub(name: str) -> Path:
    path = home() / name
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:
        raise LabError(
            f"{path} is a file where the lab keeps a directory; move it elsewhere."
        ) from None
    return path
