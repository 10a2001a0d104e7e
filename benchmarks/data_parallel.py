"""Training in several processes: the lab's data-parallel step against as many stock trainers.

    python benchmarks/data_parallel.py [--processes 2] [--batch-size 16] [--threads 1]

Stock chgnet has no data-parallel step. Its side is as many processes as ours, each training a model
of its own on its own batches at the same time as the others, without a word between them; nothing
that it could be given costs less. Ours trains one model on the batches of all of them joined, and
adds up the gradients at each step. Seconds are those of a frame, all processes together; on GPUs
each process has one. Otherwise all is as in training_step.py.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from chgnet.data.dataset import collate_graphs
from harness.contest import Arm, Contest
from harness.stock import make_data, make_loss, make_model, on_device
from harness.team import here
from harness.worker import Piece, Work, chunks

from core.potential.examples import Example, example
from core.potential.models import load_model
from core.potential.threads import compute_settings
from core.training.settings.config import LossRatios
from core.training.settings.metrics import MetricSums
from core.training.step.parallel import SINGLE_PROCESS, joined
from core.training.step.step import Stepper

RATE = 1e-3
ENERGY = "energy_mae_mev_per_atom"

_UNTIL_THE_END = ExitStack()
"""What is left of the team when its process ends."""


def stock(work: Work) -> list[Piece]:
    """Make the steps of chgnet's trainer on this process's batches."""
    model, loss_of = make_model(work).train(), make_loss()
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=RATE)
    team = here()
    mine = [
        work.frames[part][team.rank * work.batch_size :][: work.batch_size]
        for part in chunks(len(work.frames), team.size * work.batch_size)
    ]
    data = make_data([frame for some in mine for frame in some])
    items = [data[i] for i in range(len(data))]

    def step(some: list[Any]) -> float:
        graphs, targets = on_device(*collate_graphs(some), work.device)
        losses = loss_of(targets, model(graphs, task="efsm"))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        return losses["e_MAE"].item()

    return [partial(step, items[part]) for part in chunks(len(items), work.batch_size)]


def eager(work: Work) -> list[Piece]:
    """Make the joint steps of the lab's training loop in a short run."""
    return _pieces(work, compiles=False)


def compiled(work: Work) -> list[Piece]:
    """Make the joint steps of the lab's training loop in a run that is long enough."""
    return _pieces(work, compiles=True)


def _pieces(work: Work, *, compiles: bool) -> list[Piece]:
    """Cut the work into steps, made in the settings of the training loop."""
    team = SINGLE_PROCESS if here().size == 1 else _UNTIL_THE_END.enter_context(joined(work.device))
    stepper = Stepper(load_model("chgnet-0.3.0", work.device), LossRatios(), team=team)
    examples = [example(row, frame) for row, frame in enumerate(work.frames)]
    parts = [examples[part] for part in chunks(len(examples), team.size * work.batch_size)]
    if compiles:
        with compute_settings(work.threads, work.device):
            shares = [stepper.prepare(one, rank=rank) for one in parts for rank in range(team.size)]
            if not stepper.compile(shares):
                raise SystemExit(f"The step cannot be compiled: {stepper.eager_because}.")

    def one(some: Sequence[Example]) -> float:
        sums = MetricSums()
        with compute_settings(work.threads, work.device):
            stepper.step(stepper.prepare(some), RATE, [sums])
        return sums.totals[ENERGY] / sums.counts[ENERGY]

    return [partial(one, some) for some in parts]


def agreement(theirs: Sequence[Any], ours: Sequence[Any]) -> dict[str, Any]:
    """Compare the energy MAE of the first step, where all models are still the same."""
    # of each process, which work on as many frames
    stock_error, error = (float(np.mean(told)) for told in (theirs[0], ours[0]))
    return {"energy_mae_difference": abs(stock_error - error) / stock_error}


ARMS: dict[str, Arm] = {"stock": stock, "eager": eager, "compiled": compiled}

CONTEST = Contest(
    name="data_parallel",
    script=__file__,
    arms=ARMS,
    per="frame",
    units=lambda work, _: len(work.frames),
    tell=float,
    agreement=agreement,
    batches=3,
    processes=2,
)

if __name__ == "__main__":
    CONTEST.main()
