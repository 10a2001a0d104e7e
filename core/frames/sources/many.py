"""Several files of one form as one source."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from core.errors import LabError
from core.frames.sources.records import Item, Packer, Record, RecordSource, Refused
from core.progress import Progress, part

_T = TypeVar("_T")


class ManyFiles(RecordSource):
    """The frames of several files, one file after the other.

    What the form defines is that of the first file. A file of which nothing can be read is refused
    as a whole, and the next one is read.
    """

    form = "many"
    title = "several files"

    def __init__(self, sources: Sequence[RecordSource]) -> None:
        first = sources[0]
        super().__init__(first.path.parent if len(sources) > 1 else first.path)
        self.sources = sources
        self.title = f"{len(sources):,} files, {first.title}"
        self.mapping = first.mapping
        self.units = first.units
        self.key_units = first.key_units
        self.units_are_known = first.units_are_known
        self.stress_order = first.stress_order
        self.has_steps = first.has_steps
        self.has_types = first.has_types
        functionals = {source.functional for source in sources}
        self.functional = functionals.pop() if len(functionals) == 1 else None
        self.corrections = first.corrections
        self.labels = first.labels

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; the elements of types are those of every file."""
        super().__setattr__(name, value)
        if name == "elements":
            for source in self.sources:
                source.elements = self.elements

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return False: a user names several files."""
        del path
        return False

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames of all files."""
        return self._each(progress, lambda source, share: source.records(share))

    def blocks(self, progress: Progress, packers: Mapping[str, Packer]) -> Iterator[Item]:
        """Yield the frames of all files, those with nothing unusual in blocks."""
        return self._each(progress, lambda source, share: source.blocks(share, packers))

    def _each(
        self, progress: Progress, read: Callable[[RecordSource, Progress], Iterator[_T]]
    ) -> Iterator[_T | Refused]:
        total = sum(_size(source.path) for source in self.sources) or 1
        done = 0
        for source in self.sources:
            size = _size(source.path)
            share = part(
                progress, done / total, (done + size) / total, prefix=f"{source.path.name}: "
            )
            source.read_keys = self.read_keys
            try:
                yield from read(source, share)
            except LabError as error:
                yield Refused(where=source.path.name, why=str(error).rstrip("."))
            done += size

    def notes(self) -> list[str]:
        """Return the notes of all files, each once."""
        return list(dict.fromkeys(note for source in self.sources for note in source.notes()))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 1
