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
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import chgnet.model.model
import numpy as np
import torch
from chgnet.graph import CrystalGraph, CrystalGraphConverter
from chgnet.model import CHGNet
from harness.workload import make_frames, structures_of

from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.potential.batch import collate
from core.potential.examples import Example, example
from core.potential.forward import predict_batch
from core.potential.graph import PackedGraph, convert
from core.potential.models import load_model, resolve_device
from core.potential.prediction import predict
from core.potential.relaxation.batched import relaxations
from core.potential.relaxation.settings import RelaxSettings
from core.potential.tangent.rows import energy_rows
from core.runs.process.local import create
from core.runs.record.directory import Run
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.metrics import MetricSums
from core.training.step.loader import load
from core.training.step.step import Stepper

ROOT = Path(__file__).resolve().parents[2]
QUANTITIES = ("energy", "forces", "stress", "magmoms")
RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Setting:
    """What a check works with.

    Attributes:
        device: the device.
        frames: labelled structures.
        small: whether only to see that it works.
        folder: for files.
    """

    device: torch.device
    frames: Sequence[Frame]
    small: bool
    folder: Path

    @property
    def graphs(self) -> list[PackedGraph]:
        """Graphs of the structures."""
        return [convert(one.atomic_numbers, one.frac_coords, one.lattice) for one in self.frames]

    @property
    def examples(self) -> list[Example]:
        """The structures with their labels, ready to be trained on."""
        return [example(row, frame) for row, frame in enumerate(self.frames)]

    def model(self, dtype: torch.dtype = torch.float32) -> CHGNet:
        """Return the released model."""
        return load_model("chgnet-0.3.0", self.device).to(dtype)


Check = Callable[[Setting], dict[str, Any]]


def float64(setting: Setting) -> dict[str, Any]:
    """Compare predictions with stock chgnet's in double precision."""
    return _against_stock(setting, torch.float64, limit=1e-9)


def float32(setting: Setting) -> dict[str, Any]:
    """Compare predictions with stock chgnet's in single precision."""
    return _against_stock(setting, torch.float32, limit=1e-3)


def compiled(setting: Setting) -> dict[str, Any]:
    """Compare loss and gradient of the compiled step with those of the eager one."""
    eager, fast = _stepper(setting), _stepper(setting)
    if not fast.compile([fast.prepare(setting.examples)]):
        raise RuntimeError(f"the step is not compiled: {fast.eager_because}")
    return _steps_agree(eager, fast, setting.examples, limit=1e-3)


def pieces(setting: Setting) -> dict[str, Any]:
    """Compare the step where memory runs out with the step that has enough.

    On a GPU memory is limited to what the model and a part of the batch need; elsewhere the first
    attempt is made to fail.
    """
    whole, short = _stepper(setting), _stepper(setting)
    examples = setting.examples
    before = short.piece_cost
    with _little_memory(setting, short):
        found = _steps_agree(whole, short, examples, limit=1e-3)
    if short.piece_cost >= before:
        raise RuntimeError("memory did not run out")
    return {**found, "piece_cost_before": before, "piece_cost_after": short.piece_cost}


def pinned(setting: Setting) -> dict[str, Any]:
    """Compare batches that were copied ahead, from pinned memory, with those made in place."""
    stepper = _stepper(setting)
    parts = [setting.examples[i : i + 2] for i in range(0, len(setting.examples), 2)]
    worst = 0.0
    for part, ahead in zip(parts, load(parts, stepper.prepare, setting.device), strict=True):
        here = stepper.prepare(part)
        for one, other in zip(ahead.pieces, here.pieces, strict=True):
            for name, target in other.targets.items():
                worst = max(worst, _difference(one.targets[name], target))
    return _verdict({"largest_difference": worst, "batches": len(parts)}, worst, 0.0)


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
    _train(through)
    _train(killed, until=1)
    _train(killed)
    errors = [
        [event["validation"]["energy_mae_mev_per_atom"] for event in run.metrics("epoch")]
        for run in (through, killed)
    ]
    worst = float(np.max(np.abs(np.subtract(*errors)) / np.abs(errors[0])))
    limit = 0.0 if setting.device.type == "cpu" else 0.05
    return _verdict({"epochs": epochs, "largest_relative_difference": worst}, worst, limit)


def inference(setting: Setting) -> dict[str, Any]:
    """Count frames per second of prediction, and compare the CPU's numbers."""
    model, graphs = setting.model(), setting.graphs
    ours = predict(model, graphs)
    expected = predict(load_model("chgnet-0.3.0"), graphs)
    worst = max(abs(one.energy - other.energy) for one, other in zip(ours, expected, strict=True))
    began = time.perf_counter()
    repeats = 1 if setting.small else 10
    for _ in range(repeats):
        predict(model, graphs)
    rate = repeats * len(graphs) / (time.perf_counter() - began)
    facts = {"frames_per_second": round(rate, 1), "largest_difference_ev_per_atom": worst}
    return _verdict(facts, worst, 1e-4)


def relaxation(setting: Setting) -> dict[str, Any]:
    """Compare energies of relaxed structures with those that the CPU relaxes to."""
    settings = RelaxSettings(fmax=0.1, steps=3 if setting.small else 100)
    some = [frame for frame in setting.frames if len(frame) <= 8][:4]
    here, there = (
        {row: found.energy for row, found in relaxations(model, some, settings)}
        for model in (setting.model(), load_model("chgnet-0.3.0"))
    )
    worst = max(abs(here[row] - there[row]) for row in there)
    return _verdict({"structures": len(some), "largest_difference_ev_per_atom": worst}, worst, 1e-2)


def rows(setting: Setting) -> dict[str, Any]:
    """Compare gradient rows, of the linearised method, with the CPU's in double precision."""
    graphs = setting.graphs[:4]
    here = energy_rows(setting.model(), graphs)
    there = energy_rows(load_model("chgnet-0.3.0").double(), graphs)
    worst = max(
        float(np.abs(here.gradients[name] - row).max() / (np.abs(row).max() + 1e-12))
        for name, row in there.gradients.items()
    )
    return _verdict({"largest_relative_difference": worst}, worst, 1e-3)


def tf32(setting: Setting) -> dict[str, Any]:
    """Measure the error of TF32 products, which are off in the lab."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        return _errors_of(setting, predict_batch(setting.model(), _batch(setting, torch.float32)))
    finally:
        torch.set_float32_matmul_precision(before)


def bf16(setting: Setting) -> dict[str, Any]:
    """Measure the error of bfloat16 products, which are off in the lab."""
    if setting.device.type == "cpu":
        return {"ok": True, "left_out": "needs a GPU"}
    with torch.autocast(setting.device.type, dtype=torch.bfloat16):
        found = predict_batch(setting.model(), _batch(setting, torch.float32))
    return _errors_of(setting, found)


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


def _against_stock(setting: Setting, dtype: torch.dtype, *, limit: float) -> dict[str, Any]:
    model = setting.model(dtype)
    ours = predict_batch(model, _batch(setting, dtype))
    with _stock_precision(model, dtype):
        graphs = [_stock_graph(one, dtype, setting.device) for one in structures_of(setting.frames)]
        found = model(graphs, task="efsm")
    stock = {
        "energy": found["e"],
        "forces": torch.cat(found["f"]),
        "stress": torch.stack(list(found["s"])),
        "magmoms": torch.cat(found["m"]),
    }
    worst = {
        name: _difference(getattr(ours, name), stock[name]) / float(stock[name].abs().max())
        for name in QUANTITIES
    }
    return _verdict({"relative_differences": worst}, max(worst.values()), limit)


@contextlib.contextmanager
def _stock_precision(model: CHGNet, dtype: torch.dtype) -> Iterator[None]:
    """Make stock chgnet, which writes single precision into its code, work in ``dtype``."""

    def fractions(graphs: list[CrystalGraph]) -> torch.Tensor:
        counts = [torch.bincount(graph.atomic_number - 1, minlength=94) for graph in graphs]
        return torch.stack([count.to(dtype) / count.sum() for count in counts])

    before = chgnet.model.model.TORCH_DTYPE
    chgnet.model.model.TORCH_DTYPE = dtype
    model.composition_model._assemble_graphs = fractions  # noqa: SLF001 - stock has no other way
    try:
        yield
    finally:
        chgnet.model.model.TORCH_DTYPE = before
        del model.composition_model._assemble_graphs  # noqa: SLF001


def _stock_graph(structure: Any, dtype: torch.dtype, device: torch.device) -> CrystalGraph:
    graph = CrystalGraphConverter(atom_graph_cutoff=6, bond_graph_cutoff=3)(structure)
    graph.atom_frac_coord = torch.tensor(structure.frac_coords, dtype=dtype, requires_grad=True)
    graph.lattice = torch.tensor(structure.lattice.matrix.copy(), dtype=dtype, requires_grad=True)
    graph.neighbor_image = graph.neighbor_image.to(dtype)
    return graph.to(str(device))


def _batch(setting: Setting, dtype: torch.dtype) -> Any:
    return collate(setting.graphs, dtype=dtype, device=setting.device)


def _errors_of(setting: Setting, found: Any) -> dict[str, Any]:
    """Return mean absolute errors of predictions against double precision."""
    exact = predict_batch(setting.model(torch.float64), _batch(setting, torch.float64))
    errors = {
        name: float((getattr(found, name).double() - getattr(exact, name)).abs().mean())
        for name in QUANTITIES
    }
    return {"ok": True, "mean_absolute_errors": errors, "units": "eV/atom, eV/Å, GPa, μB"}


def _stepper(setting: Setting) -> Stepper:
    torch.manual_seed(0)
    return Stepper(setting.model(), LossRatios())


def _steps_agree(
    one: Stepper, other: Stepper, examples: Sequence[Example], *, limit: float
) -> dict[str, Any]:
    """Make one step with each, and compare loss and gradients."""
    losses = [each.step(each.prepare(examples), RATE, [MetricSums()]) for each in (one, other)]
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    worst = max(
        _difference(mine.grad, theirs.grad) / (float(mine.grad.abs().max()) + 1e-12)
        for mine, theirs in pairs
        if mine.grad is not None and theirs.grad is not None
    )
    facts = {
        "relative_difference_of_loss": abs(losses[0] - losses[1]) / losses[0],
        "relative_difference_of_gradients": worst,
    }
    return _verdict(facts, max(facts.values()), limit)


@contextlib.contextmanager
def _little_memory(setting: Setting, stepper: Stepper) -> Iterator[None]:
    if setting.device.type == "cuda":
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(setting.device).total_memory
        used = torch.cuda.memory_reserved(setting.device)
        largest = max(one.graph.cost for one in setting.examples)
        # The step needs some 80 kB for each bond and angle; three of the largest frame fit.
        share = (used + 3 * 80_000 * largest) / total
        torch.cuda.set_per_process_memory_fraction(min(1.0, share), setting.device)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, setting.device)
        return
    work, failed = stepper._differentiate, []  # noqa: SLF001 - only a GPU runs out by itself

    def once(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise torch.OutOfMemoryError
        return work(*arguments)

    stepper._differentiate = once  # type: ignore[assignment]  # noqa: SLF001
    yield


def _train(run: Run, until: int | None = None) -> None:
    """Train a run to its end, or kill it with -9 after some epochs."""
    command = [sys.executable, "-m", "core", "train", "--run-dir", str(run.path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while until is not None and process.poll() is None:
        if len(run.metrics("epoch")) >= until:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.05)
    process.wait()
    if until is None and run.status().state != "finished":
        raise RuntimeError(run.status().message)


def _difference(one: Any, other: Any) -> float:
    return float((one.detach().double() - other.detach().double()).abs().max())


def _verdict(facts: dict[str, Any], worst: float, limit: float) -> dict[str, Any]:
    return {"ok": bool(worst <= limit), **facts, "limit": limit}


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
