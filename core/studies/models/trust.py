"""Studies: how far a model can be trusted on given structures, in numbers.

The features of the frames that stand for what a model knows take longest, and are computed once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.frames.registry import open_frame_set
from core.potential.released import MODELS
from core.progress import Progress, part
from core.runs.record.directory import Run
from core.runs.record.functionals import SIGN, functional_named, split_for
from core.runs.record.named_models import run_and_functional
from core.runs.results.seeds import siblings
from core.stability.duration import seconds_per_structure
from core.studies.models.given import kept
from core.studies.models.prediction import PredictionStudy
from core.studies.study import ModelStudy, model_inputs
from core.training.settings.partition import partition

if TYPE_CHECKING:
    from core.checks.domain import Domain

_SECONDS = 0.5
_DOMAIN = 400
"""Frames whose features are computed, as `core.checks.domain` samples them."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Trust:
    """How far a model can be trusted on n structures.

    Attributes:
        distances: to the nearest frame of the domain in the model's crystal features, in units of
            the distance that 99 % of the domain's own frames stay below, (n,); NaN where the domain
            has too few frames.
        domain: the frames that they are compared with, in words.
        seeds: standard deviation of the energies by the runs that differ in their seed alone, (n,)
            eV/atom; NaN with one run.
        n_seeds: how many these runs are, this one included; 0 for a model that is no run.
    """

    distances: NDArray[np.float64]
    domain: str
    seeds: NDArray[np.float64]
    n_seeds: int


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Known:
    """The frames that stand for what a model knows.

    Attributes:
        text: which ones they are, in words.
        n: how many of them have features.
    """

    text: str
    n: int


class DomainStudy(ModelStudy):
    """Crystal features of a model's training frames, or of what stands for them."""

    kind: ClassVar[str] = "domain"
    result: ClassVar[type] = Known

    @property
    def datasets(self) -> list[str]:
        """The data set that a run was trained on."""
        if (asked := self.run) is None:
            return []
        run, functional = asked
        if functional is None:
            return [run.config.dataset]
        return [functional_named(run, functional).dataset]

    @property
    def run(self) -> tuple[Run, str | None] | None:
        """The run, and the functional that is named; None for a model that is no run.

        Raises:
            LabError: if there is no such model.
        """
        if self.model in MODELS or Path(self.model).is_file():
            return None
        return run_and_functional(self.model)

    def seconds(self) -> float:
        """Return roughly how long it takes if no features are cached."""
        return _SECONDS + _DOMAIN * seconds_per_structure(relaxed=False)

    def compute(self, progress: Progress) -> Known:
        """Compute the features.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if model or data are gone.
        """
        domain = self.domain()
        return Known(text=domain.text, n=len(domain.features(self.source, progress=progress)))

    def domain(self) -> "Domain":
        """Return the frames.

        Raises:
            LabError: if model or data are gone.
        """
        from core.checks.domain import Domain  # noqa: PLC0415  imports torch

        if (asked := self.run) is None:
            return Domain.embedded()
        run, (name,) = asked[0], self.datasets
        data = open_frame_set(name)
        is_first = name == run.config.dataset
        split = partition(run.config, data) if is_first else split_for(run, data)
        return Domain(data, split.train, is_training=True)


class TrustStudy(ModelStudy):
    """Distances of given structures from a model's training frames, and disagreement of its seeds.

    Attributes:
        structures: name of the structures, as `core.studies.models.given.keep` returns it.
    """

    kind: ClassVar[str] = "trust"
    result: ClassVar[type] = Trust

    structures: str

    @property
    def of_domain(self) -> DomainStudy:
        """The study of the frames that the structures are compared with."""
        return DomainStudy(model=self.model)

    @property
    def datasets(self) -> list[str]:
        """The data set that a run was trained on."""
        return self.of_domain.datasets

    @property
    def models(self) -> list[str]:
        """The model, and those that differ from it in their seed alone; none if it is no run."""
        if (asked := self.of_domain.run) is None:
            return []
        run, functional = asked
        named = "" if functional is None else f"{SIGN}{functional}"
        return [f"{one.id}{named}" for one in siblings(run)]

    def inputs(self) -> list[str]:
        """Return what identifies the contents of the data set and of the models."""
        others = (text for model in self.models for text in model_inputs(model))
        return [*super().inputs(), *others]

    def seconds(self) -> float:
        """Return roughly how long it takes with the features of the frames at hand."""
        n = len(kept(self.structures)) * max(1, len(self.models))
        return _SECONDS + n * seconds_per_structure(relaxed=False)

    def compute(self, progress: Progress) -> Trust:
        """Compute distances and disagreement.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the structures are not kept any more, or model or data are gone.
        """
        from core.checks.domain import distances_of  # noqa: PLC0415  imports torch

        frames, models = kept(self.structures).frames(), self.models
        domain = self.of_domain.domain()
        distances = distances_of(frames, self.source, domain, progress=part(progress, 0.0, 0.6))
        energies = [
            PredictionStudy(model=model, structures=self.structures)
            .compute(part(progress, 0.6 + 0.4 * n / len(models), 0.6 + 0.4 * (n + 1) / len(models)))
            .energies
            for n, model in enumerate(models)
            if len(models) > 1
        ]
        seeds = np.std(energies, axis=0, ddof=1) if energies else np.full(len(frames), np.nan)
        return Trust(
            distances=distances, domain=domain.text, seeds=np.asarray(seeds), n_seeds=len(models)
        )
