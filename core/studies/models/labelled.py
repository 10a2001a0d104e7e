"""Studies: a model on the frames of a labelled data set, and how far these are from its own."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.errors import LabError
from core.frames.functionals import covers
from core.frames.provenance import CORRECTIONS
from core.frames.registry import find_dataset, open_frame_set
from core.frames.schema import Card, Corrections
from core.frames.splits import training_subset
from core.frames.store import FrameSet
from core.progress import Progress, part
from core.runs.record.named_models import checkpoint_for, split_for_model
from core.stability.duration import seconds_per_structure
from core.studies.models.trust import DomainStudy
from core.studies.study import ModelStudy
from core.training.scoring.frame_errors import FrameErrors
from core.transfer.source_model import SourceModel

Part = Literal["test", "validation", "train", "all"]

MOST = 2000
"""Frames at most, where nothing else is said."""

_UNKNOWN = "unknown"
_SECONDS = 3.0
_SECONDS_PER_FRAME = 0.02
_SHARES = {"test": 0.1, "validation": 0.1, "train": 0.8, "all": 1.0}


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ModelErrors:
    """A model's errors on labelled frames, and what to know of them.

    Attributes:
        frames: labels and predictions.
        mismatch: why the energies cannot be compared, in a sentence; empty where they can.
        unseen: elements of the frames that the model's training never saw.
    """

    frames: FrameErrors
    mismatch: str
    unseen: list[str]


def mismatch(card: Card, functional: str, corrections: Corrections, model: str = "") -> str:
    """Return why labels do not tell how good a model is; empty where they do.

    What is unknown on either side is taken to agree.

    Args:
        card: of the data set.
        functional: the one that the model predicts.
        corrections: whether MP2020 corrections are in its energies.
        model: its name, where it may have made the labels.
    """
    if model == card.labels:
        return (
            "The labels are its own predictions: what differs is rounding, and says nothing of how "
            "good it is."
        )
    known = {functional, card.functional or _UNKNOWN}
    if _UNKNOWN not in known and not covers(functional, card.functional or ""):
        return (
            f"It predicts {functional}, and the labels are {card.functional}: the energies differ "
            "by the functional, however good the model is. Choose labels in its functional, or "
            "look at Model offset."
        )
    if _UNKNOWN not in {corrections, card.corrections} and corrections != card.corrections:
        return (
            f"Its energies: {CORRECTIONS[corrections]}; the labels: "
            f"{CORRECTIONS[card.corrections]}. They differ by the corrections, however good the "
            "model is."
        )
    return ""


class _FramesStudy(ModelStudy):
    """A study of a model on frames of a data set.

    Attributes:
        dataset: the data set.
        part: which of its frames; of a run, no test material was trained on.
        most: largest number of frames; a sample takes the materials in turn.
    """

    dataset: str
    part: Part = "test"
    most: int = Field(default=MOST, ge=1)

    @property
    def datasets(self) -> list[str]:
        """The data set."""
        return [self.dataset]

    @property
    def source(self) -> SourceModel:
        """The model; of a run on several functionals, that of the data set's.

        Raises:
            LabError: if there is no such model.
        """
        functional = find_dataset(self.dataset).card.functional
        return SourceModel(checkpoint_for(self.model, functional))

    def n_frames(self) -> int:
        """Return roughly how many frames there are."""
        return min(self.most, int(_SHARES[self.part] * find_dataset(self.dataset).card.n) + 1)

    def rows(self, data: FrameSet) -> tuple[NDArray[np.integer], int]:
        """Return the rows of the frames, and from how many these were chosen.

        Raises:
            LabError: if there are no such frames.
        """
        rows = np.arange(len(data))
        if self.part != "all":
            rows = getattr(split_for_model(self.model, data), self.part)
        if not len(rows):
            raise LabError(f"{data.card.name}: has no {self.part} frames; choose another part.")
        if len(rows) > self.most:
            return training_subset(data.material_ids(), rows, self.most, seed=0), len(rows)
        return rows, len(rows)


class LabelledStudy(_FramesStudy):
    """Errors of a model on the frames of a data set, frame by frame; settings as above."""

    kind: ClassVar[str] = "labelled-errors"
    result: ClassVar[type] = ModelErrors

    def seconds(self) -> float:
        """Return roughly how long it takes."""
        return _SECONDS + _SECONDS_PER_FRAME * self.n_frames()

    def compute(self, progress: Progress) -> ModelErrors:
        """Compute the predictions.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the model or the data set is gone, or there are no such frames.
        """
        # A page that only offers the study does without torch.
        from core.potential.models import load_model, resolve_device  # noqa: PLC0415
        from core.stability.of_model import ModelEnergies  # noqa: PLC0415
        from core.training.scoring.predictions import frame_errors  # noqa: PLC0415
        from core.transfer.seen_elements import never_seen  # noqa: PLC0415

        data, source = open_frame_set(self.dataset), self.source
        rows, n_available = self.rows(data)
        errors = frame_errors(
            load_model(source.name),
            data,
            rows,
            n_available=n_available,
            device=resolve_device(source.device),
            threads=source.threads,
            progress=progress,
        )
        of_model = ModelEnergies(model=source, name=self.model).source
        return ModelErrors(
            frames=errors,
            mismatch=mismatch(data.card, of_model.functional, of_model.corrections, source.name),
            unseen=never_seen(source.name, errors.fractions),
        )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FrameDistances:
    """How far frames lie from what a model knows.

    Attributes:
        rows: rows of the data set, (n,).
        distances: as of `core.checks.domain.distance_to_domain`, (n,); NaN where there is none.
        domain: the frames that they are compared with, in words.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]
    domain: str

    def of(self, errors: FrameErrors) -> NDArray[np.float64]:
        """Return the distances of frames, (n,); NaN where they are not known."""
        known = dict(zip(self.rows.tolist(), self.distances.tolist(), strict=True))
        return np.array([known.get(row, np.nan) for row in errors.rows.tolist()])


class DistancesStudy(_FramesStudy):
    """Distances of the frames of a data set from a model's training frames; settings as above."""

    kind: ClassVar[str] = "labelled-distances"
    result: ClassVar[type] = FrameDistances

    def seconds(self) -> float:
        """Return roughly how long it takes if no features are cached."""
        known = DomainStudy(model=self.model).seconds()
        return known + seconds_per_structure(relaxed=False) * self.n_frames()

    def compute(self, progress: Progress) -> FrameDistances:
        """Compute the distances.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the model or a data set is gone, or there are no such frames.
        """
        from core.checks.domain import distance_to_domain  # noqa: PLC0415  imports torch
        from core.transfer.features import features_of  # noqa: PLC0415

        data, source = open_frame_set(self.dataset), self.source
        rows, _ = self.rows(data)
        domain = DomainStudy(model=self.model).domain()
        home = domain.features(source, progress=part(progress, 0.0, 0.5))
        found = features_of(
            data,
            source.name,
            rows,
            device=source.device,
            threads=source.threads,
            progress=part(progress, 0.5, 1.0),
        )
        return FrameDistances(
            rows=np.asarray(rows, dtype=np.int64),
            distances=distance_to_domain(found, home),
            domain=domain.text,
        )
