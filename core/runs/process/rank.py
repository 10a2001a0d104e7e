"""One of several processes of a run: `python -m core.runs.process.rank DIR` under torchrun.

Its standard input is one end of a socket; `core.runs.process.team` holds the other.
"""

import atexit
import gc
import os
import select
import socket
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from core.errors import LabError
from core.runs.record.directory import Run
from core.runs.record.failure import failure_message

_LONGEST = 2000
"""Characters of a message: short lines of two processes do not mix in the socket."""


class Link:
    """The socket to the run's process, which all training processes share.

    It is moved away from standard input, so that programs that this process starts, such as a
    compiler, do not keep it open. When the run's process is gone, however it ended, this process
    ends at once: nothing receives its messages or holds the device for it.

    Args:
        log: file for the output of this process.
    """

    def __init__(self, log: Path) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        with Path(os.devnull).open("rb") as nothing, log.open("ab") as file:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        threading.Thread(target=self._exit_with_run, daemon=True).start()

    def stop_requested(self) -> bool:
        """Return whether the run's process asks the training to stop."""
        try:
            # Peeked at, never read: the other processes have to see it too.
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except (BlockingIOError, ConnectionError):
            return False

    def send(self, **content: Any) -> None:
        """Send one JSON object to the run's process."""
        options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
        self._socket.sendall(orjson.dumps(content, option=options))

    def _exit_with_run(self) -> None:
        hang_up = select.poll()
        hang_up.register(self._socket, 0)
        hang_up.poll()
        os._exit(1)


def main(path: Path) -> int:
    """Train as one process of a team, and report to the run's process.

    Args:
        path: the run directory.

    Returns:
        The exit status.
    """
    run = Run(path)
    link = Link(run.log)
    # Loading takes seconds, during which the link is already watched.
    from core.frames.registry import open_frame_set  # noqa: PLC0415
    from core.potential.models import resolve_device  # noqa: PLC0415
    from core.training.loop.loop import fit  # noqa: PLC0415
    from core.training.step.parallel import TeamError, joined  # noqa: PLC0415

    try:
        with joined(resolve_device(run.config.device)) as team:
            outcome = fit(
                run.config,
                open_frame_set(run.config.dataset),
                checkpoints=run.checkpoints,
                emit=lambda event: link.send(event=event),
                should_stop=link.stop_requested,
                resume=True,
                team=team,
            )
            if team.leads:
                link.send(outcome=asdict(outcome))
    except TeamError:
        # The process that has ended reports why, if it can.
        return 1
    except Exception as error:  # noqa: BLE001 - the run reports any error
        if not isinstance(error, LabError):
            traceback.print_exc()
        link.send(failure=failure_message(error, run)[:_LONGEST])
        return 1
    return 0


if __name__ == "__main__":
    # At its end, Python would look for garbage among all that was imported: a second with torch.
    atexit.register(gc.freeze)
    sys.exit(main(Path(sys.argv[1])))
