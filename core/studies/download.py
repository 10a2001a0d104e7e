"""Study: the download of an open data set, so that it is a job that outlives the page."""

from dataclasses import dataclass
from typing import ClassVar

from core.frames.catalogue.downloads import download
from core.frames.catalogue.entries import find_entry
from core.progress import Progress
from core.studies.study import Study

_BYTES_PER_SECOND = 1e7
_UNKNOWN_SIZE = 3e9


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class DownloadResult:
    """What is there after a download.

    Attributes:
        files: paths of the files.
        n_bytes: their bytes.
        unverified: names of files without a known checksum.
        licence: as the host stated it.
    """

    files: list[str]
    n_bytes: int
    unverified: list[str]
    licence: str


class DownloadStudy(Study):
    """The download of an open data set.

    Attributes:
        entry: its name in the catalogue.
    """

    kind: ClassVar[str] = "download"
    result: ClassVar[type] = DownloadResult

    entry: str

    @property
    def datasets(self) -> list[str]:
        """Nothing that is already here."""
        return []

    def seconds(self) -> float:
        """Return how long it takes at 10 MB/s."""
        return (find_entry(self.entry).size or _UNKNOWN_SIZE) / _BYTES_PER_SECOND

    def compute(self, progress: Progress) -> DownloadResult:
        """Download what is missing.

        Raises:
            LabError: as of `core.frames.catalogue.downloads.download`.
        """
        there = download(find_entry(self.entry), progress)
        return DownloadResult(
            files=[str(path) for path in there.files],
            n_bytes=there.n_bytes,
            unverified=list(there.unverified),
            licence=there.licence,
        )
