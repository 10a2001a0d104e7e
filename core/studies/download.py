"""Study: the download of an open data set, and its import, as one job that outlives the page."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.frames.catalogue.downloads import download, downloaded
from core.frames.catalogue.entries import Entry, find_entry
from core.progress import Progress, part
from core.studies.imports import ImportStudy
from core.studies.study import Study

_BYTES_PER_SECOND = 1e7
_UNKNOWN_SIZE = 3e9
_SHARE_OF_DOWNLOAD = 0.8


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class DownloadResult:
    """What is there after a download.

    Attributes:
        files: paths of the files.
        n_bytes: their bytes.
        unverified: names of files without a known checksum.
        licence: as the host stated it.
        dataset: name of the data set that was imported from them, if one was.
        description: what of it was taken, assumed and left out.
        findings: what the check of its labels found, as sentences.
    """

    files: list[str]
    n_bytes: int
    unverified: list[str]
    licence: str
    dataset: str = ""
    description: str = ""
    findings: list[str] = field(default_factory=list)


class DownloadStudy(Study):
    """The download of an open data set.

    Attributes:
        entry: its name in the catalogue.
        name: name of the data set to import from it; empty to only download.
    """

    kind: ClassVar[str] = "download"
    result: ClassVar[type] = DownloadResult

    entry: str
    name: str = ""

    @property
    def datasets(self) -> list[str]:
        """Nothing that is already here."""
        return []

    def key(self) -> str:
        """Return a hash of the entry alone: one download, whatever is made of it."""
        entry = self.model_copy(update={"name": ""})
        return super(DownloadStudy, entry).key()

    def seconds(self) -> float:
        """Return how long it takes at 10 MB/s."""
        return (find_entry(self.entry).size or _UNKNOWN_SIZE) / _BYTES_PER_SECOND

    def compute(self, progress: Progress) -> DownloadResult:
        """Download what is missing, then import it if that was asked for.

        Raises:
            LabError: if the download or the import fails; what has arrived is kept.
        """
        entry = find_entry(self.entry)
        end = _SHARE_OF_DOWNLOAD if self.name else 1.0
        there = download(entry, part(progress, 0.0, end))
        imported: dict[str, Any] = {}
        if self.name:
            made = import_of(entry, self.name).compute(part(progress, end, 1.0))
            imported = {
                "dataset": made.name,
                "description": made.description,
                "findings": made.findings,
            }
        return DownloadResult(
            files=[str(path) for path in there.files],
            n_bytes=there.n_bytes,
            unverified=list(there.unverified),
            licence=there.licence,
            **imported,
        )


def import_of(entry: Entry, name: str) -> ImportStudy:
    """Return the import of a downloaded data set, with what the catalogue knows of it.

    Args:
        entry: the data set; its download must be complete.
        name: name of the data set to make.
    """
    here = downloaded(entry)
    licence = here.licence or entry.licence or "not stated"
    settings = {
        "functional": entry.functional,
        "corrections": entry.corrections,
        "title": entry.title,
        "licence": f"{licence}; cite {entry.citation}, doi:{entry.doi}",
    }
    return ImportStudy(
        name=name,
        paths=[str(path) for path in here.files],
        dataset_kind="frames",
        settings=settings,
    )
