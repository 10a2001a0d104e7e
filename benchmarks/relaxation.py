"""Relaxation of atoms and cell: many structures together against chgnet's StructOptimizer.

    python benchmarks/relaxation.py [--structures 200] [--keep turns.jsonl] [--device auto]

Ours relaxes once eagerly and once compiled, as it does where there is enough to relax; compiling is
not timed.

The structures are those of mp-structures, drawn at random, strained by 1 % and displaced by 0.05 Å.
The sides take turns in chunks of --batch-size structures; stock relaxes them one by one, ours
together. With --keep an interrupted run loses the turn it was in, no more. Criteria are
StructOptimizer's own: 0.1 eV/Å, 500 steps.
"""

import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from chgnet.model import CHGNet, StructOptimizer
from harness.contest import Contest
from harness.worker import Piece, Work, chunks
from harness.workload import embedded_frames, structures_of
from pymatgen.core import Lattice

from core.potential.compiled_prediction import compile_inference
from core.potential.models import load_model
from core.potential.relaxation.batched import relaxations
from core.potential.relaxation.evaluation import WANTED
from core.potential.relaxation.settings import RelaxSettings
from core.potential.threads import compute_settings

MODEL = "0.3.0"
_SMALL_STEPS = 1
_NEAR_ENERGY = 1e-3
"""eV/atom"""
_NEAR_LATTICE = 0.01
"""Relative difference of lengths, and of angles."""

End = tuple[float, int, list[list[float]]]
"""Energy (eV/atom), steps and lattice (Å)."""


def _settings(work: Work) -> RelaxSettings:
    return RelaxSettings(steps=_SMALL_STEPS) if work.small else RelaxSettings()


def stock(work: Work) -> list[Piece]:
    """Relax one by one with the stock package."""
    model = CHGNet.load(model_name=MODEL, use_device=str(work.device), verbose=False)
    optimizer = StructOptimizer(model, use_device=str(work.device))
    structures, settings = structures_of(work.frames), _settings(work)

    def chunk(part: slice) -> list[End]:
        ends = []
        for structure in structures[part]:
            found = optimizer.relax(
                structure, fmax=settings.fmax, steps=settings.steps, verbose=False
            )
            way, end = found["trajectory"], found["final_structure"]
            # it records the last geometry twice
            energy = float(way.energies[-1]) / len(structure)
            ends.append((energy, len(way) - 2, end.lattice.matrix.tolist()))
        return ends

    return [lambda part=part: chunk(part) for part in chunks(len(structures), work.batch_size)]


def eager(work: Work) -> list[Piece]:
    """Relax together, without the cache."""
    return _together(work, load_model(f"chgnet-{MODEL}", work.device))


def compiled(work: Work) -> list[Piece]:
    """Relax together with the compiled network, without the cache."""
    model = load_model(f"chgnet-{MODEL}", work.device)
    with compute_settings(work.threads, work.device):
        if not compile_inference(model, WANTED):
            raise SystemExit("Inference cannot be compiled.")
    return _together(work, model)


def _together(work: Work, model: CHGNet) -> list[Piece]:
    frames, settings = list(work.frames), _settings(work)

    def chunk(part: slice) -> list[End]:
        with compute_settings(work.threads, work.device):
            found = dict(relaxations(model, frames[part], settings))
        return [
            (found[row].energy, found[row].steps, found[row].structure.lattice.tolist())
            for row in range(len(found))
        ]

    return [lambda part=part: chunk(part) for part in chunks(len(frames), work.batch_size)]


def agreement(theirs: Sequence[list[End]], mine: Sequence[list[End]]) -> dict[str, Any]:
    """Return the shares of structures that end alike, and those that do not."""
    pairs = list(zip(chain.from_iterable(theirs), chain.from_iterable(mine), strict=True))
    energies = np.array([other[0] - one[0] for one, other in pairs])
    steps = np.array([[one[1], other[1]] for one, other in pairs])
    lattices = np.array([_difference(one[2], other[2]) for one, other in pairs])
    near = np.abs(energies) <= _NEAR_ENERGY
    alike = lattices <= _NEAR_LATTICE
    return {
        "share_within_1_mev_per_atom": round(float(near.mean()), 4),
        "share_lattice_within_1_percent": round(float(alike.mean()), 4),
        "share_as_many_steps": round(float((steps[:, 0] == steps[:, 1]).mean()), 4),
        "steps_mean": [round(float(mean), 1) for mean in steps.mean(0)],
        "others": [
            {
                "structure": int(place),
                "energy_difference": round(float(energies[place]), 6),
                "lattice_difference": round(float(lattices[place]), 4),
                "steps": steps[place].tolist(),
            }
            for place in np.flatnonzero(~(near & alike))
        ],
    }


def _difference(one: list[list[float]], other: list[list[float]]) -> float:
    """Return the largest relative difference of the lengths and angles of two lattices."""
    first, second = np.array(Lattice(one).parameters), np.array(Lattice(other).parameters)
    return float(np.abs(second / first - 1).max())


CONTEST = Contest(
    name="relaxation",
    script=__file__,
    arms={"stock": stock, "eager": eager, "compiled": compiled},
    per="structure",
    units=lambda work, _: len(work.frames),
    tell=lambda ends: ends,
    agreement=agreement,
    frames=embedded_frames,
    batches=1,
    batch_size=40,
    repeats=1,
    warm_up=False,
)

if __name__ == "__main__":
    CONTEST.main()
