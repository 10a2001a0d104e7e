"""Convex hulls of many chemical systems: formation, hull and decomposition energies.

Systems are taken by their number of elements. The stable phases of the smaller systems within a
system, and its own phases, are the candidates of its mixtures; the energy of the lowest mixture
that holds no phase of a composition gives all else:

- above the hull: a phase's energy minus that of the hull at its composition, never negative;
- decomposition energy (Bartel et al. 2020, doi:10.1038/s41524-020-00362-y): a phase's energy minus
  that of the lowest mixture of phases of other compositions. For a phase on the hull it is the
  negative distance to the hull without it; for one off the hull it is the energy above the hull,
  unless a polymorph of it is on the hull. Pure elements are compared with their polymorphs.
"""

from dataclasses import dataclass

import numpy as np

from core.elements import N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.frames.functionals import covers
from core.progress import Progress, silent
from core.reference.formation.energies import ElementReferences
from core.stability.compositions import STABLE, Compositions
from core.stability.phases import Phases

_OWN = "the phases' own elements of lowest energy"

_AMOUNT = 1e-8
"""Fraction of atoms up to which a phase takes no part in a mixture."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class HullResult:
    """Hulls of all chemical systems of some phases, n in all.

    Attributes:
        phases: the phases given; after them the elements of chosen references, if any.
        n_given: number of phases given.
        elements: energies that formation energies count from, (94,) eV/atom; NaN where unknown.
        references: where these are from, in words.
        hull: energy of the hull at each phase's composition, (n,) eV/atom; NaN where left out.
        others: energy of the lowest mixture without the phase's composition, (n,) eV/atom; NaN
            for pure elements.
        without: energy of the hull without the phase itself, (n,) eV/atom; NaN for an element's
            only phase.
        left_out: why a phase is in no hull, (n,) strings; empty where it is in one.
        members: phases of the mixture that `others` is the energy of, (n, k); −1 beyond its end.
        amounts: their amounts as fractions of atoms, (n, k).
    """

    phases: Phases
    n_given: int
    elements: np.ndarray
    references: str
    hull: np.ndarray
    others: np.ndarray
    without: np.ndarray
    left_out: np.ndarray
    members: np.ndarray
    amounts: np.ndarray

    @property
    def formation_energy(self) -> np.ndarray:
        """Energy minus that of the elements, (n,) eV/atom."""
        known = np.isfinite(self.hull)
        elements = self.phases.fractions @ np.nan_to_num(self.elements)
        return np.where(known, self.phases.energies - elements, np.nan)

    @property
    def above_hull(self) -> np.ndarray:
        """Energy above the hull, (n,) eV/atom, never negative."""
        return np.asarray(self.phases.energies - self.hull)

    @property
    def decomposition_energy(self) -> np.ndarray:
        """Energy minus that of the lowest mixture of other compositions, (n,) eV/atom."""
        rest = np.where(np.isfinite(self.others), self.others, self.hull)
        return np.asarray(self.phases.energies - rest)

    @property
    def is_stable(self) -> np.ndarray:
        """Whether each phase is on the hull, (n,)."""
        return np.asarray(self.above_hull <= STABLE)

    def competing(self, i: int) -> list[tuple[int, float]]:
        """Return the phases that phase i competes with: places and fractions of atoms.

        They are the mixture that its decomposition energy refers to, largest amounts first.
        """
        pairs = zip(self.members[i].tolist(), self.amounts[i].tolist(), strict=True)
        found = [(member, amount) for member, amount in pairs if member >= 0 and amount > _AMOUNT]
        return sorted(found, key=lambda pair: -pair[1])

    def competing_text(self, i: int) -> str:
        """Return the phases that phase i competes with, such as "0.75 Li2O + 0.25 CoO2"."""
        return " + ".join(
            f"{amount:.3g} {self.phases.formulas[member]}" for member, amount in self.competing(i)
        )


def hulls(
    phases: Phases, references: ElementReferences | None = None, *, progress: Progress = silent
) -> HullResult:
    """Make the hulls of all chemical systems of some phases.

    Phases that lack an energy, or an element of which no energy is known, are left out with the
    reason; all others are computed.

    Args:
        phases: the phases, of one source.
        references: energies of the elements that take part as phases and that formation energies
            count from; None takes the phases' own elements of lowest energy.
        progress: receives the share of the compositions that is done.

    Raises:
        LabError: if the references are of another functional.
    """
    n_given = len(phases)
    if references is not None:
        phases = _with_elements(phases, references)
    compositions = Compositions.of(phases)
    compositions.solve(progress)
    return HullResult(
        phases=phases,
        n_given=n_given,
        elements=compositions.elements if references is None else references.energies,
        references=_OWN if references is None else references.origin,
        **compositions.of_phases(),
    )


def _with_elements(phases: Phases, references: ElementReferences) -> Phases:
    if not covers(references.functional, phases.source.functional):
        raise LabError(
            f"The elements' energies are in {references.functional} and the phases' in "
            f"{phases.source.functional}, which never meet in one hull; choose elements in "
            f"{phases.source.functional}."
        )
    wanted = (phases.fractions > 0).any(axis=0) & references.available
    places = np.flatnonzero(wanted)
    symbols = [SYMBOLS[z] for z in places]
    added = Phases.of(
        symbols,
        np.eye(N_ELEMENTS)[places],
        references.energies[places],
        phases.source,
        ids=[f"reference {symbol}" for symbol in symbols],
    )
    return phases.joined(added)
