"""What a sweep found, with known laws, for the pages that show it."""

import numpy as np
import pandas as pd

from core.frames.schema import Card
from core.runs.groups.sweep import Sweep
from core.scaling import sweep_files
from core.scaling.sweep_results import STAGES, FrameTotals, SweepAbout, SweepResults
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS

LAWS = {"scratch": (9000.0, 0.45, 600.0), "refit": (2600.0, 0.38, 450.0)}
"""Amplitude and exponent of the energy error, and that of the untrained model, meV/atom."""

SIZES = (50, 100, 200, 400, 800, 1600)
SEEDS = (0, 1, 2)
N_FRAMES = 40


def made_results(laws=LAWS, *, sizes=SIZES, seeds=SEEDS, noise=0.03, labels="chgnet-r2scan"):
    """Return results whose errors follow the laws: force 1.3 times energy, no magnetic moments."""
    rng = np.random.default_rng(5)
    runs = [(m, n, s) for m in laws for n in sizes for s in seeds]
    ids = np.array([f"run-{m}-{n}-{s}" for m, n, s in runs])
    scales = np.array([1.0, 1.3, 0.01, np.nan])
    points, frames = [], {}
    for stage, split in STAGES.values():
        errors = np.array(
            [
                laws[m][2] * (1 + 0.02 * s)
                if stage == "untrained"
                else laws[m][0] * n ** -laws[m][1] * np.exp(rng.normal(0, noise))
                for m, n, s in runs
            ]
        )
        spread = rng.gamma(2.0, size=N_FRAMES)
        spread /= spread.mean()
        counts = np.ones((N_FRAMES, len(METRICS)), dtype=np.int32)
        counts[:, -1] = 0
        frames[stage, split] = FrameTotals(
            runs=ids,
            rows=np.arange(N_FRAMES),
            materials=np.array([f"m{row // 2}" for row in range(N_FRAMES)]),
            totals=np.nan_to_num(errors[:, None, None] * spread[:, None] * scales, nan=0.0).astype(
                np.float32
            ),
            counts=counts,
        )
        points += [
            {
                "run": run,
                "method": m,
                "n_frames": n,
                "seed": s,
                "stage": stage,
                "split": split,
                **dict(zip(METRICS, error * scales, strict=True)),
            }
            for run, (m, n, s), error in zip(ids, runs, errors, strict=True)
        ]
    base = RunConfig(dataset="mp-frames-r2scan", epochs=20, device="cpu")
    sweep = Sweep(
        id="20261101-1200-abcd",
        name="",
        created=1.79e9,
        base=base,
        methods=list(laws),
        seeds=list(seeds),
        sizes=list(sizes),
        runs=ids.tolist(),
        machine="two <cores>",
        versions={"torch": "2.13.0"},
    )
    card = Card(name="mp-frames-r2scan", kind="frames", functional="r2SCAN", labels=labels)
    about = SweepAbout(
        sweep=sweep, data=card, seconds=7200.0, n_train=1919, n_validation=240, n_test=240
    )
    return SweepResults(about=about, points=pd.DataFrame(points), frames=frames)


def embed(monkeypatch, folder, **results):
    """Make the lab come with these sweeps, by name, and no others."""
    folder.mkdir(exist_ok=True)
    for name, one in results.items():
        sweep_files.save_results(one, folder / name, title=f"Made {name}")
    monkeypatch.setattr(sweep_files, "_EMBEDDED", folder)
