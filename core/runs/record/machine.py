"""Hardware and software of a training, so that it can be repeated."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil

import core

_PACKAGES = ("torch", "chgnet", "numpy", "pymatgen")


def software() -> dict[str, str]:
    """Return the versions of this lab, of packages that determine its numbers, and of Python."""
    return {
        "atomref-lab": core.__version__,
        **{name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
    }


def machine() -> str:
    """Return a description of the machine: processor, cores, memory and operating system."""
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{_processor()}, {cores} cores, {memory} GiB, {platform.system()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
