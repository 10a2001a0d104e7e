"""Readers of one file in turns, each in a process of its own every time, by processor time."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from harness.mptrj_file import write_mptrj_file

MB: Final = 1e6

Reader = Callable[[Path], int]
"""Reads a file and returns the number of frames in it."""


@dataclass(kw_only=True, frozen=True)
class Turn:
    """What one reading took.

    Attributes:
        cpu: processor seconds.
        wall: seconds.
        frames: frames that were read.
        peak_memory_mb: largest memory of the process, with its libraries.
        memory_before_mb: its memory before it read.
    """

    cpu: float
    wall: float
    frames: int
    peak_memory_mb: float
    memory_before_mb: float


def read_here(reader: Reader, path: Path) -> Turn:
    """Read a file in this process."""
    before = _peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    frames = reader(path)
    return Turn(
        cpu=time.process_time() - cpu,
        wall=time.perf_counter() - wall,
        frames=frames,
        peak_memory_mb=_peak_mb(),
        memory_before_mb=before,
    )


def take_turns(
    script: str, readers: Mapping[str, Reader], path: Path, repeats: int, *, apart: bool = True
) -> dict[str, list[Turn]]:
    """Let readers read a file one after the other, several times over.

    Args:
        script: the file that runs one reader with `--only NAME --file PATH`.
        readers: name to reader.
        path: the file.
        repeats: how often each reads it.
        apart: whether each reading is a process of its own; otherwise all are this one.
    """
    turns: dict[str, list[Turn]] = {name: [] for name in readers}
    for _ in range(repeats):
        for name, reader in readers.items():
            turns[name].append(_turn(script, name, path) if apart else read_here(reader, path))
    return turns


def answer(name: str, path: Path, turns: Mapping[str, list[Turn]]) -> dict[str, Any]:
    """Return the line of a benchmark: "ours" against "stock" and the others.

    Ratios are of processor times, of medians over the repeats; "ours" and "stock" are processor
    seconds per MB of the file.
    """
    size = path.stat().st_size / MB
    seconds = {arm: median(turn.cpu for turn in each) for arm, each in turns.items()}
    peaks = {arm: max(turn.peak_memory_mb for turn in each) for arm, each in turns.items()}
    ours = turns["ours"][0]
    return {
        "name": name,
        "ratio": round(seconds["stock"] / seconds["ours"], 2),
        **{
            f"ratio_to_{arm}": round(took / seconds["ours"], 2)
            for arm, took in seconds.items()
            if arm not in {"ours", "stock"}
        },
        "per": "MB",
        "ours": seconds["ours"] / size,
        "stock": seconds["stock"] / size,
        "megabytes": round(size, 1),
        "frames": ours.frames,
        "mb_per_s": {arm: round(size / took, 1) for arm, took in seconds.items()},
        "frames_per_s": {arm: round(ours.frames / took) for arm, took in seconds.items()},
        "peak_memory_mb": {arm: round(peak) for arm, peak in peaks.items()},
        "peak_memory_ours_mb": round(peaks["ours"]),
        "peak_memory_stock_mb": round(peaks["stock"]),
        "threads": 1,
        "device": "cpu",
    }


def main(
    script: str, readers: Mapping[str, Reader], words: Sequence[str] | None, *, megabytes: float
) -> None:
    """Run a benchmark of readers: print one line of JSON.

    Args:
        script: the file that runs it.
        readers: name to reader; "ours" and "stock" are among them.
        words: command line; by default the process's own.
        megabytes: size of the generated file by default.
    """
    name = Path(script).stem
    parser = argparse.ArgumentParser(prog=script, description=f"{name} against other readers")
    parser.add_argument("--megabytes", type=float, default=megabytes)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=float, metavar="GB", help="ours reads such a file, too")
    parser.add_argument("--small", action="store_true", help="only see that it works")
    parser.add_argument("--only", choices=list(readers), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.only:
        line = asdict(read_here(readers[options.only], options.file))
    else:
        with tempfile.TemporaryDirectory() as folder:
            line = _compare(script, readers, Path(folder) / "mptrj.json", options)
    sys.stdout.write(f"{json.dumps(line)}\n")


def _compare(
    script: str, readers: Mapping[str, Reader], path: Path, options: argparse.Namespace
) -> dict[str, Any]:
    write_mptrj_file(path, int((0.1 if options.small else options.megabytes) * MB))
    repeats = 1 if options.small else options.repeats
    turns = take_turns(script, readers, path, repeats, apart=not options.small)
    line = answer(Path(script).stem, path, turns)
    line["minutes"] = {f"{size} GB": round(line["ours"] * size * 1000 / 60, 1) for size in (3, 11)}
    if options.large:
        write_mptrj_file(path, int(options.large * 1000 * MB))
        (large,) = take_turns(script, {"ours": readers["ours"]}, path, 1)["ours"]
        size = path.stat().st_size / MB
        line["large"] = {
            "megabytes": round(size),
            "frames": large.frames,
            "mb_per_s": round(size / large.cpu, 1),
            "frames_per_s": round(large.frames / large.cpu),
            "seconds": round(large.wall, 1),
            "peak_memory_mb": round(large.peak_memory_mb),
        }
    return line


def _turn(script: str, name: str, path: Path) -> Turn:
    words = [sys.executable, script, "--only", name, "--file", str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return Turn(**json.loads(done.stdout))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
