"""Methods of transfer side by side on the same splits: energy, forces, what was forgotten, time.

    atomref import pairs.parquet --name mine --map energy=energy_r2scan --functional r2SCAN
    python benchmarks/matched_transfer.py --dataset mine --sizes 25,100,560 --splits 3,4 \
        --arms residual,linearised,linearised+train --epochs 8 --out lines.jsonl
    python benchmarks/matched_transfer.py --summary lines.jsonl

A split is a random permutation of the frames, by its number: the first fifth tests, and the first
of the rest train, so that smaller training sets are parts of larger ones. There is no validation:
the model after the last epoch is tested. Where the labels are energies alone, forces and stresses
are compared with the released r2SCAN model's on rattled copies of embedded frames; else they are
those of the test frames. Nothing is compared with a peer.

Each arm is a method, then its settings: `untrained`, `train` for the epochs (of a closed form),
`teacher`, `replay`, `ema`, `l2sp`, `lr0.0003` (a learning rate) and `e4` (epochs). What stands in
the file `--out` is not measured again, so that an interrupted comparison is resumed.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pandas as pd
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph, convert
from core.potential.models import load_model
from core.potential.prediction import predict
from core.training.loop.loop import fit
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

_COPIES, _ATOMS, _RATTLE = 50, 24, 0.05
"""Embedded frames that are rattled, their atoms at most, and the displacements in Å."""

_SOURCE = "mp-frames-gga"
"""Frames of the source functional, for `replay` and methods on several functionals."""

_MORE: dict[str, dict[str, Any]] = {
    "teacher": {"teacher.weight": 1.0, "teacher.copies": 1},
    "replay": {"replay.dataset": _SOURCE, "replay.ratio": 0.5},
    "ema": {"ema": 0.99},
    "l2sp": {"l2_sp": 0.01},
    # As good as none: a run without a closed form has no model before its first epoch.
    "untrained": {"epochs": 1, "learning_rate": 1e-12},
}


def main(words: list[str] | None = None) -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", default="mp-frames-r2scan")
    parser.add_argument("--sizes", default="25")
    parser.add_argument("--splits", default="0")
    parser.add_argument("--arms", default="residual,linearised")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--summary", type=Path)
    options = parser.parse_args(words)
    lines: list[dict[str, Any]] = []
    if options.summary is not None:
        lines = [json.loads(line) for line in options.summary.read_text().splitlines()]
    else:
        torch.set_num_threads(1)
        for split in map(int, options.splits.split(",")):
            for size in map(int, options.sizes.split(",")):
                for arm in options.arms.split(","):
                    asked = {"dataset": options.dataset, "arm": arm, "n": size, "split": split}
                    if (line := _known(options.out, asked)) is None:
                        line = measured(**asked, epochs=options.epochs)
                        if options.out is not None:
                            with options.out.open("a") as file:
                                file.write(f"{json.dumps(line)}\n")
                    lines.append(line)
    line = {"name": "matched_transfer", "arms": summary(lines)}
    sys.stdout.write(f"{json.dumps(line)}\n")


def _known(path: Path | None, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the line of an arm that an earlier call has measured, None if there is none."""
    if path is None or not path.is_file():
        return None
    known = map(json.loads, path.read_text().splitlines())
    return next((line for line in known if asked.items() <= line.items()), None)


def measured(dataset: str, arm: str, n: int, split: int, *, epochs: int) -> dict[str, Any]:
    """Run one arm on one split, and return its errors."""
    data = open_frame_set(dataset)
    order = np.random.default_rng(split).permutation(len(data))
    n_test = len(data) // 5
    none = np.zeros(0, dtype=np.int64)
    rows = Split(train=np.sort(order[n_test:][:n]), validation=none, test=np.sort(order[:n_test]))
    end: dict[str, Any] = {}
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        outcome = fit(
            config_of(dataset, arm, epochs),
            data,
            checkpoints=Path(folder),
            emit=lambda event: end.update(event if event["kind"] == "end" else {}),
            should_stop=lambda: False,
            split=rows,
        )
        seconds = time.process_time() - began
        found = errors_of(load_model(Path(folder) / "best.pth.tar"), data, rows, outcome.test)
    lost = end["forgotten"] or {}
    covered = (end["uncertainty"] or {}).get("coverage")
    return {
        "dataset": dataset,
        "arm": arm,
        "n": n,
        "split": split,
        **found,
        "moved_mev_per_angstrom": (lost.get("displaced") or {}).get("after_mev_per_angstrom"),
        "volumes_percent": (lost.get("volumes") or {}).get("after_percent"),
        "coverage_percent": None if covered is None else 100 * covered,
        "cpu_seconds": seconds,
    }


def config_of(dataset: str, arm: str, epochs: int) -> RunConfig:
    """Return the settings of an arm."""
    method, *settings = arm.split("+")
    options: dict[str, Any] = {
        "dataset": dataset,
        "method": method,
        "epochs": 0 if METHODS[method].closed_form else epochs,
        "device": "cpu",
        "threads": 1,
        "processes": 1,
    }
    if METHODS[method].several:
        options["dataset"] = f"{dataset},{_SOURCE}"
    for setting in settings:
        if setting == "train":
            options["epochs"] = epochs
        elif setting.startswith("lr"):
            options["learning_rate"] = float(setting[2:])
        elif setting[0] == "e" and setting[1:].isdigit():
            options["epochs"] = int(setting[1:])
        else:
            options |= _MORE[setting]
    return RunConfig.from_options(options)


def errors_of(
    model: CHGNet, data: FrameSet, split: Split, test: dict[str, Any] | None
) -> dict[str, Any]:
    """Return errors of energy, force and stress, of forces and stresses on rattled copies too."""
    tested = dict(test or {})
    graphs, expected = _rattled()
    forces, stresses = _arrays(model, graphs)
    return {
        "energy_mev_per_atom": tested["energy_mae_mev_per_atom"],
        "force_mev_per_angstrom": tested["force_mae_mev_per_angstrom"],
        "stress_gpa": tested["stress_mae_gpa"],
        "rattled_force_mev_per_angstrom": 1000 * float(np.abs(forces - expected[0]).mean()),
        "rattled_stress_gpa": float(np.abs(stresses - expected[1]).mean()),
        "functional": data.card.functional,
        "n_test": len(split.test),
    }


@cache
def _rattled() -> tuple[list[PackedGraph], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return rattled copies of embedded frames, and the released r2SCAN model's answers."""
    data = open_frame_set("mp-frames-r2scan")
    rng = np.random.default_rng(5)
    small = np.flatnonzero(data.n_atoms() <= _ATOMS)
    graphs: list[PackedGraph] = []
    for frame in data.frames(np.sort(rng.permutation(small)[:_COPIES])):
        steps = rng.normal(0.0, _RATTLE, (len(frame), 3)) @ np.linalg.inv(frame.lattice)
        try:
            graphs.append(convert(frame.atomic_numbers, frame.frac_coords + steps, frame.lattice))
        except LabError:
            continue
    return graphs, _arrays(load_model("chgnet-r2scan"), graphs)


def _arrays(
    model: CHGNet, graphs: list[PackedGraph]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found = predict(model, graphs, Wanted.of(["force", "stress"]))
    forces = np.concatenate([np.asarray(one.forces, np.float64) for one in found])
    return forces, np.stack([np.asarray(one.stress, np.float64) for one in found])


def summary(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return means and standard deviations over the splits, by size and arm."""
    table = pd.DataFrame(list(lines))
    kinds = [
        name for name in table.columns if name.endswith(("atom", "angstrom", "gpa", "percent"))
    ]
    rows = []
    for (n, arm), group in table.groupby(["n", "arm"], sort=False):
        values = {
            kind: [round(float(group[kind].mean()), 2), round(float(group[kind].std(ddof=0)), 2)]
            for kind in kinds
            if group[kind].notna().any()
        }
        cpu = round(float(group["cpu_seconds"].mean()), 1)
        rows.append(
            {"n": n, "arm": arm, "splits": group["split"].tolist(), **values, "cpu_seconds": cpu}
        )
    return rows


if __name__ == "__main__":
    main()
