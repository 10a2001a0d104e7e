"""Training processes that have torch from the start: forks of one that has imported it.

They are what `start_detached` starts, seconds earlier: own session, own log, no tie to the test.
"""

import multiprocessing
import os
from pathlib import Path

from core.home import home
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
    execute(path)
