"""Training processes that have torch from the start: forks of one that has imported it.

They are what `start_detached` and torchrun start, many seconds earlier: own session, own log, no
tie to the test.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from core.home import home
from core.runs.process import rank, team
from core.runs.process.worker import execute

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "core.training.loop.loop", "torch._dynamo"])


def start_forked(command, log):
    """Train the run that the command names, as `core.process.start_detached` would."""
    process = _CONTEXT.Process(target=_train, args=(Path(command[-1]), log, str(home())))
    process.start()
    return process.pid


def _train(path, log, home):
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["ATOMREF_LAB_HOME"] = home
    team.subprocess = SimpleNamespace(Popen=_ForkedRanks, TimeoutExpired=subprocess.TimeoutExpired)
    execute(path)


class _ForkedRanks:
    """What torchrun starts, as forks; one that fails leaves it to the others to notice."""

    def __init__(self, command, *, env, stdin, **_):
        number, path = command[command.index("--nproc-per-node") + 1], Path(command[-1])
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        env = {**env, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": number}
        self._pids = []
        for place in range(int(number)):
            pid = os.fork()
            if not pid:
                _train_as_rank(path, env | {"RANK": str(place)}, stdin)
            self._pids.append(pid)

    def poll(self):
        ended = [os.waitpid(pid, os.WNOHANG)[0] for pid in self._pids]
        self._pids = [pid for pid, done in zip(self._pids, ended, strict=True) if not done]
        return None if self._pids else 0

    def wait(self, _seconds=None):
        while self._pids:
            os.waitpid(self._pids.pop(), 0)


def _train_as_rank(path, env, link):
    status = 1
    try:
        os.setsid()
        os.environ.update(env)
        os.dup2(link, 0)
        # Among them the other end, which only the run's process holds.
        os.closerange(3, 1 << 12)
        status = rank.main(path)
    finally:
        sys.stdout.flush()
        os._exit(status)
