"""Processes that have torch from the start: forks of one that has imported it.

They are what `start_detached` and torchrun start, many seconds of computing earlier.
"""

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from core.home import home
from core.process import on_this_machine
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
        self._pids = _fork_ranks(int(number), lambda: _train_as_rank(path, env, stdin))

    def poll(self):
        ended = [os.waitpid(pid, os.WNOHANG)[0] for pid in self._pids]
        self._pids = [pid for pid, done in zip(self._pids, ended, strict=True) if not done]
        return None if self._pids else 0

    def wait(self, _seconds=None):
        while self._pids:
            os.waitpid(self._pids.pop(), 0)


def _train_as_rank(path, env, link):
    os.setsid()
    os.environ.update(env)
    os.dup2(link, 0)
    # Among them the other end, which only the run's process holds.
    os.closerange(3, 1 << 12)
    return rank.main(path)


def _fork_ranks(number, work):
    """Fork processes that know of each other as torchrun's do, and end as their work says."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    size = dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(number))
    team = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **size}
    pids = []
    for place in range(number):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.environ.update(team, RANK=str(place), LOCAL_RANK=str(place))
                status = work()
            finally:
                sys.stdout.flush()
                os._exit(status)
        pids.append(pid)
    return pids


def run_team(number, work, *arguments):
    """Call a function in every process of a team, and wait until all have returned."""
    place = on_this_machine() | {"ATOMREF_LAB_HOME": str(home())}
    process = _CONTEXT.Process(target=_work_as_team, args=(number, work, arguments, place))
    process.start()
    process.join()
    assert process.exitcode == 0


def _work_as_team(number, work, arguments, place):
    os.environ.update(place)
    pids = _fork_ranks(number, lambda: work(*arguments) or 0)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    sys.exit(len(failed))
