"""Study: what a data set holds, as a few numbers per frame."""

from typing import Any, ClassVar

from core.frames.contents.numbers import Contents, contents_of
from core.frames.registry import find_dataset, open_dataset
from core.progress import Progress
from core.studies.study import Study

_SECONDS = 0.1
_SECONDS_PER_ROW = 3e-6


class ContentsStudy(Study):
    """Elements, sizes and largest labels of every frame of a data set.

    Attributes:
        dataset: frames or pairs.
    """

    kind: ClassVar[str] = "contents"
    result: ClassVar[type] = Contents

    dataset: str

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    def seconds(self) -> float:
        """Return the approximate time."""
        return _SECONDS + _SECONDS_PER_ROW * find_dataset(self.dataset).card.n

    def compute(self, progress: Progress) -> Any:
        """Return what the data set holds."""
        return contents_of(open_dataset(self.dataset), progress)
