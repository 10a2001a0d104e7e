"""A run that several processes of this machine train together.

The run's own process holds the device and writes the run directory. It starts torchrun, which
starts the training processes (`core.runs.process.rank`); all of them inherit one end of a socket as
standard input. They send lines of JSON: {"event": …} from the training loop, {"outcome": …} at the
end, {"failure": …} with a message. The run's process sends one byte when training is to stop. The
system closes the socket when the run's process is gone, and the others end with it.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, Any

import orjson

from core.errors import LabError
from core.home import CHECKOUT, home
from core.process import on_this_machine, usable_cores
from core.runs.record.directory import Run
from core.training.loop.outcome import Outcome

_STOP = b"s"
_POLL_SECONDS = 0.2
_PATIENCE = 60.0
"""Seconds for torchrun to end by itself after the training processes."""


def spread(
    run: Run,
    processes: int,
    *,
    emit: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], bool],
) -> Outcome:
    """Train in several processes of this machine.

    Args:
        run: a run that has its device.
        processes: number of training processes.
        emit: receives the training loop's events.
        should_stop: called a few times per second.

    Returns:
        The outcome of the run. No process is left.

    Raises:
        LabError: if a training process reports a failure, or is gone.
    """
    outcome: Outcome | None = None
    failure = (
        f"One of the run's {processes} training processes ended unexpectedly, perhaps for lack of "
        "memory; see log.txt, and resume the run to continue from its last checkpoint."
    )
    failed = False
    with TemporaryFile() as report:
        with _processes(run, processes, report) as (link, starter):
            for message in _messages(link, starter, should_stop):
                if "event" in message:
                    emit(message["event"])
                elif "outcome" in message:
                    outcome = Outcome(**message["outcome"])
                elif not failed:
                    # The failures of the others follow from the first.
                    failure, failed = message["failure"], True
        if outcome is None and not failed:
            report.seek(0)
            sys.stdout.write(report.read().decode(errors="replace"))
    if outcome is None:
        raise LabError(failure)
    return outcome


@contextmanager
def _processes(
    run: Run, number: int, report: IO[bytes]
) -> Iterator[tuple[socket.socket, "subprocess.Popen[bytes]"]]:
    """Start torchrun, whose output goes to a file; no process is left after the block."""
    link, theirs = socket.socketpair()
    with link:
        with theirs:
            starter = subprocess.Popen(
                _command(run, number),
                cwd=CHECKOUT,
                env={**os.environ, **_environment(run, number)},
                stdin=theirs.fileno(),
                stdout=report,
                stderr=report,
                # Ctrl-C is for the run's process, which lets the others write a checkpoint.
                start_new_session=True,
            )
        try:
            yield link, starter
        finally:
            # Processes that still train end now.
            link.close()
            try:
                starter.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                starter.kill()
                starter.wait()


def _command(run: Run, number: int) -> list[str]:
    torchrun = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    module = ["--nproc-per-node", str(number), "--module", "core.runs.process.rank", str(run.path)]
    return [sys.executable, "-m", *torchrun, *module]


def _environment(run: Run, number: int) -> dict[str, str]:
    threads = run.config.threads or max(1, usable_cores() // number)
    return {
        **on_this_machine(),
        "PYTHONUNBUFFERED": "1",
        "ATOMREF_LAB_HOME": str(home().absolute()),
        "OMP_NUM_THREADS": str(threads),
    }


def _messages(
    link: socket.socket, starter: "subprocess.Popen[bytes]", should_stop: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Yield the training processes' messages until all are gone; forward a request to stop."""
    pending, stopping = b"", False
    while True:
        if not stopping and should_stop():
            stopping = True
            with suppress(BrokenPipeError):
                link.sendall(_STOP)
        if not select.select([link], [], [], _POLL_SECONDS)[0]:
            if starter.poll() is not None:
                return
            continue
        try:
            received = link.recv(1 << 16)
        except ConnectionResetError:
            # They are gone, and have left the request to stop unread.
            return
        if not received:
            return
        *lines, pending = (pending + received).split(b"\n")
        yield from map(orjson.loads, lines)
