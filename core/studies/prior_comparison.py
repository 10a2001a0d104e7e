"""Study: held-out error with each prior, by number of fitting materials."""

from typing import ClassVar, Literal

from pydantic import Field

from core.progress import Progress, part
from core.reference.fits.prior_comparison import PriorComparison, compare_priors
from core.studies.atomref_fit import AtomRefStudy
from core.transfer.atomref_fits import AtomRefFit

_SECONDS_PER_REPEAT = 0.1
_SECONDS_PER_ROW_AND_REPEAT = 3e-6


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

    def seconds(self) -> float:
        """Return roughly how long the fits take."""
        per_repeat = _SECONDS_PER_REPEAT + _SECONDS_PER_ROW_AND_REPEAT * self.pairs.card.n
        return super().seconds() + per_repeat * self.repeats

    def compute(self, progress: Progress) -> PriorComparison:
        """Return the errors.

        Args:
            progress: called while interaction energies are computed and materials are chosen.

        Raises:
            LabError: if there is no such data or model, or too few materials.
        """
        begin = 0.5 if self.method == "residual" else 0.1
        return self.compared(
            self.fitted(part(progress, 0.0, begin)), progress=part(progress, begin, 1.0)
        )

    def compared(self, fit: AtomRefFit, *, progress: Progress) -> PriorComparison:
        """Return the errors with each prior, on the data of a fit.

        Args:
            fit: this study's fit.
            progress: called after every choice of materials.

        Raises:
            LabError: if there is no such model, or too few materials.
        """
        priors = self.source.priors(fit.atomref.functional)
        return compare_priors(
            fit.fractions,
            fit.energies,
            fit.materials,
            {kind: prior.energies for kind, prior in priors.items()},
            strength=None if self.own_strength else fit.atomref.strength,
            repeats=self.repeats,
            seed=self.seed,
            progress=progress,
        )
