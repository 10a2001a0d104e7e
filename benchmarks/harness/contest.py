"""Stock chgnet and the lab on the same work, in turns, in one run."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.frames.schema import Frame
from core.potential.models import resolve_device
from harness.team import RemoteTeam, here
from harness.worker import Piece, RemoteWorker, Turn, Work, Worker
from harness.workload import LARGEST, make_frames

STOCK = "stock"

Arm = Callable[[Work], Sequence[Piece]]
"""Makes everything ready that is not to be timed, and returns the timed pieces."""

Turns = Sequence[Sequence[Turn]]
"""By repeat, the first of which is the warm-up, and piece."""


@dataclass(kw_only=True, frozen=True)
class Contest:
    """One benchmark.

    Attributes:
        name: its name.
        script: the file that runs it.
        arms: stock and one or more of ours, by name. The last one of ours gives the main ratio.
        per: what one unit of the stated seconds is.
        units: how many of these an arm works through, given the work and the number of its pieces.
        tell: puts what a piece returns into a form that JSON can hold.
        agreement: compares what stock's pieces and those of one of ours told, the first time.
        batches: batches of structures that are worked on by default.
        repeats: repeats by default.
        processes: processes of an arm by default; with more than one, a batch is what each of them
            works on at a time.
        frames: makes the structures, given their number and the atoms of the largest one.
        batch_size: structures per batch by default.
        warm_up: whether all pieces are done once before they are timed.
    """

    name: str
    script: str
    arms: Mapping[str, Arm]
    per: str
    units: Callable[[Work, int], int]
    tell: Callable[[Any], Any]
    agreement: Callable[[Sequence[Any], Sequence[Any]], dict[str, Any]]
    batches: int = 4
    repeats: int = 3
    processes: int = 1
    frames: Callable[..., Sequence[Frame]] = make_frames
    batch_size: int = 16
    warm_up: bool = True

    def main(self, words: Sequence[str] | None = None) -> None:
        """Run as a script: print one line of JSON.

        Args:
            words: command line; by default the process's own.
        """
        given = list(sys.argv[1:] if words is None else words)
        options = self._parse(given)
        answer = sys.stdout
        with (
            # the stock package talks on stdout, and warns of what it does itself
            Path(os.devnull).open("w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            warnings.catch_warnings(action="ignore"),
            tempfile.TemporaryDirectory() as folder,
        ):
            device = here().place(resolve_device(options.device))
            if device.index is not None:
                torch.cuda.set_device(device)
            work = Work(
                frames=self.frames(options.structures, largest=options.largest),
                batch_size=options.batch_size,
                device=device,
                threads=options.threads,
                folder=Path(folder),
                small=options.small,
            )
            if options.only:
                self.worker(work, options.only).serve(sys.stdin, answer)
            else:
                # A worker takes the same words, and keeps nothing.
                kept = KeptTurns(options.keep, _without(given, "--keep"))
                line = self._compare(work, options.repeats, options.processes, given, kept)
                answer.write(json.dumps(line) + "\n")

    def _remote(self, arm: str, processes: int, words: Sequence[str]) -> RemoteWorker | RemoteTeam:
        words = [*words, "--only", arm]
        if self.processes == 1:
            return RemoteWorker(self.script, words)
        return RemoteTeam(self.script, words, processes, joint=arm != STOCK)

    def _told(self, turns: Turns) -> list[Any]:
        """Return what the pieces told the first time that all were done."""
        return [turn.told for turn in turns[0] or turns[1]]

    def worker(self, work: Work, arm: str) -> Worker:
        """Make one arm ready in this process."""
        return Worker(self.arms[arm](work), work.device, self.tell)

    def _parse(self, words: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=self.script, description=f"{self.name} against stock")
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
        parser.add_argument("--threads", type=int, default=1, help="CPU threads of a process")
        if self.processes > 1:
            parser.add_argument(
                "--processes", type=int, default=self.processes, help="processes of each side"
            )
        parser.add_argument(
            "--batch-size", type=int, default=self.batch_size, help="structures per batch"
        )
        parser.add_argument("--structures", type=int, help=f"default: {self.batches} batches")
        parser.add_argument("--largest", type=int, default=LARGEST, help="atoms in the largest one")
        parser.add_argument(
            "--repeats", type=int, default=self.repeats, help="after one to warm up"
        )
        parser.add_argument(
            "--keep",
            type=Path,
            help="a file to which every turn is added; a run with the same options that was "
            "interrupted goes on behind its last one",
        )
        parser.add_argument("--small", action="store_true", help="only see that it works")
        parser.add_argument("--only", choices=list(self.arms), help=argparse.SUPPRESS)
        parser.set_defaults(processes=self.processes)
        options = parser.parse_args(words)
        if options.small:
            options.batch_size, options.structures = 2, 4
            options.largest, options.repeats = 8, 1
        together = options.processes * options.batch_size
        options.structures = options.structures or self.batches * together
        torch.set_num_threads(options.threads)
        if options.processes > 1 and options.structures % together:
            parser.error(f"--structures: give a multiple of {together}, so that all have as many.")
        return options

    def _compare(
        self, work: Work, repeats: int, processes: int, words: Sequence[str], kept: "KeptTurns"
    ) -> dict[str, Any]:
        with contextlib.ExitStack() as open_workers:
            workers = {
                arm: open_workers.enter_context(self._remote(arm, processes, words))
                for arm in self.arms
            }
            turns = _in_turns(workers, repeats, warm_up=self.warm_up, kept=kept)
            peaks = {arm: kept.peak_memory_mb(arm) for arm in workers}
            units = self.units(work, workers[STOCK].n_pieces())
        ours = {
            arm: {
                **_ratios(_walls(turns[STOCK]), _walls(turns[arm])),
                "ratio_of_cpu_time": _ratios(_cpus(turns[STOCK]), _cpus(turns[arm]))["ratio"],
                **_seconds(_walls(turns[arm]), units),
                "peak_memory_mb": peaks[arm],
                **self.agreement(*(self._told(turns[side]) for side in (STOCK, arm))),
            }
            for arm in self.arms
            if arm != STOCK
        }
        main, stock = list(ours.values())[-1], _seconds(_walls(turns[STOCK]), units)
        n_atoms = [len(frame) for frame in work.frames]
        return {
            "name": self.name,
            "ratio": main["ratio"],
            "ratio_range": main["ratio_range"],
            "ratio_of_cpu_time": main["ratio_of_cpu_time"],
            "per": self.per,
            "ours": main["seconds"],
            "stock": stock["seconds"],
            "ours_per_second": float(f"{1 / main['seconds']:.4g}"),
            "stock_per_second": float(f"{1 / stock['seconds']:.4g}"),
            "ours_median": main["seconds_median"],
            "stock_median": stock["seconds_median"],
            "peak_memory_ours_mb": main["peak_memory_mb"],
            "peak_memory_stock_mb": peaks[STOCK],
            "memory": "process" if work.device.type == "cpu" else "device",
            "processes": processes,
            "threads": work.threads,
            "device": str(work.device),
            "device_name": _name_of(work.device),
            "arms": ours,
            "batch_size": work.batch_size,
            "repeats": repeats,
            "n_structures": len(work.frames),
            "n_atoms": [min(n_atoms), round(sum(n_atoms) / len(n_atoms), 1), max(n_atoms)],
            "load": round(os.getloadavg()[0], 1),
            "torch": torch.__version__,
            "chgnet": version("chgnet"),
        }


class KeptTurns:
    """Turns that were taken already, of a run that may have been interrupted.

    Args:
        path: a line of JSON for the options, then one per turn; None keeps nothing.
        words: the options.
    """

    def __init__(self, path: Path | None, words: Sequence[str]) -> None:
        self._path, self._done = path, dict[tuple[str, int, int], Turn]()
        self._peaks = dict[str, float]()
        if path is None:
            return
        if not path.exists():
            path.write_text(json.dumps(list(words)) + "\n", encoding="utf-8")
        # A line without an end was being written when the run was interrupted.
        whole, _, torn = path.read_text(encoding="utf-8").rpartition("\n")
        first, *lines = whole.split("\n")
        if json.loads(first or "null") != list(words):
            raise SystemExit(f"{path}: holds turns of other options; give another file.")
        for line in lines:
            told = json.loads(line)
            self._add(*told["of"], Turn(**told["turn"]), told["peak"])
        if torn:
            path.write_text(whole + "\n", encoding="utf-8")

    def _add(self, arm: str, repeat: int, place: int, turn: Turn, peak: float) -> None:
        self._done[arm, repeat, place] = turn
        self._peaks[arm] = max(peak, self._peaks.get(arm, 0.0))

    def take(self, arm: str, repeat: int, place: int, worker: RemoteWorker | RemoteTeam) -> Turn:
        """Return a turn that was kept, or let a worker take it and keep it."""
        of = (arm, repeat, place)
        if of not in self._done:
            turn, peak = worker.turn(place), worker.peak_memory_mb()
            self._add(*of, turn, peak)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    line = {"of": of, "turn": asdict(turn), "peak": peak}
                    file.write(json.dumps(line) + "\n")
        return self._done[of]

    def peak_memory_mb(self, arm: str) -> float:
        """Return the largest memory of an arm's processes in all turns."""
        return self._peaks[arm]


def _without(words: Sequence[str], option: str) -> list[str]:
    """Return a command line without an option and its value."""
    kept, skip = [], False
    for word in words:
        if not (skip or word == option or word.startswith(f"{option}=")):
            kept.append(word)
        skip = word == option
    return kept


def _in_turns(
    workers: Mapping[str, RemoteWorker | RemoteTeam],
    repeats: int,
    *,
    warm_up: bool,
    kept: KeptTurns,
) -> Mapping[str, Turns]:
    """Let the arms do their pieces in turns, A1 B1 A2 B2 …: once to warm up, then the repeats.

    Arms cut into different numbers of pieces take turns as far as the pieces go.
    """
    turns: dict[str, list[list[Turn]]] = {arm: [] for arm in workers}
    for repeat in range(repeats + 1):
        for done in turns.values():
            done.append([])
        if not (repeat or warm_up):
            continue
        for place in range(max(worker.n_pieces() for worker in workers.values())):
            for arm, worker in workers.items():
                if place < worker.n_pieces():
                    turns[arm][-1].append(kept.take(arm, repeat, place, worker))
        took = ", ".join(
            f"{arm} {sum(turn.wall for turn in done[-1]):.3f} s" for arm, done in turns.items()
        )
        sys.stderr.write(f"{f'repeat {repeat}' if repeat else 'warm-up'}: {took}\n")
    return turns


def _walls(turns: Turns) -> NDArray[np.float64]:
    """Return the seconds by the clock, (repeats, pieces), without the warm-up."""
    return np.array([[turn.wall for turn in repeat] for repeat in turns[1:]])


def _cpus(turns: Turns) -> NDArray[np.float64]:
    """Return the seconds of processor time, (repeats, pieces), without the warm-up."""
    return np.array([[turn.cpu for turn in repeat] for repeat in turns[1:]])


def _ratios(stock: NDArray[np.float64], ours: NDArray[np.float64]) -> dict[str, Any]:
    """Return the ratio of the minima, and the least and greatest ratio of a single repeat."""
    each = stock.sum(1) / ours.sum(1)
    return {
        "ratio": round(float(stock.min(0).sum() / ours.min(0).sum()), 2),
        "ratio_range": [round(float(each.min()), 2), round(float(each.max()), 2)],
    }


def _seconds(seconds: NDArray[np.float64], units: int) -> dict[str, float]:
    """Return the seconds of a unit: each piece at its fastest, and at its median."""
    return {
        "seconds": float(f"{seconds.min(0).sum() / units:.4g}"),
        "seconds_median": float(f"{np.median(seconds, axis=0).sum() / units:.4g}"),
    }


def _name_of(device: torch.device) -> str:
    """Return the name of the processor that does the work."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else device.type
