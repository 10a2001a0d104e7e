"""One of several processes of a run: `python -m core.runs.process.rank DIR` under torchrun.

Its standard input is the socket that `core.runs.process.team` holds the other end of.
"""

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
from core.runs.record.failure import sentence

_LONGEST = 2000
"""Characters of a sentence: lines of two processes that are short do not mix in the socket."""


class Link:
    """The socket to the run's process, which all training processes have in common.

    It is taken out of standard input, so that a program that this process starts, such as a
    compiler, cannot keep it open. When the run's process is gone, however it ended, this process
    ends at once: nobody would be left to tell, and nobody holds the device for it.

    Args:
        log: where everything that this process prints goes.
    """

    def __init__(self, log: Path) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        with Path(os.devnull).open("rb") as nothing, log.open("ab") as file:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        threading.Thread(target=self._end_with_the_run, daemon=True).start()

    def asked_to_stop(self) -> bool:
        """Tell whether the run's process wants the training to stop."""
        try:
            # Only looked at, never taken: the other processes are to see it too.
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except (BlockingIOError, ConnectionError):
            return False

    def tell(self, **content: Any) -> None:
        """Send one JSON object to the run's process."""
        options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
        self._socket.sendall(orjson.dumps(content, option=options))

    def _end_with_the_run(self) -> None:
        hang_up = select.poll()
        hang_up.register(self._socket, 0)
        hang_up.poll()
        os._exit(1)


def main(path: Path) -> int:
    """Train as one process of a team, and tell the run's process how it goes.

    Args:
        path: the run directory.

    Returns:
        The exit status.
    """
    run = Run(path)
    link = Link(run.log)
    # Seconds of loading, during which the link is already watched.
    from core.frames.registry import open_frame_set  # noqa: PLC0415
    from core.potential.models import resolve_device  # noqa: PLC0415
    from core.runs.process.training import train_on  # noqa: PLC0415
    from core.training.step.parallel import TeamError, joined  # noqa: PLC0415

    try:
        with joined(resolve_device(run.config.device)) as team:
            outcome = train_on(
                open_frame_set(run.config.dataset),
                run,
                emit=lambda event: link.tell(event=event),
                should_stop=link.asked_to_stop,
                team=team,
            )
            if team.leads:
                link.tell(outcome=asdict(outcome))
    except TeamError:
        # The one that has ended tells why, if it can.
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has to say so
        if not isinstance(error, LabError):
            traceback.print_exc()
        link.tell(failure=sentence(error, run)[:_LONGEST])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
