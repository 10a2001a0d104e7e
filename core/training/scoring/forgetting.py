"""What a model has forgotten of the source functional by being trained on another."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import torch
from ase.data import covalent_radii
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.schema import LABELS, Frame, Structures
from core.frames.store import FrameSet
from core.potential.examples import load_examples
from core.potential.forward import ALL_PROPERTIES, Wanted
from core.potential.graph import PackedGraph, convert
from core.potential.models import set_atomref
from core.potential.prediction import FramePrediction, predict
from core.training.scoring.evaluate import score
from core.training.scoring.force_drift import displaced
from core.training.settings.metrics import Metrics, MetricSums
from core.training.step.feed import Replay

COMPRESSION = 0.95
"""Length of a compressed cell's edges over that of the frame's."""

_FRAMES = 8
_ATOMS = 24
"""Frames that are looked at, and atoms of one up to which it is taken first: a second's work."""

_EDGES = np.linspace(0.96, 1.04, 5)
"""Edges of the cells over those of the frame, through whose energies a parabola is laid."""

_ELEMENTS = 3
"""Most frequent elements of the training frames, whose dimers are scanned."""

_DISTANCES = np.linspace(0.5, 0.9, 9)
"""Distances of the scan over the sum of the covalent radii, where any two atoms repel."""

_BOX = 15.0
"""Edge of a dimer's cell, Å: its images are out of reach."""


def forgotten(
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    *,
    pretrained: CHGNet,
    trained: CHGNet,
    replay: Replay | None = None,
) -> dict[str, Any] | None:
    """Compare a trained model with the pretrained one on the source functional.

    Args:
        frame_set: the data set that was trained on.
        rows: the training frames.
        pretrained: the model that training started from.
        trained: the best model of the run.
        replay: what the run replayed; the frames of its data set that it held out are then the
            source frames, else the training structures with the pretrained model's labels.

    Returns:
        source: n_frames, dataset, pseudolabels, and the metrics before and after;
        displaced, compressed: as `core.training.scoring.force_drift.force_drift` returns it;
        volumes: n_frames, and after_percent, the mean |change| of the volume of least energy;
        dimers: n_pairs, and in how many of them energy does not rise all the way inward, before and
        after. None where no structure can be looked at.
    """
    frames = list(_small(frame_set, rows))
    graphs = _graphs(frames)
    if not graphs:
        return None
    moved = _graphs([displaced(frame, row) for row, frame in enumerate(frames)])
    pressed = _graphs([replace(one, lattice=COMPRESSION * one.lattice) for one in frames])
    return {
        "source": _source(graphs, frame_set.card.name, pretrained, trained, replay),
        "displaced": _forces_apart(moved, pretrained, trained),
        "compressed": _forces_apart(pressed, pretrained, trained),
        "volumes": _volumes(frames, pretrained, trained),
        "dimers": _dimers(frame_set, rows, pretrained, trained),
    }


def _small(data: Structures, rows: NDArray[np.integer]) -> Iterator[Frame]:
    """Yield some frames, small ones first."""
    order = np.random.default_rng(0).permutation(rows)[: 8 * _FRAMES]
    known = [frame for frame in data.frames(order) if frame is not None]
    yield from sorted(known, key=lambda frame: len(frame) > _ATOMS)[:_FRAMES]


def _graphs(frames: list[Frame]) -> list[PackedGraph]:
    """Return the graphs of those frames that have one."""
    graphs = []
    for frame in frames:
        try:
            graphs.append(
                convert(frame.atomic_numbers, frame.frac_coords, frame.lattice, frame.pbc)
            )
        except LabError:
            continue
    return graphs


def _predicted(
    model: CHGNet, graphs: list[PackedGraph], wanted: Wanted = ALL_PROPERTIES
) -> list[FramePrediction]:
    with torch.no_grad():
        return predict(model, graphs, wanted)


def _source(
    graphs: list[PackedGraph],
    dataset: str,
    pretrained: CHGNet,
    trained: CHGNet,
    replay: Replay | None,
) -> dict[str, Any]:
    if replay is None:
        return _from_pretrained(graphs, dataset, pretrained, trained)
    name, rows = replay.data.card.name, replay.held_out
    if replay.atomref is None:
        held_out = _graphs(list(_small(replay.data, rows))) or graphs
        return _from_pretrained(held_out, name, pretrained, trained)
    chosen = np.random.default_rng(0).permutation(rows)[: 4 * _FRAMES]
    examples = load_examples(replay.data, np.sort(chosen))[:]
    found: list[Metrics] = []
    for model in (pretrained, trained):
        on_source = copy.deepcopy(model)
        set_atomref(on_source, replay.atomref)
        found.append(score(on_source, examples))
    return {
        "dataset": name,
        "pseudolabels": False,
        "n_frames": len(examples),
        "before": found[0],
        "after": found[1],
    }


def _from_pretrained(
    graphs: list[PackedGraph], dataset: str, pretrained: CHGNet, trained: CHGNet
) -> dict[str, Any]:
    """Take the pretrained model's predictions for labels, energies without AtomRef."""
    labels, predictions = _predicted(pretrained, graphs), _predicted(trained, graphs)
    sums = MetricSums(n_frames=len(graphs)), MetricSums(n_frames=len(graphs))
    for label, prediction in zip(labels, predictions, strict=True):
        for kind in LABELS:
            expected = _value(label, kind)
            sums[0].add(kind, expected, expected)
            sums[1].add(kind, _value(prediction, kind), expected)
    return {
        "dataset": dataset,
        "pseudolabels": True,
        "n_frames": len(graphs),
        "before": sums[0].result(),
        "after": sums[1].result(),
    }


def _value(prediction: FramePrediction, kind: str) -> NDArray[np.float64]:
    value = {
        "energy": prediction.interaction,
        "force": prediction.forces,
        "stress": prediction.stress,
        "magmom": prediction.magmoms,
    }[kind]
    return np.asarray(value, dtype=np.float64)


def _forces_apart(
    graphs: list[PackedGraph], pretrained: CHGNet, trained: CHGNet
) -> dict[str, Any] | None:
    if not graphs:
        return None
    expected, found = (
        np.concatenate([_value(one, "force") for one in _predicted(model, graphs)])
        for model in (pretrained, trained)
    )
    return {
        "n_frames": len(graphs),
        "after_mev_per_angstrom": 1000 * float(np.abs(found - expected).mean()),
        "size_mev_per_angstrom": 1000 * float(np.abs(expected).mean()),
    }


def _energies(graphs: list[PackedGraph], width: int) -> Callable[[CHGNet], NDArray[np.float64]]:
    """Return a function that gives a model's interaction energies in rows of a width, eV/atom."""

    def of(model: CHGNet) -> NDArray[np.float64]:
        predictions = _predicted(model, graphs, Wanted.of([]))
        return np.array([one.interaction for one in predictions]).reshape(-1, width)

    return of


def _volumes(frames: list[Frame], pretrained: CHGNet, trained: CHGNet) -> dict[str, Any] | None:
    """Compare volumes of least energy, in units of the frame's, where both models have one."""
    graphs = []
    for frame in frames:
        scaled = _graphs([replace(frame, lattice=edge * frame.lattice) for edge in _EDGES])
        graphs += scaled if len(scaled) == len(_EDGES) else []
    if not graphs:
        return None
    energies = _energies(graphs, len(_EDGES))
    before, after = (_least(energies(model)) for model in (pretrained, trained))
    both = np.isfinite(before) & np.isfinite(after)
    if not both.any():
        return None
    change = np.abs(after[both] / before[both] - 1)
    return {"n_frames": int(both.sum()), "after_percent": 100 * float(change.mean())}


def _least(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where parabolas through energies at the volumes have their minimum, else NaN."""
    volumes = _EDGES**3
    squares, slopes = np.polyfit(volumes - 1, energies.T, 2)[:2]
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 1 - slopes / (2 * squares)
    near = (squares > 0) & (np.abs(least - 1) < 2 * (volumes[-1] - 1))
    return np.where(near, least, np.nan)


def _dimers(
    frame_set: FrameSet, rows: NDArray[np.integer], pretrained: CHGNet, trained: CHGNet
) -> dict[str, Any]:
    """Scan dimers of frequent elements at short distances."""
    counts = (frame_set.fractions()[rows] > 0).sum(axis=0)
    frequent = [int(i) for i in np.argsort(-counts, kind="stable")[:_ELEMENTS] if counts[i]]
    pairs = list(combinations_with_replacement(sorted(frequent), 2))
    graphs = [
        _dimer(first + 1, second + 1, share) for first, second in pairs for share in _DISTANCES
    ]
    energies = _energies(graphs, len(_DISTANCES))
    before, after = (_falls(energies(model)) for model in (pretrained, trained))
    return {
        "n_pairs": len(pairs),
        "falling_before": sum(before),
        "falling_after": sum(after),
        "pairs": [
            {
                "pair": f"{SYMBOLS[first]}–{SYMBOLS[second]}",
                "falls_before": falls_before,
                "falls_after": falls_after,
            }
            for (first, second), falls_before, falls_after in zip(pairs, before, after, strict=True)
        ],
    }


def _falls(energies: NDArray[np.float64]) -> list[bool]:
    """Return of each scan whether its energy falls inward anywhere."""
    return [bool((np.diff(scan) > 0).any()) for scan in energies]


def _dimer(first: int, second: int, share: float) -> PackedGraph:
    distance = share * (covalent_radii[first] + covalent_radii[second])
    places = np.array([[0.0, 0.0, 0.0], [distance / _BOX, 0.0, 0.0]])
    return convert(np.array([first, second]), places, _BOX * np.eye(3))
