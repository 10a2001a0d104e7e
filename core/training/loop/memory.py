"""The peak memory of this process."""

import resource
import sys
from pathlib import Path

import torch

_MB = 1e6
_STATUS = Path("/proc/self/status")


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory of this process in MB (10⁶ bytes).

    On CUDA it is the memory that torch had allocated on the device, elsewhere the resident memory.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / _MB
    # On Linux a new process inherits ru_maxrss: it would be that of the launching process.
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / _MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / _MB
