"""Detached processes: starting them, and identifying them by id and start time."""

import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psutil

from core.files import disk_errors
from core.home import CHECKOUT, home

# The boot time is known in whole seconds; process ids do not wrap around within this time.
_TOLERANCE = 2.0

_NICE = 5

CORES = "ATOMREF_LAB_CORES"
"""Variable with the number of cores that a job of a cluster gives to a process."""

_COMMAND = "ATOMREF_LAB_COMMAND"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str | None:
    """Return the id of this boot of the machine; None where the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def identity(pid: int | None = None) -> tuple[int, float]:
    """Return the id and the start time that together identify one process.

    The start time is in seconds since the boot of the machine: a time of day would change when the
    clock is set while the process runs, as after the suspension of a virtual machine.

    Args:
        pid: the process; None for this one.

    Raises:
        psutil.NoSuchProcess: if there is none.
    """
    pid = os.getpid() if pid is None else pid
    return pid, psutil.Process(pid).create_time() - psutil.boot_time()


def is_alive(pid: int, started: float, boot: str | None = None) -> bool:
    """Return whether a process still runs.

    A zombie is dead, and so is a process whose id another process has taken since, in this boot or
    in a later one.

    Args:
        pid: process id.
        started: its start time as `identity` returned it, in seconds since boot.
        boot: the boot that it belongs to, as `boot_id` returned it; None if unknown.
    """
    if boot is not None and boot_id() is not None and boot != boot_id():
        return False
    try:
        same = abs(identity(pid)[1] - started) < _TOLERANCE
        dead = psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
    return same and not dead


def is_elsewhere(host: str | None, boot: str | None) -> bool:
    """Return whether a process belongs to another machine, which alone knows whether it still runs.

    Args:
        host: name of its machine; None if unknown.
        boot: the boot that it belongs to; None if unknown. A machine may change its name meanwhile.
    """
    return host not in {None, socket.gethostname()} and (boot is None or boot != boot_id())


def start_detached(command: Sequence[str], log: Path) -> int:
    """Start a process in its own session, which outlives this process.

    It runs in the checkout, with the same home of the lab.

    Args:
        command: the command.
        log: file to which its output is appended.

    Returns:
        Its id.

    Raises:
        LabError: the log cannot be written.
    """
    environment = {
        "PYTHONUNBUFFERED": "1",
        # Relative to the checkout, a relative home would be another directory.
        "ATOMREF_LAB_HOME": str(home().absolute()),
        _COMMAND: shlex.join(command),
    }
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
    # While this process lives, it has to collect the exit status of the other.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


def own_command() -> list[str] | None:
    """Return the command by which this process was started detached; None for other processes."""
    if not hasattr(os, "getsid") or os.getsid(0) != os.getpid() or _COMMAND not in os.environ:
        return None
    return shlex.split(os.environ[_COMMAND])


def lower_priority() -> None:
    """Give the dashboard and running trainings priority over this process."""
    psutil.Process().nice(_NICE)


def usable_cores() -> int:
    """Return the number of physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    given = int(os.environ.get(CORES, physical))
    return max(1, min(physical, allowed, given))


def on_this_machine() -> dict[str, str]:
    """Return the variables that keep the communication of processes within this machine."""
    loopback = [
        name
        for name, addresses in psutil.net_if_addrs().items()
        if any(address.address == "127.0.0.1" for address in addresses)
    ]
    return {f"{kind}_SOCKET_IFNAME": loopback[0] for kind in ("GLOO", "NCCL") if loopback}
