"""A tiny data set and run directories as a process leaves them, for the pages that show runs."""

import numpy as np
import orjson

from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.runs.process import local
from core.training.settings.config import RunConfig

PAIRS = [(11, 17), (19, 17), (12, 8), (11, 9), (3, 9), (20, 8), (19, 9), (3, 17), (12, 16)]


def write_tiny(home):
    """Write a data set "tiny" of 18 materials of two atoms, with energies and forces."""
    rng = np.random.default_rng(3)
    card = Card(name="tiny", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(
        home / "datasets" / "tiny",
        card,
        (
            Frame(
                frame_id=f"f{number}",
                material_id=f"m{number}",
                atomic_numbers=np.array(pair, dtype=np.uint8),
                frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
                lattice=np.diag(rng.uniform(3.2, 3.8, 3)),
                energy_per_atom=-10.0 - pair[0] / 10 - pair[1] / 5,
                forces=rng.normal(0, 0.1, (2, 3)),
            )
            for number, pair in enumerate(PAIRS * 2)
        ),
    )


def errors(energy, n=4):
    return {
        "n_frames": n,
        "energy_mae_mev_per_atom": energy,
        "force_mae_mev_per_angstrom": 40.0,
        "stress_mae_gpa": None,
        "magmom_mae_mub": 0.03,
    }


def events():
    """What a training loop of two epochs told in the middle of the second."""
    rest = {"learning_rate": 1e-3}
    start = {"kind": "start", "step": 0, "steps": 4, "device": "cpu", "n_train": 14}
    yield start | {"validation": errors(90.0)}
    yield {"kind": "step", "epoch": 0.5, "step": 1, "steps": 4, "train": errors(70.0)} | rest
    epoch = {"kind": "epoch", "epoch": 1, "step": 2, "train": errors(60.0)}
    yield epoch | {"validation": errors(50.0)} | rest
    yield {"kind": "step", "epoch": 1.5, "step": 3, "steps": 4, "train": errors(45.0)} | rest


def make_run(state="finished", *, name="", method="residual", source_model=None, **changes):
    """Make a run of two epochs; further fields of its status overrule the usual ones."""
    config = RunConfig(dataset="tiny", epochs=2, name=name, method=method)
    if source_model is not None:
        config = config.model_copy(update={"source_model": source_model})
    run = local.create(config)
    if state != "queued":
        lines = [orjson.dumps({"time": 1.0, **event}).decode() for event in events()]
        (run.path / "metrics.jsonl").write_text("\n".join([*lines, '{"kind": "st']))
    run.log.write_text("one line <b>of</b> log\n")
    status = {"state": state, "frames": 14, "labels": "dft", "epoch": 1.5, "step": 3, "steps": 4}
    if state == "finished":
        status |= {"epoch": 2.0, "step": 4, "seconds": 42.0, "device": "cpu", "best_epoch": 2}
        status |= {"validation": errors(50.0), "test": errors(55.0)}
    run.update(**(status | changes))
    return run
