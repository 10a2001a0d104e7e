"""Study: how much of a model's error on a data set is only an offset between energy scales."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.registry import find_dataset
from core.frames.splits import training_subset
from core.progress import Progress, part
from core.reference.shifts.labelled import labelled_energies
from core.reference.shifts.model_offset import Offset, offset
from core.studies.study import ModelStudy

_SECONDS = 3.0
_SECONDS_PER_FRAME = 0.02


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ModelOffset:
    """Errors of a model on a data set, and what they were computed from.

    Attributes:
        found: errors with each of the four sets of references.
        model_functional: functional that the model predicts.
        functional: level of theory of the energies.
        labels: "dft" or the model that made the energies.
        n_available: rows with an energy.
        n_without_structure: those of them that have no structure.
        n_left_out: rows of the sample whose structure CHGNet cannot represent.
        prior_used: description of the prior of `residual`.
        findings: what a check of the energies finds: kind, severity and message.
    """

    found: Offset
    model_functional: str
    functional: str
    labels: str
    n_available: int
    n_without_structure: int
    n_left_out: int
    prior_used: str
    findings: list[dict[str, str]]


class OffsetStudy(ModelStudy):
    """A model's error on a data set with four sets of references.

    Attributes:
        dataset: a data set of frames or of pairs.
        column: of pairs: the column of energies; None takes the target's.
        most: largest number of rows used; a sample takes the materials in turn.
        seed: seed of the sample.
        strength: strength of the pull toward the prior in `residual`.
    """

    kind: ClassVar[str] = "offset"
    version: ClassVar[int] = 2
    result: ClassVar[type] = ModelOffset

    dataset: str
    column: str | None = None
    most: int = Field(default=1000, ge=5)
    seed: int = 0
    strength: float = Field(default=1e-2, gt=0)

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return roughly how long it takes if no interaction energy is cached yet."""
        return _SECONDS + _SECONDS_PER_FRAME * min(self.most, find_dataset(self.dataset).card.n)

    def compute(self, progress: Progress) -> ModelOffset:
        """Compute the errors.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if there are no structures, no such model, or fewer than five materials.
        """
        # Only the computation imports torch: saved results open without it.
        from core.potential.models import source_functional  # noqa: PLC0415
        from core.transfer.interaction import interaction_energies  # noqa: PLC0415
        from core.transfer.label_check import energy_findings  # noqa: PLC0415

        target, source = labelled_energies(self.dataset, self.column), self.source
        data, sample = target.data, np.arange(len(target.rows))
        if isinstance(data, PairSet):
            if not data.has_structures:
                raise LabError(
                    f"{self.dataset} has no structures, and a model needs them; import it with a "
                    "column of structures."
                )
            sample = np.flatnonzero(data.structure_flags()[target.rows])
        n_without_structure = len(target.rows) - len(sample)
        if len(sample) > self.most:
            sample = training_subset(target.material_ids, sample, self.most, seed=self.seed)
        priors = source.priors(target.functional)
        interaction = interaction_energies(
            data, source, rows=target.rows[sample], progress=part(progress, 0.0, 0.95)
        )
        usable = np.isfinite(interaction)
        if not usable.any():
            raise LabError(
                f"{self.dataset}: CHGNet can represent none of the structures; check them."
            )
        sample = sample[usable]
        errors = offset(
            target.fractions[sample],
            target.energies[sample],
            interaction[usable],
            atomref=priors["source"].energies,
            prior=priors["shifted"].energies,
            strength=self.strength,
            groups=target.material_ids[sample],
            rows=target.rows[sample],
            progress=part(progress, 0.95, 1.0),
        )
        n_atoms = np.array([len(frame) for frame in data.frames(target.rows[sample]) if frame])
        findings = energy_findings(
            target.fractions[sample],
            n_atoms,
            target.energies[sample],
            interaction[usable],
            priors["shifted"].energies,
        )
        return ModelOffset(
            found=errors,
            model_functional=source_functional(source.name),
            functional=target.functional,
            labels=target.labels,
            n_available=len(target.rows),
            n_without_structure=n_without_structure,
            n_left_out=int((~usable).sum()),
            prior_used=priors["shifted"].description,
            findings=[finding.as_dict() for finding in findings],
        )
