"""The default number of processes of a run.

Nothing here imports torch: the process that starts the others does without.
"""

from core.frames.registry import open_frame_set
from core.frames.store import FrameSet
from core.potential.devices import kind_of, n_gpus
from core.process import usable_cores
from core.training.settings.config import RunConfig

SECONDS_PER_ATOM = {"cpu": 3e-3, "cuda": 1e-4}
"""Approximate training time per atom and epoch with all labels, in one process."""

WORTH_SECONDS = 60.0
"""Each further process has to load the libraries and the data, some ten seconds with two of them.
A run that takes less than this in one process stays in it."""

FRAMES_PER_PROCESS = 4
"""Frames of a batch that a process should have: with fewer, the constant cost of a step outweighs
the gain, and shares become uneven."""


def usual_processes(config: RunConfig) -> int:
    """Return the number of processes that a run takes on this machine if its settings name none.

    Raises:
        LabError: if there is no such data set or device.
    """
    frame_set = open_frame_set(config.dataset)
    return default_processes(config, frame_set, device=kind_of(config.device), n_gpus=n_gpus())


def default_processes(config: RunConfig, frame_set: FrameSet, *, device: str, n_gpus: int) -> int:
    """Return the number of processes of a run whose settings name none.

    One per physical core of the CPU or per GPU, as long as each has `FRAMES_PER_PROCESS` frames
    of a batch; one on MPS, and one where training is over before the others are ready: where
    epochs · training frames · mean atoms of a frame · `SECONDS_PER_ATOM` is less than
    `WORTH_SECONDS`.

    Args:
        config: the run's settings.
        frame_set: its data set.
        device: "cpu", "cuda" or "mps".
        n_gpus: number of GPUs; counts on "cuda" only.
    """
    if device not in SECONDS_PER_ATOM or not len(frame_set):
        return 1
    frames = config.frames or len(frame_set)
    n_atoms = frames * config.frames_per_frame * float(frame_set.n_atoms().mean())
    if config.epochs * n_atoms * SECONDS_PER_ATOM[device] < WORTH_SECONDS:
        return 1
    most = n_gpus if device == "cuda" else usable_cores()
    return max(1, min(most, config.batch_size // FRAMES_PER_PROCESS))
