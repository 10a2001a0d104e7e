"""What only a GPU can show, in at most eight minutes: `make gpu-check`.

    python benchmarks/gpu/check.py [--device cuda] [--only NAME …] [--small] [--seconds 480]

Each check prints one JSON line; at the end comes a table for benchmarks/README.md. A check that
fails prints why, and the others go on; the exit status is then 1. What is left when the time is up
is named and left out. `--device cpu --small` goes through all of it on a machine without a GPU.
"""

import argparse
import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from gpu.setting import (
    ROOT,
    Setting,
    against_stock,
    difference,
    errors_of,
    little_memory,
    make_batch,
    make_stepper,
    steps_agree,
    train,
    verdict,
)
from harness.workload import make_frames

from core.frames.schema import Card
from core.frames.store import write_frames
from core.potential.forward import predict_batch
from core.potential.models import resolve_device
from core.potential.prediction import predict
from core.potential.relaxation.batched import relaxations
from core.potential.relaxation.settings import RelaxSettings
from core.potential.tangent.rows import energy_rows
from core.runs.process.local import create
from core.training.settings.config import RunConfig
from core.training.step.loader import load

Check = Callable[[Setting], dict[str, Any]]


def float64(setting: Setting) -> dict[str, Any]:
    """Compare predictions with stock chgnet's in double precision."""
    return against_stock(setting, torch.float64, limit=1e-9)


def float32(setting: Setting) -> dict[str, Any]:
    """Compare predictions with stock chgnet's in single precision."""
    return against_stock(setting, torch.float32, limit=1e-3)


def compiled(setting: Setting) -> dict[str, Any]:
    """Compare loss and gradient of the compiled step with those of the eager one."""
    eager, fast = make_stepper(setting), make_stepper(setting)
    if not fast.compile([fast.prepare(setting.examples)]):
        raise RuntimeError(f"the step is not compiled: {fast.eager_because}")
    return steps_agree(eager, fast, setting.examples, limit=1e-3)


def pieces(setting: Setting) -> dict[str, Any]:
    """Compare the step where memory runs out with the step that has enough.

    On a GPU memory is limited to what the model and a part of the batch need; elsewhere the first
    attempt is made to fail.
    """
    whole, short = make_stepper(setting), make_stepper(setting)
    examples = setting.examples
    before = short.piece_cost
    with little_memory(setting, short):
        found = steps_agree(whole, short, examples, limit=1e-3)
    if short.piece_cost >= before:
        raise RuntimeError("memory did not run out")
    return {**found, "piece_cost_before": before, "piece_cost_after": short.piece_cost}


def pinned(setting: Setting) -> dict[str, Any]:
    """Compare batches that were copied ahead, from pinned memory, with those made in place."""
    stepper = make_stepper(setting)
    parts = [setting.examples[i : i + 2] for i in range(0, len(setting.examples), 2)]
    worst = 0.0
    for part, ahead in zip(parts, load(parts, stepper.prepare, setting.device), strict=True):
        here = stepper.prepare(part)
        for one, other in zip(ahead.pieces, here.pieces, strict=True):
            for name, target in other.targets.items():
                worst = max(worst, difference(one.targets[name], target))
    return verdict({"largest_difference": worst, "batches": len(parts)}, worst, 0.0)


def resume(setting: Setting) -> dict[str, Any]:
    """Kill a run with -9, resume it, and compare it with one that went through."""
    home = setting.folder / "home"
    card = Card(name="check", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(home / "datasets" / "check", card, list(setting.frames))
    epochs = 3 if setting.small else 6
    os.environ["ATOMREF_LAB_HOME"] = str(home)
    config = RunConfig(
        dataset="check",
        method="frozen",
        epochs=epochs,
        batch_size=2 if setting.small else 8,
        device=setting.device.type,
        processes=1,
        threads=1,
    )
    through, killed = create(config), create(config)
    train(through)
    train(killed, until=1)
    train(killed)
    errors = [
        [event["validation"]["energy_mae_mev_per_atom"] for event in run.metrics("epoch")]
        for run in (through, killed)
    ]
    worst = float(np.max(np.abs(np.subtract(*errors)) / np.abs(errors[0])))
    limit = 0.0 if setting.device.type == "cpu" else 0.05
    return verdict({"epochs": epochs, "largest_relative_difference": worst}, worst, limit)


def inference(setting: Setting) -> dict[str, Any]:
    """Count frames per second of prediction, and compare the CPU's numbers."""
    model, graphs = setting.model(), setting.graphs
    ours = predict(model, graphs)
    expected = predict(setting.model_on_cpu(), graphs)
    worst = max(abs(one.energy - other.energy) for one, other in zip(ours, expected, strict=True))
    began = time.perf_counter()
    repeats = 1 if setting.small else 10
    for _ in range(repeats):
        predict(model, graphs)
    rate = repeats * len(graphs) / (time.perf_counter() - began)
    facts = {"frames_per_second": round(rate, 1), "largest_difference_ev_per_atom": worst}
    return verdict(facts, worst, 1e-4)


def relaxation(setting: Setting) -> dict[str, Any]:
    """Compare energies of relaxed structures with those that the CPU relaxes to."""
    settings = RelaxSettings(fmax=0.1, steps=3 if setting.small else 100)
    some = [frame for frame in setting.frames if len(frame) <= 8][:4]
    here, there = (
        {row: found.energy for row, found in relaxations(model, some, settings)}
        for model in (setting.model(), setting.model_on_cpu())
    )
    worst = max(abs(here[row] - there[row]) for row in there)
    return verdict({"structures": len(some), "largest_difference_ev_per_atom": worst}, worst, 1e-2)


def rows(setting: Setting) -> dict[str, Any]:
    """Compare gradient rows, of the linearised method, with the CPU's in double precision."""
    graphs = setting.graphs[:4]
    here = energy_rows(setting.model(), graphs)
    there = energy_rows(setting.model_on_cpu(torch.float64), graphs)
    worst = max(
        float(np.abs(here.gradients[name] - row).max() / (np.abs(row).max() + 1e-12))
        for name, row in there.gradients.items()
    )
    return verdict({"largest_relative_difference": worst}, worst, 1e-3)


def tf32(setting: Setting) -> dict[str, Any]:
    """Measure the error of TF32 products, which are off in the lab."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        found = predict_batch(setting.model(), make_batch(setting, torch.float32))
        return errors_of(setting, found)
    finally:
        torch.set_float32_matmul_precision(before)


def bf16(setting: Setting) -> dict[str, Any]:
    """Measure the error of bfloat16 products, which are off in the lab."""
    if setting.device.type == "cpu":
        return {"ok": True, "left_out": "needs a GPU"}
    with torch.autocast(setting.device.type, dtype=torch.bfloat16):
        found = predict_batch(setting.model(), make_batch(setting, torch.float32))
    return errors_of(setting, found)


def ratio(batch_size: int) -> Check:
    """Return the check that trains beside stock chgnet at a batch size."""

    def compare(setting: Setting) -> dict[str, Any]:
        words = ["--device", setting.device.type, "--batch-size", str(batch_size)]
        words += ["--small"] if setting.small else ["--structures", str(2 * batch_size)]
        script = ROOT / "benchmarks" / "training_step.py"
        done = subprocess.run(
            [sys.executable, str(script), *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        line = json.loads(done.stdout.splitlines()[-1])
        size = line["batch_size"]
        return {
            "ok": True,
            "batch_size": size,
            "ratio": line["ratio"],
            "frames_per_second": round(size * line["ours_per_second"], 1),
            "frames_per_second_stock": round(size * line["stock_per_second"], 1),
            "peak_memory_ours_mb": line["peak_memory_ours_mb"],
            "peak_memory_stock_mb": line["peak_memory_stock_mb"],
        }

    return compare


CHECKS: dict[str, Check] = {
    "float64": float64,
    "float32": float32,
    "pinned": pinned,
    "pieces": pieces,
    "inference": inference,
    "rows": rows,
    "relaxation": relaxation,
    "tf32": tf32,
    "bf16": bf16,
    "compiled": compiled,
    "resume": resume,
    "ratio_16": ratio(16),
    "ratio_64": ratio(64),
    "ratio_256": ratio(256),
}


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table for benchmarks/README.md."""
    head = ["| check | | result |", "|---|---|---|"]
    skipped = {"check", "ok", "seconds", "device", "limit"}
    for line in lines:
        facts = ", ".join(
            f"{key.replace('_', ' ')} {json.dumps(value)}"
            for key, value in line.items()
            if key not in skipped
        )
        head.append(f"| {line['check']} | {'holds' if line['ok'] else 'FAILS'} | {facts} |")
    return "\n".join(head)


def main(words: Sequence[str] | None = None) -> int:
    """Run the checks; return the exit status."""
    parser = argparse.ArgumentParser(description="What only a GPU can show.")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    parser.add_argument("--small", action="store_true", help="only see that it works")
    parser.add_argument("--seconds", type=float, default=480.0, help="time for all checks")
    options = parser.parse_args(words)
    device = resolve_device(options.device)
    began, lines = time.monotonic(), []
    folder = Path(tempfile.mkdtemp(prefix="gpu-check-"))
    frames = make_frames(6, largest=4) if options.small else make_frames(32)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    home = os.environ.get("ATOMREF_LAB_HOME")
    try:
        for check in options.only:
            start = time.monotonic()
            if start - began > options.seconds:
                line = {"check": check, "ok": True, "left_out": "the time is up"}
            else:
                setting = Setting(device, copy.copy(frames), options.small, folder)
                line = {"check": check, **_answer(CHECKS[check], setting)}
            line |= {"seconds": round(time.monotonic() - start, 1), "device": name}
            lines.append(line)
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if home is None:
            os.environ.pop("ATOMREF_LAB_HOME", None)
        else:
            os.environ["ATOMREF_LAB_HOME"] = home
    sys.stdout.write(f"\n{table(lines)}\n")
    return 0 if all(line["ok"] for line in lines) else 1


def _answer(check: Check, setting: Setting) -> dict[str, Any]:
    try:
        with (
            contextlib.redirect_stdout(sys.stderr),  # the stock package talks on stdout
            warnings.catch_warnings(action="ignore"),
        ):
            return check(setting)
    except Exception as error:  # noqa: BLE001 - the other checks go on
        return {"ok": False, "error": f"{type(error).__name__}: {error}"[:500]}


if __name__ == "__main__":
    sys.exit(main())
