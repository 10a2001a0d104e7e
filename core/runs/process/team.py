"""A run that several processes train together, on this machine or on several nodes of a cluster.

The run's own process holds the device and writes the run directory. It starts torchrun, which
starts the training processes (`core.runs.process.rank`); all of them inherit one end of a socket as
standard input. They send lines of JSON: {"event": …} from the training loop, {"outcome": …} at the
end, {"failure": …} with a message. The run's process sends one byte when training is to stop. The
system closes the socket when the run's process is gone, and the others end with it.

On several nodes the run's process works on the first one; on each other node a process that only
follows (`core.runs.process.follow`) starts torchrun there. All ranks agree by vote when to stop, so
a request reaches the others through the ranks of the first node.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

import orjson

from core.errors import LabError
from core.home import CHECKOUT, home
from core.process import on_this_machine, usable_cores
from core.runs.launchers.job import MEETING, NODE, NODES
from core.runs.record.directory import Run
from core.training.loop.outcome import Outcome

_STOP = b"s"
_POLL_SECONDS = 0.2
_PATIENCE = 60.0
"""Seconds for torchrun to end by itself after the training processes."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a job, seen from one of them.

    Attributes:
        number: how many there are.
        this: which one this is, from 0.
        meeting: address and port of the first one, at which the processes meet.
    """

    number: int = 1
    this: int = 0
    meeting: str = ""

    @classmethod
    def here(cls) -> "Nodes":
        """Return those of this process's job; one node outside of jobs."""
        if NODES not in os.environ:
            return cls()
        return cls(int(os.environ[NODES]), int(os.environ[NODE]), os.environ[MEETING])

    def share(self, processes: int) -> int:
        """Return the number of training processes on each node.

        Raises:
            LabError: if they cannot be divided.
        """
        if processes % self.number:
            raise LabError(
                f"processes: {processes} cannot be divided among {self.number} nodes; ask for a "
                f"multiple of {self.number}."
            )
        return processes // self.number


def spread(
    run: Run,
    processes: int,
    *,
    emit: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], bool],
) -> Outcome:
    """Train in several processes.

    Args:
        run: a run that has its device.
        processes: number of training processes, on all nodes together.
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


def follow(run: Run, processes: int) -> list[str]:
    """Train on a node that is not the first one, until the run's process has ended.

    Args:
        run: the run.
        processes: number of training processes, on all nodes together.

    Returns:
        What the processes of this node report as failures.
    """
    with (
        TemporaryFile() as report,
        _processes(run, processes, report) as (link, starter),
    ):
        messages = _messages(link, starter, lambda: False)
        return [message["failure"] for message in messages if "failure" in message]


@contextmanager
def _processes(
    run: Run, number: int, report: IO[bytes]
) -> Iterator[tuple[socket.socket, "subprocess.Popen[bytes]"]]:
    """Start torchrun, whose output goes to a file; no process is left after the block."""
    nodes = Nodes.here()
    link, theirs = socket.socketpair()
    with link:
        with theirs:
            starter = subprocess.Popen(
                _command(run, nodes, nodes.share(number)),
                cwd=CHECKOUT,
                env={**os.environ, **_environment(run, nodes, nodes.share(number))},
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


def _command(run: Run, nodes: Nodes, number: int) -> list[str]:
    torchrun = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    if nodes.number > 1:
        address, _, port = nodes.meeting.rpartition(":")
        torchrun = ["torch.distributed.run", "--nnodes", str(nodes.number)]
        torchrun += ["--node-rank", str(nodes.this), "--master-addr", address]
        torchrun += ["--master-port", port]
    module = ["--nproc-per-node", str(number), "--module", "core.runs.process.rank", str(run.path)]
    return [sys.executable, "-m", *torchrun, *module]


def _environment(run: Run, nodes: Nodes, number: int) -> dict[str, str]:
    threads = run.config.threads or max(1, usable_cores() // number)
    return {
        **(on_this_machine() if nodes.number == 1 else {}),
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
