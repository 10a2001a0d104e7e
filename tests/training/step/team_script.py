"""What a team does for the tests; the tests do the same in one process.

Here is one rank of a team of two, which leaves what it found in a directory.
"""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import torch

from core.errors import LabError
from core.frames.registry import open_dataset
from core.potential.examples import load_examples
from core.potential.models import load_model, set_atomref
from core.training.settings.config import RunConfig
from core.training.settings.metrics import MetricSums
from core.training.settings.source import Teacher
from core.training.step.feed import make_feed
from core.training.step.parallel import joined
from core.training.step.step import Stepper
from tests.shallow_network import shallow_network

# data set, rows, whether AtomRef is trained
CASES = {
    "complete": ("complete", range(6), False),
    "missing labels": ("mixed", range(9), False),
    "one share lacks a kind": ("mixed", [0, 3], False),
    "energies": ("energies", range(5), False),
    "trained AtomRef": ("mixed", range(1, 8), True),
    "one frame": ("complete", [2], True),
    "teacher": ("energies", range(5), False),
}
RATE = 1e-3


def stepper_of(name, team):
    dataset, rows, trainable = CASES[name]
    model = shallow_network().double()
    set_atomref(model, np.linspace(-9, 0, 94), trainable=trainable)
    examples = load_examples(open_dataset(dataset), list(rows))
    config = RunConfig(dataset=dataset, teacher=Teacher(weight=float(name == "teacher"), copies=2))
    teacher = load_model("chgnet-r2scan").double() if config.teacher.weight else None
    feed = make_feed(config, examples, teacher)
    stepper = Stepper(
        model, config.loss, team=team, weights=feed.weights, pretrained=feed.pretrained
    )
    return stepper, feed.batch(np.arange(len(examples)), 0, 0)


def step_of(name, team):
    """Make one step; return its batch, the loss, and the errors before it."""
    stepper, examples = stepper_of(name, team)
    sums, batch = MetricSums(), stepper.prepare(examples)
    loss = stepper.step(batch, RATE, [sums])
    return stepper, batch, {"loss": loss, **asdict(sums)}


def gradients_of(stepper):
    """Return the gradients that there are, by the names of their parameters."""
    named = stepper.model.named_parameters()
    return {key: p.grad for key, p in named if p.grad is not None}


def digest(model):
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def divergence(team):
    """Train on a label of infinity; return what is said of it, and whether the model is as before.

    Frames of one size are given to the ranks in turns, so the bad one is the second rank's.
    """
    stepper, examples = stepper_of("complete", team)
    examples[1] = replace(examples[1], energy=np.inf)
    before = digest(stepper.model)
    try:
        stepper.step(stepper.prepare(examples), RATE, [])
    except LabError as error:
        return str(error), digest(stepper.model) == before
    raise AssertionError("it did not diverge")


def main(folder):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with joined(torch.device("cpu")) as team:
        found = {}
        for name in CASES:
            stepper, batch, told = step_of(name, team)
            told["gradients"] = f"{name}.pt"
            told["shares"] = team.gather(
                [one.frame_id for piece in batch.pieces for one in piece.examples]
            )
            told["models"] = team.gather(digest(stepper.model))
            found[name] = told
            if team.leads:
                torch.save(gradients_of(stepper), folder / told["gradients"])
        talk = {
            "add": team.add(np.array([1.0, team.rank])).tolist(),
            "vote": [team.vote(wish=team.rank == 1), team.vote(wish=False)],
            "gather": team.gather(["é" * 10 * team.rank]),
            "share": team.gather(team.share({"from": team.rank})),
            "divergence": team.gather(divergence(team)),
        }
        if team.leads:
            (folder / "found.json").write_text(json.dumps({"cases": found, "talk": talk}))
