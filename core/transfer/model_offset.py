"""How much of a model's error on a data set is only offset: its interaction energies and the fits.

The arithmetic is in `core.reference.shifts.model_offset`.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.splits import training_subset
from core.potential.models import get_atomref, load_model, source_functional
from core.progress import Progress, counted, part, silent
from core.reference.fits.priors import prior
from core.reference.shifts.labelled import LabelledEnergies
from core.reference.shifts.model_offset import Offset, offset
from core.transfer.interaction import interaction_energies


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ModelOffset:
    """What `model_offset` found.

    Attributes:
        found: Errors with each of the four sets of references.
        model_functional: What the model predicts.
        functional: Level of theory of the energies.
        labels: Who made the energies.
        n_available: Rows with an energy.
        n_without_structure: Those of them that have no structure.
        n_left_out: Rows of the sample whose structure CHGNet cannot represent.
        prior_used: What `residual` was pulled to, in words.
    """

    found: Offset
    model_functional: str
    functional: str
    labels: str
    n_available: int
    n_without_structure: int
    n_left_out: int
    prior_used: str


def model_offset(
    target: LabelledEnergies,
    model_name: str,
    *,
    most: int,
    seed: int = 0,
    strength: float = 1e-2,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> ModelOffset:
    """Confront a model with the energies of a data set.

    Args:
        target: the energies.
        model_name: a released model's name, or the path of a checkpoint.
        most: rows to look at, at most; a sample goes through the materials in rounds.
        seed: of that sample.
        strength: pull toward the prior in `residual`.
        device: where interaction energies are computed.
        threads: CPU threads for that; None takes the physical cores.
        progress: told the share that is done.

    Raises:
        LabError: no structures, no such model, or fewer than five materials.
    """
    data, name = target.data, target.data.card.name
    if isinstance(data, PairSet) and not data.has_structures:
        raise LabError(
            f"{name} has no structures, and a model needs them; import it with a column of "
            "structures."
        )
    rows, materials = target.rows, target.material_ids
    chosen = np.arange(len(rows))
    if isinstance(data, PairSet):
        chosen = np.flatnonzero(data.structure_flags()[rows])
    n_without_structure = len(rows) - len(chosen)
    if len(chosen) > most:
        chosen = training_subset(materials, chosen, most, seed=seed)
    model = load_model(model_name)
    interaction = interaction_energies(
        data,
        model_name,
        indices=rows[chosen],
        device=device,
        threads=threads,
        progress=counted(part(progress, 0.0, 0.95), "Interaction energies"),
    )
    usable = np.isfinite(interaction)
    chosen, interaction = chosen[usable], interaction[usable]
    if not len(chosen):
        raise LabError(f"{name}: no structure can be represented by CHGNet; check its structures.")
    source, own = source_functional(model_name), get_atomref(model)
    pull = prior(own, source, target.functional)
    found = offset(
        target.fractions[chosen],
        target.energies[chosen],
        interaction,
        atomref=own,
        prior=pull.values,
        strength=strength,
        groups=materials[chosen],
        rows=rows[chosen],
        progress=part(progress, 0.95, 1.0),
    )
    return ModelOffset(
        found=found,
        model_functional=source,
        functional=target.functional,
        labels=target.labels,
        n_available=len(target.rows),
        n_without_structure=n_without_structure,
        n_left_out=int((~usable).sum()),
        prior_used=pull.description,
    )
