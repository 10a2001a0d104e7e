"""The library in C++ beside this file, compiled once on a machine, for its processor.

It lies where torch keeps compiled extensions: in ``TORCH_EXTENSIONS_DIR``, by default
~/.cache/torch_extensions.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

_SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-shared", "-fPIC")
_COMPILERS = ("g++", "c++")
_TIMEOUT_S = 120

_log = logging.getLogger(__name__)


@cache
def library() -> ctypes.CDLL | None:
    """Return the library, compiled if it is not there yet; None where it cannot be."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        _log.info(
            "No C++ compiler is found; torch computes products and messages, which takes longer."
        )
        return None
    try:
        path = _folder() / f"kernels-{_kind(compiler)}.so"
        if not path.exists():
            _compile(compiler, path)
        return ctypes.CDLL(str(path))
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        why = next((line for line in said if "error" in line), f"{compiler} failed")
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        why = str(error)
    _log.warning("%s; torch computes products and messages, which takes longer.", why)
    return None


def computes(rows: Tensor) -> bool:
    """Return whether the library computes with rows of this kind, where it is there."""
    return rows.dtype == torch.float32 and rows.device.type == "cpu" and library() is not None


def call(name: str, *arguments: Tensor | int | None) -> None:
    """Call a function of the library, with torch's number of threads as its last argument.

    Args:
        name: its name.
        arguments: tensors, which become pointers, and integers, in its order.

    Raises:
        RuntimeError: without the library.
        IndexError: if an index is out of bounds.
    """
    loaded = library()
    if loaded is None:
        raise RuntimeError("This graph was compiled with a library that is not here.")
    function = getattr(loaded, name)
    if function.argtypes is None:
        kinds = [ctypes.c_int64 if isinstance(one, int) else ctypes.c_void_p for one in arguments]
        function.argtypes = [*kinds, ctypes.c_int]
    if function(*map(_plain, arguments), torch.get_num_threads()):
        raise IndexError(f"{name}: a row that is to be gathered or added to is not there")


def _plain(value: Tensor | int | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    # an empty tensor has no address, but is not the same as no tensor
    return value.data_ptr() or 1


def _folder() -> Path:
    root = os.environ.get("TORCH_EXTENSIONS_DIR") or "~/.cache/torch_extensions"
    return Path(root).expanduser() / "atomref_lab"


def _compile(compiler: str, path: Path) -> None:
    """Make the library, which another process that makes it at the same time may replace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as folder:
        made = Path(folder) / path.name
        subprocess.run(
            [compiler, *_FLAGS, *map(str, _SOURCES), "-o", str(made)],
            check=True,
            capture_output=True,
            timeout=_TIMEOUT_S,
        )
        made.replace(path)


def _kind(compiler: str) -> str:
    """Return a name for what decides whether a library is right here, and whether it loads."""
    texts = [source.read_text(encoding="utf-8") for source in _SOURCES]
    version = subprocess.run(
        [compiler, "-dumpfullversion"], check=True, capture_output=True, timeout=_TIMEOUT_S
    ).stdout.decode()
    kind = (*texts, *_FLAGS, version, *platform.libc_ver(), _processor())
    return hashlib.sha256("\n".join(kind).encode()).hexdigest()[:16]


def _processor() -> str:
    """Return what decides which instructions ``-march=native`` stands for."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return "\n".join(sorted(told))
