"""The devices of this machine. Torch is asked only where there may be an accelerator."""

import sys
from pathlib import Path

from core.errors import LabError

_ACCELERATOR_NODES = ("nvidiactl", "dxg", "kfd")


def may_have_accelerator() -> bool:
    """Return whether torch may find a device other than the CPU."""
    if sys.platform != "linux":
        return True
    return any(Path("/dev", node).exists() for node in _ACCELERATOR_NODES)


def available_devices() -> list[str]:
    """Return the kinds of device of this machine, the preferred one first."""
    if not may_have_accelerator():
        return ["cpu"]
    import torch  # noqa: PLC0415

    available = {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available(), "cpu": True}
    return [kind for kind, here in available.items() if here]


def kind_of(name: str) -> str:
    """Return the kind of a device of this machine: "cpu", "cuda" or "mps".

    Args:
        name: "auto", or a kind, on "cuda" perhaps with a number as in "cuda:1".

    Raises:
        LabError: if there is no such device here.
    """
    available = available_devices()
    if name == "auto":
        return available[0]
    kind = name.partition(":")[0]
    if kind not in available:
        raise LabError(f'The device "{name}" is not available here; take auto or cpu.')
    return kind


def n_gpus() -> int:
    """Return the number of GPUs that this process may use."""
    if not may_have_accelerator():
        return 0
    import torch  # noqa: PLC0415

    return torch.cuda.device_count()
