"""What a run is while it waits for its device: a program of 4 MB where the run's own takes 23.

    python -I -S waiter.py TERMS COMMAND...

A waiting run's process becomes this program (`core.runs.process.slots`), with the same process id
and start time, and becomes its command again when its turn may have come. It decides nothing: the
command looks at the queue itself, and may come back here. A signal is left for the command, too.
Every import costs each waiting run memory, so there are few, all of the standard library, and
neither pathlib nor typing.
"""

# ruff: noqa: PTH123, S606
import json
import os
import signal
import sys
import time
from fcntl import LOCK_NB, LOCK_SH, flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
"""Signals that tell a run to stop; blocked in this program, and from one program to the next."""

POLL_SECONDS = 0.25
_TOLERANCE = 2.0


def main(terms: "dict[str, Any]", command: "list[str]") -> None:
    """Wait, then become the command.

    Args:
        terms: "run", the run's directory; "runs", the directory of the runs before it, and "ahead",
            their ids; "place", when it joined the queue and its id; "slot"; "lock", the slot's lock
            file; "grace", seconds that a run may take to start.
        command: the run's own.
    """
    ahead = terms["ahead"]
    while (told := signal.sigtimedwait(SIGNALS, POLL_SECONDS)) is None:
        while ahead and not is_ahead(f"{terms['runs']}/{ahead[0]}", terms):
            del ahead[0]
        if not ahead and is_free(terms["lock"]):
            break
    else:
        mine = status_of(terms["run"])
        if (mine.get("state"), mine.get("pid")) != ("queued", os.getpid()):
            return  # The process that stopped the run has recorded it.
        os.kill(os.getpid(), told.si_signo)
    os.execv(command[0], command)


def is_ahead(run: str, terms: "dict[str, Any]") -> bool:
    """Return whether a run waits for the same slot and comes before this one."""
    status = status_of(run)
    try:
        return (
            status["state"] == "queued"
            and status.get("on") is None
            and status.get("device") in {terms["slot"], None}
            and [status["queued"], run.rpartition("/")[2]] < terms["place"]
            and _is_alive(status, terms["grace"])
        )
    except (KeyError, TypeError):
        return False


def is_free(lock: str) -> bool:
    """Return whether nobody has a device, as far as can be told here."""
    try:
        with open(lock, "rb") as file:
            flock(file, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def status_of(run: str) -> "dict[str, Any]":
    """Return what a run's status.json says, empty where it says nothing."""
    try:
        with open(f"{run}/status.json", "rb") as file:
            status = json.load(file)
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _is_alive(status: "dict[str, Any]", grace: float) -> bool:
    """Return whether a waiting run has its process, as `core.process.is_alive` does."""
    pid, started, boot = (status.get(key) for key in ("pid", "pid_started", "boot"))
    if pid is None or started is None:
        return bool(time.time() - status["queued"] < grace)
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            if boot not in {None, file.read().strip()}:
                return False
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return False
    since = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] not in {b"Z", b"X"} and abs(since - started) < _TOLERANCE


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
