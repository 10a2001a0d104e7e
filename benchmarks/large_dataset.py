"""A synthetic data set of many frames: writing it, describing it, filtering it.

    python benchmarks/large_dataset.py [--frames 240000] [--home DIRECTORY] [--functional r2SCAN]

With --home the data set stays there, under datasets/synthetic-N-FUNCTIONAL, for a dashboard to
open: ATOMREF_LAB_HOME=DIRECTORY make app. Prints one line of JSON; "stock" is the time per frame of
the same numbers taken frame by frame, and the ratio is that over ours.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from harness.generated_frames import write_generated

from core.frames.contents.filters import FrameFilter
from core.frames.contents.numbers import contents_of, occurrence
from core.frames.schema import Frame
from core.frames.store import open_frames

_FILTERS = {
    "element": FrameFilter(all_of=("O",)),
    "system": FrameFilter(system=("Li", "O")),
    "atoms": FrameFilter(max_atoms=20),
    "labels": FrameFilter(labels=("magmom",)),
}
_SAMPLE = 2000


def clocked(action: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that an action takes, and what it returns."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def describe(frame: Frame) -> tuple[object, ...]:
    """Return the numbers of one frame as a loop over frames computes them."""
    return (
        frame.material_id,
        frozenset(frame.atomic_numbers.tolist()),
        None if frame.forces is None else np.linalg.norm(frame.forces, axis=1).max(),
        None if frame.stress is None else np.linalg.norm(frame.stress),
        None if frame.magmoms is None else np.abs(frame.magmoms).max(),
    )


def measure(directory: Path, n: int, functional: str) -> dict[str, object]:
    """Write and read a data set in an empty directory."""
    writing, _ = clocked(lambda: write_generated(directory, n, functional=functional))
    opening, data = clocked(lambda: open_frames(directory))
    describing, contents = clocked(lambda: contents_of(data))
    filters = {}
    for name, chosen in _FILTERS.items():
        seconds, _ = clocked(lambda one=chosen: occurrence(contents, one.mask(contents)))
        filters[name] = round(seconds, 4)
    rows = np.linspace(0, n - 1, min(n, _SAMPLE), dtype=int).tolist()
    one_by_one, _ = clocked(lambda: [describe(frame) for frame in data.frames(rows)])
    ours, stock = describing / n, one_by_one / len(rows)
    return {
        "name": "large_dataset",
        "ratio": round(stock / ours, 1),
        "per": "frame",
        "ours": ours,
        "stock": stock,
        "frames": n,
        "atoms": int(contents.n_atoms.sum()),
        "size_gb": round(sum(path.stat().st_size for path in directory.iterdir()) / 1e9, 2),
        "seconds": {
            "write": round(writing, 1),
            "open": round(opening, 3),
            "describe": round(describing, 2),
            "filter": filters,
        },
        "contents_mb": round(
            sum(
                getattr(contents, name).nbytes
                for name in contents.__slots__
                if isinstance(getattr(contents, name), np.ndarray)
            )
            / 1e6,
            1,
        ),
        # It counts pages of the memory-mapped file, which the system takes back when it needs them.
        "peak_memory_ours_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, 1),
        "threads": 1,
        "device": "cpu",
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description="A data set of many frames")
    parser.add_argument("--frames", type=int, default=240_000)
    parser.add_argument("--home", type=Path, help="keep the data set in this lab home")
    parser.add_argument("--functional", default="r2SCAN")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        parent = options.home / "datasets" if options.home else Path(folder)
        name = f"synthetic-{options.frames}-{options.functional.lower()}"
        line = measure(parent / name, options.frames, options.functional)
    sys.stdout.write(f"{json.dumps(line)}\n")


if __name__ == "__main__":
    main()
