"""What the checks of a GPU work with, and how they compare."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from chgnet.model import CHGNet
from harness.workload import structures_of

from core.frames.schema import Frame
from core.potential.batch import collate
from core.potential.examples import Example, example
from core.potential.forward import predict_batch
from core.potential.graph import PackedGraph, convert
from core.potential.models import load_model
from core.runs.record.directory import Run
from core.training.settings.config import LossRatios
from core.training.settings.metrics import MetricSums
from core.training.step.step import Stepper
from tests.stock_chgnet import stock_prediction

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

    def model_on_cpu(self, dtype: torch.dtype = torch.float32) -> CHGNet:
        """Return the released model on the CPU, to compare with."""
        return load_model("chgnet-0.3.0").to(dtype)


def against_stock(setting: Setting, dtype: torch.dtype, *, limit: float) -> dict[str, Any]:
    """Compare predictions with stock chgnet's in a precision."""
    model = setting.model(dtype)
    ours = predict_batch(model, make_batch(setting, dtype))
    stock = stock_prediction(model, structures_of(setting.frames))
    worst = {
        name: difference(getattr(ours, name), exact) / float(exact.abs().max())
        for name in QUANTITIES
        for exact in (getattr(stock, name),)
    }
    return verdict({"relative_differences": worst}, max(worst.values()), limit)


def make_batch(setting: Setting, dtype: torch.dtype) -> Any:
    """Return the structures as one batch."""
    return collate(setting.graphs, dtype=dtype, device=setting.device)


def errors_of(setting: Setting, found: Any) -> dict[str, Any]:
    """Return mean absolute errors of predictions against double precision."""
    exact = predict_batch(setting.model(torch.float64), make_batch(setting, torch.float64))
    errors = {
        name: float((getattr(found, name).double() - getattr(exact, name)).abs().mean())
        for name in QUANTITIES
    }
    return {"ok": True, "mean_absolute_errors": errors, "units": "eV/atom, eV/Å, GPa, μB"}


def make_stepper(setting: Setting) -> Stepper:
    """Return a training step of the released model."""
    torch.manual_seed(0)
    return Stepper(setting.model(), LossRatios())


def steps_agree(
    one: Stepper, other: Stepper, examples: Sequence[Example], *, limit: float
) -> dict[str, Any]:
    """Make one step with each, and compare loss and gradients."""
    losses = [each.step(each.prepare(examples), RATE, [MetricSums()]) for each in (one, other)]
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    worst = max(
        difference(mine.grad, theirs.grad) / (float(mine.grad.abs().max()) + 1e-12)
        for mine, theirs in pairs
        if mine.grad is not None and theirs.grad is not None
    )
    facts = {
        "relative_difference_of_loss": abs(losses[0] - losses[1]) / losses[0],
        "relative_difference_of_gradients": worst,
    }
    return verdict(facts, max(facts.values()), limit)


@contextlib.contextmanager
def little_memory(setting: Setting, stepper: Stepper) -> Iterator[None]:
    """Let memory run out in the next step: on a GPU by a limit, elsewhere by an error."""
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


def train(run: Run, until: int | None = None) -> None:
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


def difference(one: Any, other: Any) -> float:
    """Return the largest absolute difference."""
    return float((one.detach().double() - other.detach().double()).abs().max())


def verdict(facts: dict[str, Any], worst: float, limit: float) -> dict[str, Any]:
    """Return facts with whether the worst of them is within the limit."""
    return {"ok": bool(worst <= limit), **facts, "limit": limit}
