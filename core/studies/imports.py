"""Study: the import of files as a data set, so that it is a job that outlives the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.checks.composition import table_findings
from core.frames.resuming import Interrupted, discard, interrupted
from core.frames.sources.importing import AS_RECOGNISED, import_dataset, plan_import
from core.frames.sources.records import Reading
from core.frames.tables.guessing import Kind
from core.frames.uploads import drop_upload, is_upload
from core.progress import Progress, part
from core.studies.study import OneTimeStudy, file_input

_BYTES_PER_SECOND = 2e7
_SECONDS_OF_CHECK = 3.0
_SHARE_OF_CHECK = 0.1


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class ImportResult:
    """A data set that has been imported.

    Attributes:
        name: its name.
        n: its rows.
        description: what was taken, assumed and left out.
        findings: what the check of its labels found, as sentences.
    """

    name: str
    n: int
    description: str
    findings: list[str]


class ImportStudy(OneTimeStudy):
    """The import of files as one data set.

    Attributes:
        paths: the files or the folder; uploaded ones are deleted after the import.
        dataset_kind: what they become.
        reading: how the files are read.
        settings: arguments, beside the name, of `core.frames.sources.importing.import_dataset`.
    """

    kind: ClassVar[str] = "import"
    verb: ClassVar[str] = "Importing"
    result: ClassVar[type] = ImportResult

    paths: list[str]
    dataset_kind: Kind
    reading: Reading = AS_RECOGNISED
    settings: dict[str, Any]

    @property
    def datasets(self) -> list[str]:
        """Nothing that is already here."""
        return []

    def inputs(self) -> list[str]:
        """Return size and time of each file that is still there."""
        return [file_input(Path(path)) if Path(path).exists() else "" for path in self.paths]

    def seconds(self) -> float:
        """Return the approximate time of reading and of the check of the labels."""
        size = sum(_size(Path(path)) for path in self.paths)
        check = _SECONDS_OF_CHECK if self.dataset_kind == "frames" else 0.0
        return size / _BYTES_PER_SECOND + check

    def compute(self, progress: Progress) -> ImportResult:
        """Import the files and check the labels of frames.

        Raises:
            LabError: if nothing can be imported; no data set is made then.
        """
        end = 1 - _SHARE_OF_CHECK if self.dataset_kind == "frames" else 1.0
        card = import_dataset(
            self.paths,
            self.dataset_kind,
            reading=self.reading,
            name=self.name,
            progress=part(progress, 0.0, end),
            **self.settings,
        )
        findings: list[str] = []
        if self.dataset_kind == "frames":
            # It waits for torch, which tables of energies do not need.
            from core.checks.doctor import imported_findings  # noqa: PLC0415

            chosen = {key: self.settings.get(key) for key in ("functional", "mapping", "units")}
            plan = plan_import(self.paths, self.dataset_kind, reading=self.reading, **chosen)
            units = {field: unit.unit.name for field, unit in plan.units.items()}
            checked = imported_findings(card, units, progress=part(progress, end, 1.0))
            findings = [finding.text for finding in checked]
        else:
            findings = [finding.text for finding in table_findings(card.name)]
        return ImportResult(
            name=card.name, n=card.n, description=card.description, findings=findings
        )

    @property
    def n_kept(self) -> int:
        """Number of frames behind which it goes on if it was ended, 0 where it begins again."""
        mine = [one.n for one in interrupted() if one.name == self.name]
        return max(mine, default=0)

    @classmethod
    def of_interrupted(cls, one: Interrupted) -> "ImportStudy":
        """Return the import that goes on where another one was ended."""
        settings = dict(one.settings)
        return cls(
            name=settings.pop("name"),
            paths=settings.pop("paths"),
            dataset_kind=settings.pop("kind"),
            reading=settings.pop("reading"),
            settings=settings,
        )

    def clean_up(self) -> None:
        """Delete what an ended import has written, and files uploaded for this import."""
        discard(self.name)
        for path in map(Path, self.paths):
            if is_upload(path):
                drop_upload(path)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
