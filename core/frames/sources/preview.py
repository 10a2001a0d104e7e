"""What files hold, as the dashboard shows it before their import: read in another process.

The dashboard asks here, and a process that may be ended opens the files; what comes back are plain
values. That process keeps the files that it opened last, so that further questions are quick.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.boxed import ask
from core.boxed import reading as reading_of
from core.frames.schema import Corrections
from core.frames.sources import importing
from core.frames.sources.importing import AS_RECOGNISED, Input
from core.frames.sources.opening import open_source
from core.frames.sources.records import Reading
from core.frames.tables.guessing import Kind, TableGuess
from core.frames.tables.mapping import ImportPlan

Paths = tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What a form leaves to the user.

    Attributes:
        has_steps: whether the steps of calculations can be chosen.
        has_types: whether it may have numbers of types instead of elements.
    """

    has_steps: bool = False
    has_types: bool = False


@dataclass(kw_only=True, frozen=True)
class Preview:
    """Files that are recognised, and what their first rows or frames say.

    Attributes:
        paths: the files.
        reading: what the user says of them.
        title: their form in words.
        kinds: kinds of data sets that they may become.
        kind: the likeliest.
        is_table: whether they are a table.
        units_are_known: whether the form defines its units.
        labels: origin of the labels, None where the form does not say it.
        corrections: whether energies contain MP2020 corrections, None where it is not known.
        guess: what columns or keys mean.
        mappings: of each kind, field to column or key.
    """

    paths: Paths
    reading: Reading
    title: str
    kinds: tuple[Kind, ...]
    kind: Kind
    is_table: bool
    units_are_known: bool
    labels: str | None
    corrections: Corrections | None
    guess: TableGuess
    mappings: Mapping[Kind, dict[str, str]]

    def units(self, mapping: Mapping[str, str]) -> dict[str, str]:
        """Return field to the unit that the files state, "" where not known."""
        return ask(_units, self.paths, self.reading, dict(mapping))

    def functionals(self, mapping: Mapping[str, str]) -> Counter[str]:
        """Return the functionals that rows or first frames name, with their numbers."""
        return ask(_functionals, self.paths, self.reading, dict(mapping))


def preview(paths: Paths, reading: Reading = AS_RECOGNISED) -> Preview:
    """Recognise files in another process.

    Raises:
        LabError: if they cannot be imported, or take too much time or memory to be read.
    """
    return ask(_preview, paths, reading)


def choices(path: str, form: str | None) -> Choices:
    """Return what the form of a file, or the one that the user names, leaves to choose.

    Raises:
        LabError: if it is never read.
    """
    return ask(_choices, path, form)


def plan(
    paths: Paths,
    kind: Kind,
    reading: Reading,
    functional: str | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> ImportPlan:
    """Return what an import would take; see `importing.plan_import`."""
    return ask(
        importing.plan_import,
        paths,
        kind,
        reading=reading,
        functional=functional,
        mapping=mapping,
        units=units,
    )


def _preview(paths: Paths, reading: Reading) -> Preview:
    found = _opened(paths, reading, _times(paths))
    source = found.source
    records = found.records() if source else None
    return Preview(
        paths=paths,
        reading=reading,
        title=found.title,
        kinds=found.kinds,
        kind=found.kind,
        is_table=found.table is not None,
        units_are_known=source is not None and source.units_are_known,
        labels=records.labels if records else None,
        corrections=source.corrections if source else None,
        guess=records.guess if records else found.guess,
        mappings={kind: found.mapping(kind) for kind in found.kinds},
    )


def _choices(path: str, form: str | None) -> Choices:
    with reading_of(path):
        source = open_source(path, form)
    if source is None:
        return Choices()
    return Choices(has_steps=source.has_steps, has_types=source.has_types)


def _units(paths: Paths, reading: Reading, mapping: dict[str, str]) -> dict[str, str]:
    return _opened(paths, reading, _times(paths)).units(mapping)


def _functionals(paths: Paths, reading: Reading, mapping: dict[str, str]) -> Counter[str]:
    return _opened(paths, reading, _times(paths)).functionals(mapping)


@lru_cache(maxsize=4)
def _opened(paths: Paths, reading: Reading, times: tuple[int, ...]) -> Input:  # noqa: ARG001
    return importing.open_input(paths, reading)


def _times(paths: Paths) -> tuple[int, ...]:
    """Return when the files were changed, which tells contents of one name apart."""
    return tuple(Path(path).stat().st_mtime_ns for path in paths)
