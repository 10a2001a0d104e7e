"""One training step on energy, force, stress and magmom: `core.training.step` against chgnet.

    python benchmarks/training_step.py [--batch-size 16] [--device auto] [--threads 1]

A step is: batch, forward, loss, backward, Adam. Graphs are ready on both sides, the AtomRef is
frozen, the loss is the Huber loss with the same weights. To enter another way of doing the step,
add a function that makes it to ``ARMS``; the last of ours gives the main ratio.
"""

import atexit
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from chgnet.data.dataset import StructureData, collate_graphs
from harness.contest import Arm, Contest
from harness.stock import make_data, make_loss, make_model, on_device
from harness.worker import Piece, Work, chunks

from core.potential.examples import Example, example
from core.potential.models import load_model
from core.potential.threads import compute_settings
from core.training.settings.config import LossRatios
from core.training.settings.metrics import MetricSums
from core.training.step.step import Stepper

RATE = 1e-3


def stock(work: Work) -> list[Piece]:
    """Make the steps of chgnet's trainer."""
    model, loss_of = make_model(work).train(), make_loss()
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=RATE)
    data: StructureData = make_data(work.frames)
    items = [data[i] for i in range(len(data))]

    def step(some: list[Any]) -> float:
        graphs, targets = on_device(*collate_graphs(some), work.device)
        loss = loss_of(targets, model(graphs, task="efsm"))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return [partial(step, items[part]) for part in chunks(len(items), work.batch_size)]


def eager(work: Work) -> list[Piece]:
    """Make the steps of the lab's training loop in a short run."""
    return _pieces(work, compiles=False)


def compiled(work: Work) -> list[Piece]:
    """Make the steps of the lab's training loop in a run that is long enough to compile them."""
    return _pieces(work, compiles=True)


def _pieces(work: Work, *, compiles: bool) -> list[Piece]:
    """Cut the work into steps, made in the settings of the training loop."""
    stepper = Stepper(load_model("chgnet-0.3.0", work.device), LossRatios())
    examples = [example(row, frame) for row, frame in enumerate(work.frames)]
    parts = [examples[part] for part in chunks(len(examples), work.batch_size)]
    sums = [MetricSums()]
    # as the training loop, which is in these settings from its first step to its last
    session = ExitStack()
    session.enter_context(compute_settings(work.threads, work.device))
    atexit.register(session.close)
    if compiles and not stepper.compile([stepper.prepare(some) for some in parts]):
        raise SystemExit(f"The step cannot be compiled: {stepper.eager_because}.")

    def one(some: Sequence[Example]) -> float:
        return stepper.step(stepper.prepare(some), RATE, sums)

    return [partial(one, some) for some in parts]


def agreement(theirs: Sequence[Any], ours: Sequence[Any]) -> dict[str, Any]:
    """Compare the loss of the first step, where both models are still the same."""
    return {"loss_difference": abs(theirs[0] - ours[0]) / theirs[0]}


ARMS: dict[str, Arm] = {"stock": stock, "eager": eager, "compiled": compiled}

CONTEST = Contest(
    name="training_step",
    script=__file__,
    arms=ARMS,
    per="step",
    units=lambda _, n_pieces: n_pieces,
    tell=float,
    agreement=agreement,
)

if __name__ == "__main__":
    CONTEST.main()
