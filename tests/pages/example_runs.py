"""Run directories as a process leaves them, for the pages that show runs."""

import orjson

from core.runs.process import local
from core.training.settings.config import RunConfig


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
