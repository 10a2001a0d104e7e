"""Study: held-out error with each prior, by number of fitting materials."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from core.progress import Progress, part
from core.reference.fits.prior_comparison import PriorComparison, compare_priors
from core.reference.shifts.pairs import default_energy
from core.studies.atomref_fit import RIDGE, AtomRefStudy

_SECONDS_PER_REPEAT = 0.05
_TIMES_WITH_OWN_STRENGTH = 15
"""How many times as long it takes where every fit looks for its own strength."""


class PriorStudy(AtomRefStudy):
    """Held-out error of ridge fits with every kind of prior.

    Attributes:
        own_strength: whether each fit takes its own best strength; otherwise all take `strength`.
        repeats: number of random choices of fitting materials.
        seed: of the choices.
    """

    kind: ClassVar[str] = "prior-comparison"
    version: ClassVar[int] = 3
    result: ClassVar[type] = PriorComparison

    side: Literal["target", "source"] = "target"
    method: Literal["ridge", "residual"] = "ridge"
    own_strength: bool = True
    repeats: int = Field(default=20, ge=5, le=1000)
    seed: int = 0

    @classmethod
    def of(cls, study: AtomRefStudy, *, own_strength: bool) -> Self:
        """Return the comparison on the energies of a fit, the same for page and command.

        All energies of the functional take part, those of materials without a partner too.

        Args:
            study: a fit toward a prior.
            own_strength: whether each fit takes its own best strength, as all do whose strength is
                no number.
        """
        own = own_strength or isinstance(study.strength, str)
        energies = study.energies
        if energies.column is None and energies.card.kind == "pairs":
            energies = energies.model_copy(update={"column": default_energy(energies.card)})
        settings = dict(study) | {"pairs": energies, "side": "target", "start": "shifted"}
        return cls(**settings | ({"strength": RIDGE} if own else {}), own_strength=own)

    def seconds(self) -> float:
        """Return roughly how long the fits take."""
        times = _TIMES_WITH_OWN_STRENGTH if self.own_strength else 1
        return super().seconds() + _SECONDS_PER_REPEAT * times * self.repeats

    def compute(self, progress: Progress) -> PriorComparison:
        """Return the errors.

        Args:
            progress: called while interaction energies are computed and materials are chosen.

        Raises:
            LabError: if there is no such data or model, or too few materials.
        """
        begin = 0.5 if self.method == "residual" else 0.1
        fit = self.fitted(part(progress, 0.0, begin))
        priors = self.source.priors(fit.atomref.functional)
        return compare_priors(
            fit.fractions,
            fit.energies,
            fit.materials,
            {kind: prior.energies for kind, prior in priors.items()},
            strength=None if self.own_strength else fit.atomref.strength,
            repeats=self.repeats,
            seed=self.seed,
            progress=part(progress, begin, 1.0),
        )
