"""Study: one AtomRef fit; and the settings that other studies of a fit share."""

import shlex
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from core.errors import LabError
from core.progress import Progress, part
from core.reference.fits.atomref import Method
from core.reference.shifts.labelled import LabelledEnergies
from core.reference.shifts.pairs import OpenedPairs
from core.studies.selection import EnergySelection, PairSelection
from core.studies.study import ModelStudy, atomref_inputs
from core.transfer.atomref_fits import PULLED, AtomRefFit, fit_atomref, fit_difference
from core.transfer.source_model import SourceModel

Side = Literal["target", "source", "difference"]
"""Whose references: those of one functional, or target minus source."""

RIDGE = 1e-2
"""Default ridge strength."""

_SECONDS = 1.0
_SECONDS_PER_STRUCTURE = 0.02
_PULL_SETTINGS = {"model", "start", "strength"}


class AtomRefStudy(ModelStudy):
    """One fit of elemental references.

    Methods without a prior reset `model`, `start` and `strength` to their defaults. The default
    strength of `residual` is "covariance", for its errors are the smallest.

    Attributes:
        pairs: energies in two functionals, or in one, which is then the target.
        side: whose references.
        method: how they are fitted.
        start: the prior of `ridge` and `residual`: its kind, a saved AtomRef, a file of energies,
            or "isolated" for the isolated atoms of the data set.
        strength: their pull toward it; "auto" for the best one by cross-validation, "covariance"
            for one that elements share which are alike.
        separate_u: whether elements met both with and without U have a column of their own for it.
    """

    kind: ClassVar[str] = "atomref"
    version: ClassVar[int] = 2
    result: ClassVar[type] = AtomRefFit

    pairs: PairSelection | EnergySelection
    side: Side = "target"
    method: Method = "lstsq"
    start: str = "shifted"
    strength: Annotated[float, Field(gt=0)] | Literal["auto", "covariance"] = RIDGE
    separate_u: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_unused(cls, settings: dict[str, Any]) -> dict[str, Any]:
        method = settings.get("method", cls.model_fields["method"].default)
        unused = set() if method in PULLED else _PULL_SETTINGS
        default = {"strength": "covariance"} if method == "residual" else {}
        return default | {key: value for key, value in settings.items() if key not in unused}

    @property
    def datasets(self) -> list[str]:
        """The data sets of the pairs."""
        return self.pairs.datasets

    @property
    def is_pulled(self) -> bool:
        """Whether the method has a prior."""
        return self.method in PULLED

    @property
    def energies(self) -> EnergySelection:
        """The energies of the fitted functional, of a difference those of the target."""
        pairs = self.pairs
        if isinstance(pairs, EnergySelection):
            return pairs
        is_source = self.side == "source"
        if pairs.other is not None:
            return EnergySelection(dataset=pairs.dataset if is_source else pairs.other)
        column = pairs.source if is_source else pairs.target
        return EnergySelection(dataset=pairs.dataset, column=column)

    @property
    def command(self) -> str:
        """The command that computes the same fit."""
        pairs, words = self.pairs, ["--method", self.method]
        if self.side == "difference" and isinstance(pairs, PairSelection):
            words += ["--minus", pairs.source or pairs.dataset]
        if self.is_pulled:
            pull = self.strength
            strength = pull if isinstance(pull, str) else format(pull, "g")
            words += ["--model", self.model, "--strength", strength]
            words += [] if self.start == "shifted" else ["--prior", self.start]
        words += ["--separate-u"] if self.separate_u else []
        energies = self.energies
        columns = [] if energies.column is None else ["--column", energies.column]
        return f"atomref atomref {shlex.join([energies.dataset, *columns, *words])}"

    def inputs(self) -> list[str]:
        """Return what identifies the contents of the data sets, the model and the prior."""
        return [*super().inputs(), *atomref_inputs(self.start)]

    def seconds(self) -> float:
        """Return roughly how long the fit takes, interaction energies included."""
        structures = self.pairs.card.n if self.method == "residual" else 0
        return _SECONDS + _SECONDS_PER_STRUCTURE * structures

    def fitted(
        self, progress: Progress, *, opened: OpenedPairs | LabelledEnergies | None = None
    ) -> AtomRefFit:
        """Return the fit.

        Args:
            progress: reports the interaction energies computed.
            opened: what `pairs.open` returns, if it is open already.

        Raises:
            LabError: if there is no such data or model, no structures where they are needed, or
                the difference of two fits is not defined.
        """
        energies = opened or self.pairs.open()
        if isinstance(energies, LabelledEnergies):
            return self._fitted(energies, progress)
        if self.side != "difference":
            return self._fitted(LabelledEnergies.from_pairs(energies, self.side), progress)
        if self.strength == "auto":
            raise LabError("a difference is not fitted with --strength auto; give a number.")
        return fit_difference(
            self._fitted(LabelledEnergies.from_pairs(energies, "target"), part(progress, 0, 0.5)),
            self._fitted(LabelledEnergies.from_pairs(energies, "source"), part(progress, 0.5, 1)),
            embedding=self.source.embedding() if self.strength == "covariance" else None,
        )

    def compute(self, progress: Progress) -> Any:
        """Return the fit, as `fitted` does."""
        return self.fitted(progress)

    def _fitted(self, target: LabelledEnergies, progress: Progress) -> AtomRefFit:
        return fit_atomref(
            target,
            method=self.method,
            source=self.source if self.is_pulled else SourceModel(),
            start=self.start,
            strength=self.strength,
            separate_u=self.separate_u,
            progress=progress,
        )
