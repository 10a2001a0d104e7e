"""The network and AtomRef of linearised transfer, solved on the frames of a data set."""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.store import FrameSet
from core.potential.examples import Example, load_examples
from core.potential.forward import Wanted
from core.potential.graph import PackedGraph
from core.potential.models import UNKNOWN, load_model, resolve_device
from core.potential.prediction import predict
from core.potential.tangent.rows import (
    GROUPS,
    energy_rows,
    moved_model,
    tilt_labels,
    tilt_rows,
)
from core.potential.tangent.strains import strain_rows
from core.potential.threads import compute_settings
from core.progress import Progress, part, silent
from core.reference.fits import solve
from core.reference.fits.atomref import AtomRef
from core.reference.fits.scale import gaps_by_symbol, scale_gap
from core.transfer.linearised import solve as solve_linearised
from core.transfer.posterior import Change, Posterior
from core.transfer.source_model import SourceModel
from core.transfer.uncertainty import Uncertainty

MOST = 1500
"""Frames that the solve takes; of more, so many are drawn."""

COPIES = ((300, 4), (MOST, 2))
"""Rattled copies of each frame, for up to so many frames: the more there are, the fewer it takes to
hold the forces; where these are labelled, each pair of copies tells them along one direction."""


STRAINED = 300
"""Frames up to which labelled stresses take part, by a pair of strained copies each."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class SolvedModel:
    """What linearised transfer finds.

    Attributes:
        atomref: the references, with an error of each.
        change: what is added to the network's parameters.
        posterior: how certain its energies of other structures are.
        n: frames that were solved for.
        of: training frames with an energy and a structure.
        corrected: part of the correction for the network's curvature that was taken.
        uncertainty: how certain energies of other structures are, not yet calibrated.
    """

    atomref: AtomRef
    change: Change
    posterior: Posterior
    n: int
    of: int
    corrected: float
    uncertainty: Uncertainty

    def apply(self, model: CHGNet) -> None:
        """Move the parameters of the pretrained network, in place; AtomRef stays."""
        moved_model(model, self.change)


def solve_model(
    frame_set: FrameSet,
    rows: NDArray[np.integer],
    source: SourceModel,
    *,
    own: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> SolvedModel:
    """Solve for the network and AtomRef of a data set's functional in closed form.

    Args:
        frame_set: the target data set.
        rows: its training frames; those without an energy or a structure are left out.
        source: the pretrained model.
        own: reference energies of the user's own that AtomRef is pulled toward; None for the prior.
        seed: seed of the rattled copies, and of the frames that are drawn from many.
        progress: reports the gradient rows.

    Raises:
        LabError: if no frame has an energy and a structure, or the model cannot be loaded.
    """
    with_energy = rows[np.isfinite(frame_set.energies()[rows])]
    examples = load_examples(frame_set, with_energy)
    if not len(examples):
        raise LabError(
            f"{frame_set.card.name}: no training frame has both an energy and a structure that "
            "CHGNet can represent; choose other data."
        )
    of = len(examples)
    chosen = np.arange(of)
    if of > MOST:
        chosen = np.sort(np.random.default_rng(seed).permutation(of)[:MOST])
    used = [examples[int(place)] for place in chosen]
    graphs = [example.graph for example in used]
    energies = np.array([example.energy for example in used])
    rows_used = [example.index for example in used]
    fractions = frame_set.fractions()[rows_used]
    materials = np.unique(frame_set.material_ids()[rows_used].astype(str), return_inverse=True)[1]
    functional = frame_set.card.functional or UNKNOWN
    prior = source.prior(functional, "shifted" if own is None else own, data=frame_set)
    device = resolve_device(source.device)
    with compute_settings(source.threads, device):
        model = load_model(source.name, device)
        changes = _changes(model, used, "force")
        paired = np.array([change is not None for change in changes])
        copies = copies_of(len(graphs))
        first = 1.0 / (copies + 2)
        at = energy_rows(model, graphs, progress=part(progress, 0.0, first))
        tilts = tilt_rows(
            model,
            graphs,
            at,
            copies=copies,
            seed=seed,
            paired=paired,
            progress=part(progress, first, 1 - first),
        )
        slopes = tilt_labels(graphs, changes, copies=copies, seed=seed)
        if len(graphs) <= STRAINED:
            more, said = strain_rows(model, graphs, at, _changes(model, used, "stress"), seed=seed)
            tilts = {name: np.concatenate([tilts[name], more[name]]) for name in tilts}
            slopes = np.concatenate([slopes, said])
        left = energies - at.energies - fractions @ prior.energies
        gap = scale_gap(fractions, left)
        expected = prior.energies + np.nan_to_num(gap)

        def exact(change: Change) -> NDArray[np.float64]:
            progress(1 - first, "Solving")
            moved = copy.deepcopy(model)
            moved_model(moved, change)
            return interaction_of(moved, graphs) - at.energies

        solution = solve_linearised(
            fractions,
            energies - at.energies - fractions @ expected,
            at.gradients,
            tilts,
            {name: _size(model, name) for names in GROUPS.values() for name in names},
            embedding=source.embedding(),
            slopes=slopes,
            exact=exact,
        )
    columns = solve.columns(fractions)
    card = frame_set.card
    return SolvedModel(
        atomref=AtomRef(
            functional=functional,
            method="residual",
            energies=expected + solution.references,
            **solve.description(energies, columns),
            prior_used=prior.description,
            labels=card.labels,
            corrections=card.corrections,
            off_scale=gaps_by_symbol(gap),
            deviations=solution.deviations,
        ),
        change=solution.change,
        posterior=solution.posterior,
        n=len(used),
        of=of,
        corrected=solution.corrected,
        uncertainty=Uncertainty.of(solution, materials, seed=seed),
    )


def copies_of(n: int) -> int:
    """Return the number of rattled copies of each of n frames."""
    return next(copies for most, copies in COPIES if min(n, MOST) <= most)


def _changes(
    model: CHGNet, examples: list[Example], kind: Literal["force", "stress"]
) -> list[NDArray[np.float64] | None]:
    """Return by how much labels are to change; None where they are missing.

    Forces are (N, 3) in eV/Å, stresses (3, 3) in GPa.
    """
    name = {"force": "forces", "stress": "stress"}[kind]
    changes: list[NDArray[np.float64] | None] = [None] * len(examples)
    labelled = [place for place, one in enumerate(examples) if getattr(one, name) is not None]
    graphs = [examples[place].graph for place in labelled]
    for place, found in zip(labelled, predict(model, graphs, Wanted.of([kind])), strict=True):
        label = np.asarray(getattr(examples[place], name), np.float64)
        changes[place] = label - np.asarray(getattr(found, name), np.float64)
    return changes


def interaction_of(model: CHGNet, graphs: list[PackedGraph]) -> NDArray[np.float64]:
    """Return the interaction energies of some structures, (n,) eV/atom."""
    with torch.no_grad():
        predictions = predict(model, graphs, Wanted.of(()))
    return np.array([prediction.interaction for prediction in predictions])


def _size(model: CHGNet, name: str) -> float:
    return float(model.get_parameter(name).detach().double().pow(2).mean().sqrt())
