"""Studies: files and data sets that are made of a data set, as jobs that outlive the page."""

from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from core.acquisition.subsets import SubsetRule, make_subset
from core.errors import LabError
from core.frames.contents.filters import FrameFilter, Part, chosen_rows
from core.frames.export.forms import export_dataset, form_of
from core.frames.registry import find_dataset, new_dataset_path, open_dataset, open_frame_set
from core.frames.schema import Card
from core.home import exports_dir
from core.progress import Progress
from core.reference.formation.corrected_frames import correct_frames
from core.reference.shifts.joining import JoinRule, Kept, join_frames
from core.studies.study import OneTimeStudy

_SECONDS = 0.5


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Made:
    """What was made.

    Attributes:
        name: name of the data set, or of the file.
        n: its rows.
        description: how it was made.
        file: path of the file; empty for a data set.
        left_out: reason to the number of what is not in it.
    """

    name: str
    n: int
    description: str
    file: str = ""
    left_out: dict[str, int] = field(default_factory=dict)


class MakingStudy(OneTimeStudy):
    """Something that is made of a data set.

    Attributes:
        dataset: the data set.
        seconds_per_row: roughly how long a row takes on two cores.
    """

    result: ClassVar[type] = Made
    seconds_per_row: ClassVar[float]

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return the approximate time."""
        return _SECONDS + self.seconds_per_row * find_dataset(self.dataset).card.n

    @abstractmethod
    def check(self) -> None:
        """Raise LabError if it cannot be made, as far as that is known before the work."""


class ExportStudy(MakingStudy):
    """A file with frames, or pairs, of a data set.

    Attributes:
        chosen: which of them.
    """

    kind: ClassVar[str] = "export"
    verb: ClassVar[str] = "Exporting"
    seconds_per_row: ClassVar[float] = 5e-4

    chosen: FrameFilter = FrameFilter()

    @property
    def path(self) -> Path:
        """The file, in the lab's home."""
        return exports_dir() / self.name

    def check(self) -> None:
        """Raise LabError if the name is not that of a new file of a known form."""
        if Path(self.name).name != self.name or self.name.startswith("."):
            raise LabError(f"{self.name!r} is not the name of a file; leave out folders.")
        form_of(find_dataset(self.dataset).card, self.path)
        if self.path.exists():
            raise LabError(f"{self.path}: exists already; choose another name or delete it.")

    def compute(self, progress: Progress) -> Made:
        """Write the file."""
        self.check()
        data = open_dataset(self.dataset)
        rows = chosen_rows(data, self.chosen)
        n = export_dataset(data, self.path, rows, progress=progress)
        text = f"{n:,} of the {len(data):,} {data.card.kind} of {self.dataset}"
        return Made(
            name=self.name,
            n=n,
            description=f"{text} {self.chosen.text}".rstrip() + ".",
            file=str(self.path),
        )


class SubsetStudy(MakingStudy):
    """A data set of some frames of another one; arguments of `make_subset`."""

    kind: ClassVar[str] = "subset"
    verb: ClassVar[str] = "Making"
    seconds_per_row: ClassVar[float] = 1e-5

    chosen: FrameFilter = FrameFilter()
    part: Part | None = None
    rule: SubsetRule = "random"
    n: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise LabError if the name is taken or not valid."""
        new_dataset_path(self.name)

    def compute(self, progress: Progress) -> Made:
        """Write the subset."""
        card = make_subset(
            open_frame_set(self.dataset),
            self.name,
            conditions=self.chosen,
            part=self.part,
            rule=self.rule,
            n=self.n,
            seed=self.seed,
            progress=progress,
        )
        return _made(card)


class JoinStudy(MakingStudy):
    """Pairs of the materials of two data sets of frames; arguments of `join_frames`.

    Attributes:
        dataset: frames in the source functional.
        other: frames in the target functional.
        rule: what makes two materials a pair.
        kept: which frame of a material counts.
    """

    kind: ClassVar[str] = "join"
    verb: ClassVar[str] = "Joining"
    seconds_per_row: ClassVar[float] = 2e-5

    other: str
    rule: JoinRule = "id"
    kept: Kept = "lowest"

    @property
    def datasets(self) -> list[str]:
        """Names of both data sets."""
        return [self.dataset, self.other]

    def seconds(self) -> float:
        """Return the approximate time; structures take much longer to compare."""
        return super().seconds() * (100 if self.rule == "structure" else 1)

    def check(self) -> None:
        """Raise LabError if the name is taken or not valid."""
        new_dataset_path(self.name)

    def compute(self, progress: Progress) -> Made:
        """Write the pairs."""
        joined = join_frames(
            open_frame_set(self.dataset),
            open_frame_set(self.other),
            self.name,
            rule=self.rule,
            kept=self.kept,
            progress=progress,
        )
        return _made(joined.card, joined.left_out)


class CorrectStudy(MakingStudy):
    """A data set whose energies carry MP2020 corrections, or no longer do.

    Attributes:
        remove: remove the corrections instead of adding them.
    """

    kind: ClassVar[str] = "correct"
    verb: ClassVar[str] = "Correcting"
    seconds_per_row: ClassVar[float] = 1e-3

    remove: bool = False

    def check(self) -> None:
        """Raise LabError if the name is taken or not valid."""
        new_dataset_path(self.name)

    def compute(self, progress: Progress) -> Made:
        """Write the data set."""
        corrected = correct_frames(
            open_frame_set(self.dataset), self.name, remove=self.remove, progress=progress
        )
        report = corrected.card.report
        return _made(corrected.card, report.reasons if report else {})


KINDS: dict[str, type[MakingStudy]] = {
    study.kind: study for study in (ExportStudy, SubsetStudy, JoinStudy, CorrectStudy)
}
"""The studies by kind."""


def _made(card: Card, left_out: dict[str, int] | None = None) -> Made:
    return Made(
        name=card.name, n=card.n, description=card.description, left_out=dict(left_out or {})
    )
