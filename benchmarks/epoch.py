"""A whole epoch of training with validation: the lab's loop against chgnet's Trainer.

    python benchmarks/epoch.py [--structures 80] [--batch-size 16] [--device auto] [--threads 1]

Four fifths of the structures are trained on and the rest validate. Both sides start from structures
and make the graphs in the epoch: ours reads its frames from the store on disk, stock is given ready
pymatgen Structures. Stock is chgnet's StructureData, DataLoader, CombinedLoss and Trainer. For the
learning rate it is the first of fifty epochs. Batches hold the same structures in the same order.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from chgnet.data.dataset import StructureData, collate_graphs
from chgnet.trainer import Trainer
from harness.contest import Contest
from harness.stock import TASK, loss_weights, make_data, make_model
from harness.worker import Piece, Work
from torch.utils.data import DataLoader

from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.potential.examples import load_examples
from core.potential.graph import convert
from core.potential.models import load_model
from core.potential.threads import compute_settings
from core.training.loop.schedule import learning_rate
from core.training.scoring.evaluate import score
from core.training.settings.config import LossRatios
from core.training.settings.metrics import Metrics, MetricSums
from core.training.step.batching import batches
from core.training.step.step import Stepper

RATE, EPOCHS = 1e-3, 50


def stock(work: Work) -> list[Piece]:
    """Train with chgnet's Trainer."""
    model = make_model(work)
    n_train = _n_train(work)
    graphs = [
        convert(one.atomic_numbers, one.frac_coords, one.lattice) for one in work.frames[:n_train]
    ]
    costs = np.array([graph.cost for graph in graphs])
    order = np.concatenate(batches(costs, work.batch_size, seed=0, epoch=0))
    train = [work.frames[row] for row in order]

    def loader(data: StructureData) -> DataLoader:
        return DataLoader(
            data,
            batch_size=work.batch_size,
            collate_fn=collate_graphs,
            pin_memory=work.device.type == "cuda",
        )

    def epoch() -> float:
        trainer = Trainer(
            model=model,
            targets=TASK,
            criterion="Huber",
            epochs=EPOCHS,
            # it stops after the last of the epochs, and its learning rate starts with this one
            starting_epoch=EPOCHS - 1,
            learning_rate=RATE,
            use_device=str(work.device),
            **loss_weights(),
        )
        data, held_out = make_data(train), make_data(work.frames[n_train:])
        # an empty directory name: no checkpoints, which ours does not write here either
        trainer.train(loader(data), loader(held_out), save_dir="")
        return 1000 * trainer.training_history["e"]["val"][-1]

    return [epoch]


def ours(work: Work) -> list[Piece]:
    """Train with the pieces of the lab's loop."""
    model = load_model("chgnet-0.3.0", work.device)
    n_train = _n_train(work)
    store = work.folder / "frames"
    card = Card(name="frames", kind="frames", functional="r2SCAN", labels="invented")
    write_frames(store, card, work.frames)

    def epoch() -> float | None:
        with compute_settings(work.threads, work.device):
            frame_set = open_frames(store)
            train = load_examples(frame_set, range(n_train))
            stepper = Stepper(model, LossRatios())
            order = batches(train.costs, work.batch_size, seed=0, epoch=0)
            sums = [MetricSums(), MetricSums()]
            for step, rows in enumerate(order):
                rate = learning_rate(
                    RATE, epoch=0, step=step, steps_per_epoch=len(order), epochs=EPOCHS
                )
                stepper.step(stepper.prepare([train[row] for row in rows]), rate, sums)
            held_out = load_examples(frame_set, range(n_train, len(work.frames)))
            errors: Metrics = score(model, held_out)
            return errors["energy_mae_mev_per_atom"]

    return [epoch]


def agreement(theirs: Sequence[Any], mine: Sequence[Any]) -> dict[str, Any]:
    """Compare the energy MAE on the validation structures after the first epoch, in meV/atom."""
    return {"validation_energy_mae": [theirs[0], mine[0]]}


def _n_train(work: Work) -> int:
    return len(work.frames) * 4 // 5


CONTEST = Contest(
    name="epoch",
    script=__file__,
    arms={"stock": stock, "eager": ours},
    per="epoch",
    units=lambda *_: 1,
    tell=float,
    agreement=agreement,
    batches=5,
)

if __name__ == "__main__":
    CONTEST.main()
