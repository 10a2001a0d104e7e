"""Several files of one form as one source."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from core.errors import LabError
from core.frames.sources.records import Item, Packer, Place, Record, RecordSource, Refused
from core.frames.vasp.folders import materials_of
from core.progress import Progress, part

_MATERIAL = "material"
"""Key of the material of a file that is one calculation."""


class ManyFiles(RecordSource):
    """The frames of several files, one file after the other.

    What the form defines is that of the first file. A file of which nothing can be read is refused
    as a whole, and the next one is read. Where a file is one calculation, its steps are of one
    material, which its folder or itself names.
    """

    form = "many"
    title = "several files"

    def __init__(self, sources: Sequence[RecordSource]) -> None:
        first = sources[0]
        super().__init__(first.path.parent.resolve() if len(sources) > 1 else first.path)
        self.sources = sources
        self._notes: list[str] = []
        self._materials: list[str] = []
        self.title = f"{len(sources):,} files, {first.title}"
        self.mapping = first.mapping
        if first.is_calculation and "material_id" not in first.mapping:
            self._materials = materials_of([source.path for source in sources])
            self.mapping = {**first.mapping, "material_id": _MATERIAL}
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
        for item in self.items(progress, None, Place()):
            if isinstance(item, (Record, Refused)):
                yield item

    def blocks(self, progress: Progress, packers: Mapping[str, Packer]) -> Iterator[Item]:
        """Yield the frames of all files, those with nothing unusual in blocks."""
        return self.items(progress, packers, Place())

    def items(
        self, progress: Progress, packers: Mapping[str, Packer] | None, place: Place
    ) -> Iterator[Item]:
        """Yield what follows a place; files before it are not opened."""
        sizes = [_size(source.path) for source in self.sources]
        total = sum(sizes) or 1
        for number in range(place.part, len(self.sources)):
            place.part = number
            source, size = self.sources[number], sizes[number]
            done = sum(sizes[:number])
            share = part(
                progress, done / total, (done + size) / total, prefix=f"{source.path.name}: "
            )
            source.read_keys = self.read_keys
            try:
                for item in source.items(share, packers, place):
                    if self._materials and isinstance(item, Record):
                        item.values[_MATERIAL] = self._materials[number]
                    yield item
            except LabError as error:
                place.n += 1
                yield Refused(where=source.path.name, why=str(error).rstrip("."))
            place.n = 0
            place.seen |= dict.fromkeys(source.notes(), 1)
        self._notes = list(place.seen)

    def notes(self) -> list[str]:
        """Return the notes of all files, each once."""
        return self._notes


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 1
