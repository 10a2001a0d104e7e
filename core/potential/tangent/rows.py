"""Gradient rows: how the energy of each structure changes with each parameter of the network.

Only parameters that act atom by atom are moved: the atom embedding, the output of the four atom
convolutions and the energy readout with its norm, 35 thousand of 412 thousand. For these the
gradient of a structure is a sum of outer products over its atoms: of what goes into a layer and the
slope of the energy by what comes out. So one backward pass by the activations of a batch gives the
rows of all its structures (Goodfellow, arXiv:1510.01799), where autograd by the parameters would
need one pass per structure.

Magnetic moments are read out, linearly, from what the embedding and the first three convolutions
give. Of their outputs the one direction in 64 that this readout sees is left as it is, so that a
move that energies and forces ask for hardly changes the moments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from chgnet.model import CHGNet
from numpy.typing import NDArray
from torch import Tensor

from core.errors import LabError
from core.potential.batch import PackedBatch, collate
from core.potential.forward import run_network
from core.potential.graph import PackedGraph, convert
from core.potential.prediction import BUDGET
from core.potential.weights import READOUT_PLACES, Weights
from core.progress import Progress, report, silent

AMPLITUDE = 0.05
"""Å; standard deviation of each component of the displacements of rattled copies."""

_EMBEDDING = "atom_embedding.embedding"
_NORM = "readout_norm"
_OUTPUTS = tuple(f"atom_conv_layers.{level}.mlp_out.layers.1" for level in range(4))
_SEEN_BY_MOMENTS = {_EMBEDDING, *_OUTPUTS[:-1]}
_READOUT = tuple(f"mlp.layers.{place}" for place in READOUT_PLACES)

GROUPS: dict[str, tuple[str, ...]] = {
    "embedding": (f"{_EMBEDDING}.weight",),
    "convolution": tuple(f"{name}.weight" for name in _OUTPUTS),
    "readout": tuple(
        f"{name}.{part}" for name in (_NORM, *_READOUT) for part in ("weight", "bias")
    ),
}
"""Names of the parameters that are moved, by their part of the network."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Rows:
    """Gradient rows of n structures.

    Attributes:
        gradients: derivatives by each parameter, (n, size of the parameter) by its name, in the
            order of `GROUPS`.
        energies: interaction energies, (n,) eV/atom.
    """

    gradients: dict[str, NDArray[Any]]
    energies: NDArray[np.float64]


def energy_rows(
    model: CHGNet,
    graphs: Sequence[PackedGraph],
    *,
    progress: Progress = silent,
    what: str = "Gradient rows",
) -> Rows:
    """Return the derivative of each structure's interaction energy per atom by the parameters.

    Of outputs that the readout of magnetic moments sees, the derivative has no part along it.

    Args:
        model: a CHGNet of the released architecture; rows have its floating-point type.
        graphs: the structures.
        progress: reports the structures done, after every batch.
        what: what the progress is called.
    """
    weights = Weights.of(model, differentiable=False)
    names = [name for group in GROUPS.values() for name in group]
    sizes = {name: model.get_parameter(name).numel() for name in names}
    real = {torch.float32: np.float32, torch.float64: np.float64}[weights.elements.dtype]
    gradients = {name: np.zeros((len(graphs), size), real) for name, size in sizes.items()}
    energies = np.zeros(len(graphs))
    done = 0
    for chosen in _batches(np.array([graph.cost for graph in graphs], dtype=np.int64)):
        batch = collate(
            [graphs[row] for row in chosen],
            dtype=weights.elements.dtype,
            device=weights.elements.device,
        )
        rows = _batch_rows(weights, batch)
        energies[chosen] = rows["energy"].double().cpu().numpy()
        for name, kept in gradients.items():
            kept[chosen] = rows[name].cpu().numpy().reshape(len(chosen), -1)
        done += len(chosen)
        report(progress, done, len(graphs), what)
    return Rows(gradients=gradients, energies=energies)


def tilt_rows(
    model: CHGNet,
    graphs: Sequence[PackedGraph],
    at: Rows,
    *,
    copies: int,
    seed: int = 0,
    paired: NDArray[np.bool_] | None = None,
    progress: Progress = silent,
) -> dict[str, NDArray[Any]]:
    """Return how the potential tilts around each structure with each parameter.

    A rattled copy x + u tells the change of the forces along u, (∂E(x + u) − ∂E(x)) / |u| with
    E the total energy and |u| = σ √(3N): a row δ of parameters changes the forces by as many eV/Å
    as the row times δ says.

    Args:
        model: as for `energy_rows`.
        graphs: the structures.
        at: their energy rows.
        copies: rattled copies of each structure.
        seed: seed of the displacements.
        paired: structures whose copies are pairs x + u and x − u, (n,), of which the first row is
            half the difference, the change of the forces along u without that of their slope, and
            the second half the sum, the change of the slope alone; None for none.
        progress: reports the copies done.

    Returns:
        (copies · n, size of the parameter) by name, copy by copy.
    """
    steps = [_steps(graphs, copy, seed, paired) for copy in range(copies)]
    rattled = [
        _moved(graph, step)
        for of_copy in steps
        for graph, step in zip(graphs, of_copy, strict=True)
    ]
    if paired is not None:
        _give_up_pairs(rattled, graphs, paired)
    moved = energy_rows(model, rattled, progress=progress, what="Rattled copies").gradients
    atoms = np.array([graph.n_atoms for graph in graphs])
    scale = np.sqrt(atoms / 3.0) / AMPLITUDE
    for name, values in moved.items():
        parts = values.reshape(copies, len(graphs), -1)
        parts -= at.gradients[name]
        parts *= scale[:, None].astype(values.dtype)
        if paired is not None:
            for first in range(0, copies - 1, 2):
                plus, minus = parts[first, paired], parts[first + 1, paired]
                parts[first, paired] = 0.5 * (plus - minus)
                parts[first + 1, paired] = 0.5 * (plus + minus)
    return moved


def tilt_labels(
    graphs: Sequence[PackedGraph],
    changes: Sequence[NDArray[np.floating] | None],
    *,
    copies: int,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return what labelled forces say of the rows of `tilt_rows`, eV/Å.

    Args:
        graphs: the structures.
        changes: by how much the forces (N, 3) of each are to change, eV/Å; None where they are not
            labelled, whose rows are to stay 0. Those that are labelled are `paired`.
        copies: as of `tilt_rows`.
        seed: as of `tilt_rows`.

    Returns:
        (copies · n,).
    """
    found = np.zeros((copies, len(graphs)))
    paired = np.array([change is not None for change in changes])
    for copy in range(0, copies - 1, 2):
        for row, (step, change) in enumerate(
            zip(_steps(graphs, copy, seed, paired), changes, strict=True)
        ):
            if change is not None:
                length = AMPLITUDE * np.sqrt(3.0 * len(step))
                found[copy, row] = -float((change * step).sum()) / length
    return found.ravel()


def moved_model(model: CHGNet, change: Mapping[str, NDArray[np.floating]]) -> None:
    """Add a change to a model's parameters, by name, in place."""
    with torch.no_grad():
        for name, values in change.items():
            parameter = model.get_parameter(name)
            parameter.add_(torch.from_numpy(values.reshape(parameter.shape)).to(parameter))


def _steps(
    graphs: Sequence[PackedGraph], copy: int, seed: int, paired: NDArray[np.bool_] | None
) -> list[NDArray[np.float64]]:
    """Return the displacements of a copy of each structure, (N, 3) Å."""
    steps = []
    for row, graph in enumerate(graphs):
        is_second = paired is not None and bool(paired[row]) and copy % 2 == 1
        rng = np.random.default_rng([seed, copy - is_second, row])
        drawn = rng.normal(0.0, AMPLITUDE, (graph.n_atoms, 3))
        steps.append(-drawn if is_second else drawn)
    return steps


def _moved(graph: PackedGraph, steps: NDArray[np.float64]) -> PackedGraph:
    moved = graph.frac_coords + steps @ np.linalg.inv(graph.lattice)
    try:
        return convert(graph.atomic_numbers, moved, graph.lattice)
    except LabError:
        # An atom at the edge of its last neighbor's reach: this copy then says nothing.
        return graph


def _give_up_pairs(
    rattled: list[PackedGraph], graphs: Sequence[PackedGraph], paired: NDArray[np.bool_]
) -> None:
    """Let both copies of a pair say nothing where one does, in place."""
    n = len(graphs)
    for first in range(0, len(rattled) - n, 2 * n):
        for row in np.flatnonzero(paired).tolist():
            places = (first + row, first + n + row)
            if any(rattled[place] is graphs[row] for place in places):
                for place in places:
                    rattled[place] = graphs[row]


def _batch_rows(weights: Weights, batch: PackedBatch) -> dict[str, Tensor]:
    """Return the rows of a batch by parameter, and its energies (eV/atom) as "energy"."""
    taps: dict[str, tuple[Tensor, Tensor]] = {}

    def tap(name: str, given: Tensor, result: Tensor) -> None:
        if name == _EMBEDDING:
            result.requires_grad_()
        taps[name] = (given, result)

    with torch.enable_grad():
        sites, _ = run_network(
            weights, batch, batch.bond_lengths, batch.angles, magmoms=False, tap=tap
        )
        slopes = torch.autograd.grad(sites.sum(), [result for _, result in taps.values()])
    atoms = batch.atoms_per_frame.tolist()
    per_atom = 1.0 / batch.atoms_per_frame.to(sites.dtype)
    energies = sites.new_zeros(batch.n_frames).index_add(0, batch.atom_frame, sites.detach())
    rows = {"energy": energies * per_atom}

    def summed(values: Tensor) -> Tensor:
        """Return the mean over the atoms of each frame, (B, d)."""
        sums = values.new_zeros(batch.n_frames, values.shape[1])
        return sums.index_add(0, batch.atom_frame, values) * per_atom[:, None]

    readout = F.normalize(weights.site[0], dim=1)
    for (name, (given, _)), full in zip(taps.items(), slopes, strict=True):
        slope = full - full @ readout.T @ readout if name in _SEEN_BY_MOMENTS else full
        if name == _EMBEDDING:
            n_elements = weights.elements.shape[0]
            place = batch.atom_frame * n_elements + given
            sums = slope.new_zeros(batch.n_frames * n_elements, slope.shape[1])
            values = sums.index_add(0, place, slope).view(batch.n_frames, n_elements, -1)
            rows[f"{name}.weight"] = values * per_atom[:, None, None]
        elif name == _NORM:
            normalized = F.layer_norm(given.detach(), given.shape[1:])
            rows[f"{name}.weight"] = summed(slope * normalized)
            rows[f"{name}.bias"] = summed(slope)
        else:
            inside = given.detach()
            products = [
                out.T @ into
                for out, into in zip(slope.split(atoms), inside.split(atoms), strict=True)
            ]
            rows[f"{name}.weight"] = torch.stack(products) * per_atom[:, None, None]
            rows[f"{name}.bias"] = summed(slope)
    return rows


def _batches(costs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut graphs, sorted by cost, into batches of about `BUDGET`."""
    order = np.argsort(costs, kind="stable")
    part = np.cumsum(costs[order]) // BUDGET
    return [rows for rows in np.split(order, np.flatnonzero(np.diff(part)) + 1) if len(rows)]
