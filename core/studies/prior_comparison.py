"""Study: what each prior is worth when the fitting materials are few."""

from typing import ClassVar, Literal

from pydantic import Field

from core.progress import Progress, part
from core.reference.fits.prior_comparison import PriorComparison, compare_priors
from core.runs.record.named_models import checkpoint_of
from core.studies.atomref_fit import AtomRefStudy
from core.transfer.atomref_fits import known_priors

_SECONDS_A_REPEAT = 0.1
_SECONDS_A_ROW_AND_REPEAT = 3e-6


class PriorStudy(AtomRefStudy):
    """Held-out error of ridge fits with every kind of prior.

    Attributes:
        own_strength: whether each fit takes its own best strength; else all take `strength`.
        repeats: how often materials are chosen.
        seed: of the choices.
    """

    kind: ClassVar[str] = "prior-comparison"
    result: ClassVar[type] = PriorComparison

    side: Literal["target", "source"] = "target"
    method: Literal["ridge", "residual"] = "ridge"
    own_strength: bool = True
    repeats: int = Field(default=20, ge=5, le=1000)
    seed: int = 0

    def seconds(self) -> float:
        """Return roughly how long the fits take."""
        a_repeat = _SECONDS_A_REPEAT + _SECONDS_A_ROW_AND_REPEAT * self.pairs.card.n
        return super().seconds() + a_repeat * self.repeats

    def compute(self, progress: Progress) -> PriorComparison:
        """Return the errors.

        Args:
            progress: told the share that is done.

        Raises:
            LabError: no such data or model, or too few materials.
        """
        begin = 0.5 if self.method == "residual" else 0.1
        made = self.fitted(part(progress, 0.0, begin))
        priors = known_priors(
            functional=made.fit.functional, source_model=checkpoint_of(self.model)
        )
        seen = made.seen
        return compare_priors(
            seen.fractions,
            seen.energies,
            seen.materials,
            {kind: one.values for kind, one in priors.items()},
            strength=None if self.own_strength else self.strength,
            repeats=self.repeats,
            seed=self.seed,
            progress=part(progress, begin, 1.0),
        )
