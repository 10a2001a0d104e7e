"""Energy, forces, stress and magmoms of structures: predict() against CHGNet.predict_structure.

    python benchmarks/inference.py [--structures 128] [--device auto] [--threads 1]

Conversion to graphs is part of it on both sides. Stock works in batches of --batch-size structures;
ours packs batches of similar structures up to its budget of bonds and angles.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from chgnet.model import CHGNet
from harness.contest import Contest
from harness.worker import Piece, Work
from harness.workload import structures_of

from core.potential.compiled_prediction import compile_inference
from core.potential.forward import Wanted
from core.potential.models import load_model
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings

MODEL = "0.3.0"


def stock(work: Work) -> list[Piece]:
    """Predict with the stock package."""
    model = CHGNet.load(model_name=MODEL, use_device=str(work.device), verbose=False)
    structures = structures_of(work.frames)
    return [lambda: model.predict_structure(structures, batch_size=work.batch_size)]


def eager(work: Work) -> list[Piece]:
    """Predict with the lab, in the settings of its commands."""
    return _pieces(work, load_model(f"chgnet-{MODEL}", work.device))


def compiled(work: Work) -> list[Piece]:
    """Predict as the lab does where there are enough frames to compile for."""
    model = load_model(f"chgnet-{MODEL}", work.device)
    with compute_settings(work.threads, work.device):
        if not compile_inference(model, Wanted()):
            raise SystemExit("Inference cannot be compiled.")
    return _pieces(work, model)


def _pieces(work: Work, model: CHGNet) -> list[Piece]:
    def all_frames() -> list[FramePrediction]:
        with compute_settings(work.threads, work.device):
            return predict(model, work.frames)

    return [all_frames]


def tell(predictions: Sequence[Any]) -> list[tuple[float, list[list[float]]]]:
    """Return energy (eV/atom) and forces (eV/Å) of each structure."""
    return [
        (one.energy, np.asarray(one.forces).tolist())
        if isinstance(one, FramePrediction)
        else (float(one["e"]), one["f"].tolist())
        for one in predictions
    ]


def agreement(theirs: Sequence[Any], mine: Sequence[Any]) -> dict[str, Any]:
    """Return the largest differences in energy (eV/atom) and force (eV/Å)."""
    pairs = list(zip(theirs[0], mine[0], strict=True))
    forces = [np.abs(np.subtract(one, other)).max() for (_, one), (_, other) in pairs]
    return {
        "energy_difference": max(abs(one - other) for (one, _), (other, _) in pairs),
        "force_difference": float(max(forces)),
    }


CONTEST = Contest(
    name="inference",
    script=__file__,
    arms={"stock": stock, "eager": eager, "compiled": compiled},
    per="structure",
    units=lambda work, _: len(work.frames),
    tell=tell,
    agreement=agreement,
    batches=8,
)

if __name__ == "__main__":
    CONTEST.main()
