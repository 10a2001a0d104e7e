"""Strangers' files are read in a process that another one watches, and ends beyond its limits.

Python cannot interrupt a library that holds the interpreter, and an allocation that the system
grants may end every process of the machine later. So files are read in a process of their own
(`go_on_watched`, for commands and jobs) or asks a process that stays (`ask`, for the dashboard, in
which nothing is read). The reader counts what it has read; its watcher looks at this count, at
the processor time since it last grew, and at the memory.
"""

import atexit
import contextlib
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, ParamSpec, TypeVar

import psutil

from core.errors import LabError
from core.files import disk_error_message, remove_partial
from core.home import CHECKOUT, home
from core.progress import Progress, silent

SECONDS = 4.0
"""Seconds of processor time that one structure, row or block may take, for a small file."""
BYTES_PER_SECOND: Final = 1 << 20
"""Bytes of a larger file that add a second."""
MEMORY = 640 << 20
"""Bytes of memory that reading may add, for a small file."""
MEMORY_PER_BYTE: Final = 6
"""Bytes of memory that a byte of a file adds."""

_PAUSE = 0.05
_WAITING = 12
"""So many times the processor time may pass where the reader waits, as for a slow disk."""
_PROGRAM = "from core.boxed import serve; serve({}, {})"
_LONGEST = 200
_LAYOUT = struct.Struct(f"=qqqq{_LONGEST}s")
_COUNT = struct.Struct("=q")

P = ParamSpec("P")
T = TypeVar("T")


class _Shared:
    """What reader and watcher share: the limits, the count, and the name of the file."""

    def __init__(self, file: int = -1) -> None:
        self._map = mmap.mmap(file, _LAYOUT.size)

    def read(self) -> "_State":
        memory, milliseconds, count, number, name = _LAYOUT.unpack(self._map[:])
        return _State(
            memory, milliseconds, count, number, name.rstrip(b"\0").decode("utf-8", "replace")
        )

    def begin(self, memory: int, milliseconds: int, name: str) -> None:
        number = self.read().number + 1
        self._map[:] = _LAYOUT.pack(memory, milliseconds, 0, number, name.encode()[:_LONGEST])

    def end(self) -> None:
        self._map[:16] = bytes(16)

    def count(self) -> None:
        _COUNT.pack_into(self._map, 16, _COUNT.unpack_from(self._map, 16)[0] + 1)


class _State(NamedTuple):
    """Limits in bytes and milliseconds, the count, the number of the reading, and the file."""

    memory: int
    milliseconds: int
    n_read: int
    number: int
    name: str


class _Watched:
    """This process, if it is watched."""

    shared: _Shared | None = None
    is_reading = False


@contextlib.contextmanager
def reading(*paths: Path | str) -> Iterator[None]:
    """Read files of strangers within limits, if this process is watched.

    Raises:
        LabError: for whatever else a library raises on a damaged file, or if memory is short.
    """
    name = Path(paths[0]).name if paths else "The file"
    # A reading within another one is a part of it.
    shared = None if _Watched.is_reading else _Watched.shared
    if shared is not None:
        _Watched.is_reading = True
        size = sum(map(_size, paths))
        memory = _memory(psutil.Process()) + MEMORY + MEMORY_PER_BYTE * size
        shared.begin(memory, int(1000 * (SECONDS + size / BYTES_PER_SECOND)), name)
    try:
        yield
    except (LabError, OSError):
        raise
    except MemoryError as error:
        raise LabError(f"{name}: takes more memory than there is; give less at once.") from error
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:160].rstrip(".")
        raise LabError(f"{name}: cannot be read ({said}); check the file.") from error
    finally:
        if shared is not None:
            _Watched.is_reading = False
            shared.end()


def count_read() -> None:
    """Count a structure, a row or a block that has been read."""
    if _Watched.shared is not None:
        _Watched.shared.count()


def go_on_watched(ended: Callable[[str], object]) -> None:
    """Go on in a child process, while this one watches it and ends with its exit status.

    Call it before threads are started and large libraries imported.

    Args:
        ended: called in this process with the reason, one sentence, if it ends the child.
    """
    if not hasattr(os, "fork") or _Watched.shared is not None:
        return
    shared = _Shared()
    watcher = os.getpid()
    child = os.fork()
    if not child:
        _Watched.shared = shared
        end_with_parent(watcher)
        return
    # Ctrl-C reaches both; what one sends to this process is meant for the child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _send(child, signal.SIGTERM))
    limits = _Limits(psutil.Process(child), shared)
    problem = None
    while not (status := os.waitpid(child, os.WNOHANG))[0] and not problem:
        problem = limits.exceeded()
        time.sleep(_PAUSE)
    if problem:
        _send(child, signal.SIGKILL)
        os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status[1])
    if code < 0 and code not in {-signal.SIGTERM, -signal.SIGINT, -signal.SIGKILL}:
        problem = _crashed(shared.read().name, code)
    if problem:
        remove_partial(child)
        ended(problem)
        code = 2
    os._exit(code if code >= 0 else 128 - code)


def leave(status: int) -> NoReturn:
    """End this process with an exit status, after what is registered for its end.

    A library's threads, which C++ finds still running at the end, would abort a watched process.
    """
    if _Watched.shared is None:
        sys.exit(status)
    atexit._run_exitfuncs()  # noqa: SLF001  os._exit leaves them out
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def ask(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a module's function returns in a process that reads for this one.

    Args:
        function: a function of a module; arguments and result can be pickled.
        *args: its arguments.
        **kwargs: its arguments by name.

    Raises:
        LabError: as the function, or if it exceeds its limits.
    """
    return ask_with_progress(silent, function, *args, **kwargs)


def ask_with_progress(
    progress: Progress, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do as `ask`, and report what the function reports to `report_progress` meanwhile."""
    worker = _idle_worker()
    try:
        result: T = worker.call(progress, function, *args, **kwargs)
    except BaseException as error:
        if isinstance(error, LabError) and worker.is_alive:
            _keep(worker)
        else:
            worker.end()
        raise
    _keep(worker)
    return result


def report_progress(share: float, what: str) -> None:
    """Report the share that is done to the process that asked this one."""
    if _Worker.served is not None:
        _Worker.served.send(("progress", (share, what)))


class _Limits:
    """The limits of a process that is watched."""

    def __init__(self, process: psutil.Process, shared: _Shared) -> None:
        self._process = process
        self._shared = shared
        self._seen = (-1, 0)
        self._since = (0.0, 0.0)

    def exceeded(self) -> str | None:
        """Return which limit is exceeded, as a sentence."""
        state = self._shared.read()
        if not state.memory:
            return None
        try:
            times = self._process.cpu_times()
            memory = _memory(self._process)
        except psutil.Error:
            return None
        computed, now = times.user + times.system, time.monotonic()
        if self._seen != (state.number, state.n_read):
            self._seen, self._since = (state.number, state.n_read), (computed, now)
        after = f" after {state.n_read:,} rows, structures or blocks" if state.n_read else ""
        if memory > state.memory:
            return (
                f"{state.name}: reading was ended{after}, for it took more than "
                f"{state.memory >> 20:,} MB of memory; leave out what is damaged or too large."
            )
        seconds = state.milliseconds / 1000
        passed = max(computed - self._since[0], (now - self._since[1]) / _WAITING)
        if passed > seconds:
            return (
                f"{state.name}: reading was ended{after}, for what follows took more than "
                f"{seconds:.0f} s; leave out what is damaged or too large."
            )
        return None


def _memory(process: psutil.Process) -> int:
    """Return the bytes of memory that a process has for itself, without mapped files."""
    info = process.memory_info()
    return int(info.rss - getattr(info, "shared", 0))


class _Worker:
    """A process that answers questions, one after the other."""

    served: Connection | None = None

    def __init__(self) -> None:
        self._connection, other = Pipe()
        with tempfile.TemporaryFile() as file:
            file.truncate(_LAYOUT.size)
            self._shared = _Shared(file.fileno())
            ends = (other.fileno(), file.fileno())
            # Modules come from the checkout, whatever lies in the current directory.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM.format(*ends)],
                pass_fds=ends,
                # Threads that wait would spin, on a busy machine for most of the processor's time.
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": str(CHECKOUT)},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        other.close()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, progress: Progress, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        limits = _Limits(psutil.Process(self._process.pid), self._shared)
        try:
            self._connection.send(
                (str(home()), function.__module__, function.__qualname__, args, kwargs)
            )
            while True:
                while not self._connection.poll(_PAUSE):
                    if problem := limits.exceeded():
                        self.end()
                        raise LabError(problem)
                kind, content = self._connection.recv()
                if kind == "progress":
                    progress(*content)
                elif kind == "error":
                    raise LabError(content)
                else:
                    return content  # type: ignore[no-any-return]
        except (EOFError, ConnectionError):
            raise LabError(_crashed(self._shared.read().name, self._process.wait())) from None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._connection.close()


def _crashed(name: str, code: int) -> str:
    how = signal.Signals(-code).name if code < 0 else f"status {code}"
    return f"{name or 'The file'}: reading it ended with {how}; the file may be damaged."


_IDLE: list[_Worker] = []
_LOCK = threading.Lock()
_MOST_IDLE = 2


def _idle_worker() -> _Worker:
    with _LOCK:
        while _IDLE:
            worker = _IDLE.pop()
            if worker.is_alive:
                return worker
    return _Worker()


def _keep(worker: _Worker) -> None:
    with _LOCK:
        if len(_IDLE) < _MOST_IDLE:
            _IDLE.append(worker)
            return
    worker.end()


@atexit.register
def _end_all() -> None:
    while _IDLE:
        _IDLE.pop().end()


def serve(connected: int, shared: int) -> None:
    """Answer questions until nobody asks any more.

    Args:
        connected: file descriptor of the connection to who asks.
        shared: file descriptor of what is shared.
    """
    connection = Connection(connected)
    _Watched.shared = _Shared(shared)
    _Worker.served = connection
    while True:
        try:
            path, module, name, args, kwargs = connection.recv()
        except (EOFError, ConnectionError):
            return
        os.environ["ATOMREF_LAB_HOME"] = path
        answer: tuple[str, Any]
        try:
            with contextlib.redirect_stdout(sys.stderr):
                answer = "result", getattr(import_module(module), name)(*args, **kwargs)
        except LabError as error:
            answer = "error", str(error)
        except OSError as error:
            answer = "error", disk_error_message(error)
        # Who asked may have ended meanwhile; the next question is then the end.
        with contextlib.suppress(ConnectionError):
            connection.send(answer)


def _size(path: Path | str) -> int:
    path = Path(path)
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _send(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def end_with_parent(parent: int) -> None:
    """Let the system end this process when its parent ends, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
