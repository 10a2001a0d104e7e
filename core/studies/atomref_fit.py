"""The settings that studies of one AtomRef fit share."""

from pydantic import Field

from core.progress import Progress
from core.reference.fits.atomref import Method
from core.reference.fits.priors import PriorKind
from core.runs.record.named_models import checkpoint_of
from core.studies.selection import PairSelection
from core.studies.study import ModelStudy
from core.transfer.pair_fits import Side, SideFit, side_fit

_SECONDS = 1.0
_SECONDS_A_STRUCTURE = 0.02


class AtomRefStudy(ModelStudy):
    """A study of one fit to some pairs.

    Attributes:
        pairs: whose energies in two functionals.
        side: whose references.
        method: how they are fitted.
        start: the prior of `ridge` and `residual`.
        strength: their pull toward it.
    """

    pairs: PairSelection
    side: Side = "target"
    method: Method = "lstsq"
    start: PriorKind = "shifted"
    strength: float = Field(default=1e-2, gt=0)

    @property
    def datasets(self) -> list[str]:
        """The data sets of the pairs."""
        return self.pairs.datasets

    def seconds(self) -> float:
        """Return roughly how long the fit takes, interaction energies included."""
        structures = self.pairs.card.n if self.method == "residual" else 0
        return _SECONDS + _SECONDS_A_STRUCTURE * structures

    def fitted(self, progress: Progress) -> SideFit:
        """Return the fit and its data.

        Args:
            progress: told how many interaction energies are computed.

        Raises:
            LabError: no such data or model, or no structures where they are needed.
        """
        opened = self.pairs.open()
        return side_fit(
            opened.data,
            opened.pairs,
            self.side,
            method=self.method,
            strength=self.strength,
            source_model=checkpoint_of(self.model),
            start=self.start,
            progress=progress,
        )
