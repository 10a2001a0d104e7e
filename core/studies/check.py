"""Study: what would ruin a fine-tuning on a data set."""

from collections.abc import Sequence
from itertools import chain, count
from typing import ClassVar

import numpy as np

from core.checks.diagnosis import Diagnosis
from core.errors import LabError
from core.frames.findings import Finding
from core.frames.pairs import PairSet, write_pairs
from core.frames.registry import (
    find_dataset,
    list_datasets,
    new_dataset_path,
    open_dataset,
    open_frame_set,
    write_subset,
)
from core.frames.schema import Card
from core.progress import Progress
from core.studies.study import ModelStudy

_SECONDS = 12.0
_SECONDS_PER_FRAME = 3e-5
_SECONDS_PER_PREDICTION = 0.03
_PREDICTED = 330
"""Frames that the network evaluates at most."""


class CheckStudy(ModelStudy):
    """What the doctor finds in a data set of frames, or of pairs.

    Attributes:
        dataset: the data set.
    """

    kind: ClassVar[str] = "check"
    result: ClassVar[type] = Diagnosis

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    def inputs(self) -> list[str]:
        """Return what identifies the data set, what its card says, and the model."""
        return [*super().inputs(), find_dataset(self.dataset).card.model_dump_json()]

    def seconds(self) -> float:
        """Return roughly how long it takes if nothing is cached yet."""
        n = find_dataset(self.dataset).card.n
        return _SECONDS + _SECONDS_PER_FRAME * n + _SECONDS_PER_PREDICTION * min(n, _PREDICTED)

    def compute(self, progress: Progress) -> Diagnosis:
        """Look for it.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if there is no such data set, or no such model.
        """
        # Only the computation imports torch.
        from core.checks.doctor import diagnose  # noqa: PLC0415
        from core.checks.pair_sets import diagnose_pairs  # noqa: PLC0415

        data = open_dataset(self.dataset)
        if isinstance(data, PairSet):
            return diagnose_pairs(data, self.source, progress=progress)
        return diagnose(open_frame_set(self.dataset), self.source, progress=progress)


def left_out(dataset: str, findings: Sequence[Finding], name: str | None = None) -> Card:
    """Make a data set without the frames that findings name, and return its card.

    Args:
        dataset: the data set of frames, or of pairs.
        findings: what was found in it; those for information only leave nothing out.
        name: name of the new data set; None for a free one that begins with the data set's.

    Raises:
        LabError: if they name no frames, or all, or the name is taken.
    """
    rows = sorted({row for one in findings if one.severity != "info" for row in one.rows})
    if not rows:
        raise LabError(f"{dataset}: no finding names frames to leave out; nothing was made.")
    data = open_dataset(dataset)
    kept = np.setdiff1d(np.arange(len(data)), rows)
    name = name or _free_name(f"{dataset}-checked")
    description = f"{dataset} without {len(rows):,} {data.card.kind} that atomref check named."
    if isinstance(data, PairSet):
        card = Card(
            **data.card.model_dump(exclude={"created", "fingerprint", "report"})
            | {"name": name, "title": name, "description": description}
        )
        structures = data.frames(kept) if data.has_structures else None
        return write_pairs(new_dataset_path(name), card, data.table().iloc[kept], structures)
    return write_subset(data, kept, name=name, description=description)


def _free_name(wanted: str) -> str:
    taken = {info.card.name for info in list_datasets()}
    numbered = (f"{wanted}-{number}" for number in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)
