"""What judging a model's stability rests on: both energies of all phases, and which are scored."""

from dataclasses import dataclass

import numpy as np

from core.progress import Progress, silent
from core.reference.formation.energies import ElementReferences
from core.stability.comparison import Comparison, Convention, compare
from core.stability.phases import Phases


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ModelStability:
    """Phases with energies of a reference and of a model, n in all.

    Attributes:
        reference: the phases with their labels.
        model: the same phases with the model's energies; NaN with the reason where it has none.
        scored: which are compared, or listed with the reason why not, (n,) flags; the others only
            take part in the hulls.
        elements: the elements' energies for both; of kind "own" each takes its own, and the
            energies here are NaN.
        n_available: compounds with structure and energy that could have been scored.
        unseen: elements of the scored phases that the model's training never saw.
        has_unseen: which phases hold one, (n,) flags.
        not_converged: structures whose relaxation did not converge, and why, by id; they take part
            with their last energies.
    """

    reference: Phases
    model: Phases
    scored: np.ndarray
    elements: ElementReferences
    n_available: int
    unseen: list[str]
    has_unseen: np.ndarray
    not_converged: dict[str, str]

    def comparison(
        self, convention: Convention = "own hulls", *, progress: Progress = silent
    ) -> Comparison:
        """Return the comparison, which takes seconds for 100,000 phases.

        Args:
            convention: which hulls the model's energies are on.
            progress: receives the share that is done.

        Raises:
            LabError: if functionals or corrections differ.
        """
        return compare(
            self.reference,
            self.model,
            convention,
            references=None if self.elements.kind == "own" else self.elements,
            scored=self.scored,
            progress=progress,
        )
