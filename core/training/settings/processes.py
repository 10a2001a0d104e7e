"""The default number of processes of a run.

Nothing here imports torch: the process that starts the others does without.
"""

from typing import TYPE_CHECKING

from core.process import usable_cores
from core.training.settings.config import RunConfig

if TYPE_CHECKING:
    from core.frames.store import FrameSet

SECONDS_AN_ATOM = {"cpu": 3e-3, "cuda": 1e-4}
"""Training with all labels takes about this for each atom and epoch, in one process."""

WORTH_SECONDS = 60.0
"""More processes have to load the libraries and the data each, some ten seconds with two of them.
A run that takes less than this in one process stays in it."""

FRAMES_EACH = 4
"""Frames of a batch that a process should have: with fewer, what a step costs whatever its size
outweighs what it gains, and shares become uneven."""


def default_processes(config: RunConfig, frame_set: "FrameSet", *, device: str, n_gpus: int) -> int:
    """Return among how many processes a run is divided that does not say so itself.

    One for each physical core of the CPU or for each GPU, as long as each has `FRAMES_EACH` frames
    of a batch; one on MPS, and one where training is over before the others are ready: where
    epochs · training frames · mean atoms of a frame · `SECONDS_AN_ATOM` is less than
    `WORTH_SECONDS`.

    Args:
        config: the run's settings.
        frame_set: its data set.
        device: "cpu", "cuda" or "mps".
        n_gpus: number of GPUs; counts on "cuda" only.
    """
    if device not in SECONDS_AN_ATOM or not len(frame_set):
        return 1
    frames = config.frames or len(frame_set)
    n_atoms = frames * float(frame_set.n_atoms().mean())
    if config.epochs * n_atoms * SECONDS_AN_ATOM[device] < WORTH_SECONDS:
        return 1
    most = n_gpus if device == "cuda" else usable_cores()
    return max(1, min(most, config.batch_size // FRAMES_EACH))
