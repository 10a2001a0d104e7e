"""One run per device: runs take its slot in the order in which they joined the queue.

A slot is a file lock that the training process holds until it ends, however it ends. A process that
has to wait for long becomes a smaller program meanwhile (`core.runs.process.waiter`).
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

import psutil
from filelock import FileLock, Timeout

from core.errors import LabError
from core.home import CHECKOUT, locks_dir, runs_dir
from core.potential.devices import may_have_accelerator
from core.process import own_command
from core.runs.process import waiter
from core.runs.record.directory import START_GRACE, Run
from core.runs.record.listing import queue_ahead, status_if_any, waits_for

POLL_SECONDS = 0.25
_PATIENCE = 1.0
_MOST_NAMED = 1000
_COUNT = "import torch; print(torch.cuda.device_count())"
_ASK_TORCH = "from core.potential.devices import kind_of; print(kind_of('auto'))"


def slot_of(device: str) -> str:
    """Return the slot that a device belongs to: "cpu", "cuda" or "mps".

    Args:
        device: as in a run's configuration; "auto" is what torch would choose. Torch is asked in a
            separate process, and only on a machine that may have an accelerator.

    Raises:
        LabError: if torch fails.
    """
    if device != "auto":
        return device
    if not may_have_accelerator():
        return "cpu"
    return _output_of(_ASK_TORCH)


def n_gpus() -> int:
    """Return the number of GPUs that torch may use.

    Raises:
        LabError: if torch fails.
    """
    return int(_output_of(_COUNT))


def _output_of(code: str) -> str:
    """Return the last word that a program prints in a separate process."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    words = answer.stdout.split()
    if answer.returncode or not words:
        raise LabError("device: torch cannot determine it; choose cpu, cuda or mps.")
    return words[-1]


def wait_for_slot(run: Run, slot: str, should_stop: Callable[[], bool]) -> FileLock | None:
    """Wait until it is this run's turn, then take the slot.

    Args:
        run: a queued run whose status names this slot as its device.
        slot: as `slot_of` gives it.
        should_stop: called a few times per second.

    Returns:
        The acquired lock, to be released at the end; None if the wait was stopped.
    """
    lock = FileLock(locks_dir() / f"device-{slot}.lock")
    # A run that joins later, or leaves and joins again, has a later place, so this list can only
    # shrink. Only its head is checked: hundreds of waiting runs would keep the machine busy.
    place = (run.status().queued, run.id)
    ahead = deque(queue_ahead(run))
    begin = time.monotonic()
    while not should_stop():
        while ahead and not _still_ahead(ahead[0], slot, place):
            ahead.popleft()
        if not ahead:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                pass
            else:
                return lock
        if time.monotonic() - begin > _PATIENCE:
            _wait_smaller(
                {
                    "run": str(run.path),
                    "runs": str(runs_dir()),
                    "ahead": [one.id for one in islice(ahead, _MOST_NAMED)],
                    "place": place,
                    "slot": slot,
                    "lock": lock.lock_file,
                    "grace": START_GRACE,
                },
                should_stop,
            )
        time.sleep(POLL_SECONDS)
    return None


def _wait_smaller(terms: dict[str, Any], should_stop: Callable[[], bool]) -> None:
    """Become the program that waits, whose terms these are; return where that cannot be."""
    command = own_command()
    if command is None or not sys.platform.startswith("linux"):
        return
    program = [sys.executable, "-I", "-S", waiter.__file__, json.dumps(terms), *command]
    signal.pthread_sigmask(signal.SIG_BLOCK, waiter.SIGNALS)
    if not should_stop():
        with suppress(OSError):
            os.execv(program[0], program)  # noqa: S606
    signal.pthread_sigmask(signal.SIG_UNBLOCK, waiter.SIGNALS)


def waits_smaller(pid: int) -> bool:
    """Return whether a process is the program that waits."""
    try:
        return waiter.__file__ in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _still_ahead(run: Run, slot: str, place: tuple[float, str]) -> bool:
    status = status_if_any(run)
    return status is not None and waits_for(status, slot) and (status.queued, run.id) < place
