"""Processes that outlive whoever started them: starting them, and telling one from another."""

import os
import subprocess
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psutil

from core.files import disk_errors
from core.home import CHECKOUT, home

# The boot time is known in whole seconds. Nobody can go round all process ids within this time.
_TOLERANCE = 2.0


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str | None:
    """Return what tells this boot of the machine from every other; None where nothing does."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def identity(pid: int | None = None) -> tuple[int, float]:
    """Return the id and the start time that together name one process.

    The start time is counted in seconds from the boot of the machine. A time of day would change
    under a process that runs on while the clock is set, as after a suspended virtual machine.

    Args:
        pid: the process; None for this one.

    Raises:
        psutil.NoSuchProcess: if there is none.
    """
    pid = os.getpid() if pid is None else pid
    return pid, psutil.Process(pid).create_time() - psutil.boot_time()


def is_alive(pid: int, started: float, boot: str | None = None) -> bool:
    """Tell whether a process still runs.

    A zombie is dead, and so is one whose id was given to another process since, in this boot of
    the machine or in a later one.

    Args:
        pid: process id.
        started: its start time as `identity` gave it, seconds from boot.
        boot: the boot that it belongs to, as `boot_id` gave it; None if unknown.
    """
    if boot is not None and boot_id() is not None and boot != boot_id():
        return False
    try:
        same = abs(identity(pid)[1] - started) < _TOLERANCE
        dead = psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
    return same and not dead


def start_detached(command: Sequence[str], log: Path) -> int:
    """Start a process of a session of its own, which outlives whoever started it.

    It works in the checkout, on the same lab's home.

    Args:
        command: what to start.
        log: takes what it prints, after what is there already.

    Returns:
        Its id.

    Raises:
        LabError: the log cannot be written.
    """
    # In the checkout a relative home would be another one.
    environment = {"PYTHONUNBUFFERED": "1", "ATOMREF_LAB_HOME": str(home().absolute())}
    with disk_errors(log), log.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    # While this process lives, somebody has to collect the other one's exit status.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


def usable_cores() -> int:
    """Return the number of physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed))


def on_this_machine() -> dict[str, str]:
    """Return the variables with which processes of a team talk within this machine only."""
    addresses = psutil.net_if_addrs().items()
    inside = [name for name, known in addresses if any(one.address == "127.0.0.1" for one in known)]
    return {f"{kind}_SOCKET_IFNAME": inside[0] for kind in ("GLOO", "NCCL") if inside}
