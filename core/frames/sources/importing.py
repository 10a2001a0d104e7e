"""The one import of files as a data set, and the plan of it, for page and command line."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from core import boxed
from core.errors import LabError
from core.frames.cards import check_words
from core.frames.extent import refuse_totals
from core.frames.functionals import MIXED, canonical_functional, covers
from core.frames.registry import list_datasets, new_dataset_path
from core.frames.resuming import Journal
from core.frames.schema import DFT, Card, Corrections, Frame, ImportReport
from core.frames.sources.json_files.entry_table import entry_table
from core.frames.sources.json_files.json_table import json_table
from core.frames.sources.many import ManyFiles
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import HEAD_RECORDS, RecordFrames
from core.frames.sources.records import Reading, RecordSource
from core.frames.store import write_frames
from core.frames.tables.energy_table import EnergyTable
from core.frames.tables.exported import stated_by_lab
from core.frames.tables.frame_table import FrameTable, import_frames
from core.frames.tables.guessing import Kind, TableGuess, guess
from core.frames.tables.labels import StressOrder
from core.frames.tables.mapping import (
    ImportPlan,
    functional_in_rows,
    functionals_in_rows,
    suggested_units,
)
from core.frames.tables.not_energies import without_energies
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_energies, import_pairs
from core.frames.tables.tabular import TableFile
from core.progress import Progress, silent

_IMPORTS: dict[Kind, Callable[..., Card]] = {
    "pairs": import_pairs,
    "frames": import_frames,
    "energies": import_energies,
}

AS_RECOGNISED = Reading()
"""Files are of the form that their content shows, and all of it is read."""

Paths = Path | str | Sequence[Path | str]
"""A file or folder, or several files of one form."""


@dataclass(kw_only=True, frozen=True)
class Input:
    """Files that are to be imported, recognised but not read.

    Attributes:
        source: what they hold, unless it is a table.
        table: the table.
    """

    source: RecordSource | None
    table: TableFile | None

    @property
    def title(self) -> str:
        """The form in words."""
        return "table" if self.source is None else self.source.title

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of data sets that it may become."""
        return ("pairs", "frames", "energies") if self.source is None else ("frames",)

    @cached_property
    def guess(self) -> TableGuess:
        """What its columns or keys mean by their names and first rows.

        Raises:
            LabError: if nothing can be read.
        """
        if self.table is not None:
            with boxed.reading(self.table.path):
                return guess(self.table)
        return self.records().guess

    @property
    def kind(self) -> Kind:
        """The likeliest kind."""
        return "frames" if self.table is None else self.guess.kind

    def implied_kind(
        self, fields: Mapping[str, str], *, names_one: bool, names_columns: bool
    ) -> Kind:
        """Return the kind that the file and what the user named imply.

        Args:
            fields: field to column, as the user named them.
            names_one: whether the user named the one functional of all rows.
            names_columns: whether the user named functionals of columns.

        Raises:
            LabError: if a table holds no energies.
        """
        if self.table is None:
            return "frames"
        if "energy" in fields or names_one:
            columns = {**self.guess.fields, **fields}
            return (
                "energies" if columns.get("formula") and not columns.get("structure") else "frames"
            )
        if "source" in fields or "target" in fields or names_columns:
            return "pairs"
        if not self.guess.energies:
            raise without_energies(self.table)
        return self.guess.kind

    def records(self, **settings: Any) -> RecordFrames:
        """Return the records of a source as frames; settings as of `RecordFrames`."""
        if self.source is None:
            raise LabError("A table has rows, not records; import it as a table.")
        with boxed.reading(self.source.path):
            return _records(self.source, **settings)

    def mapping(self, kind: Kind) -> dict[str, str]:
        """Return field to column or key, as guessed."""
        return self.guess.mapping(kind) if self.table is not None else self.records().mapping

    def units(self, mapping: Mapping[str, str]) -> dict[str, str]:
        """Return field to the unit that the file states or its form has, "" where not known."""
        if self.table is not None:
            with boxed.reading(self.table.path):
                return suggested_units(self.table, mapping)
        plan = self.records(mapping=mapping).plan
        return {field: unit.unit.name for field, unit in plan.units.items()}

    def functionals(self, mapping: Mapping[str, str]) -> Counter[str]:
        """Return the functionals that rows or first records name, with their numbers."""
        if self.table is None:
            found = self.records(mapping=mapping).functionals
            known = self.source.functional if self.source else None
            return found or Counter([known] if known else [])
        column = mapping.get("functional")
        with boxed.reading(self.table.path):
            return functionals_in_rows(self.table, column) if column else Counter()

    def functional(self, mapping: Mapping[str, str], kind: Kind) -> str:
        """Return the functional of frames or energies where the file says it.

        Raises:
            LabError: if it does not, or names several.
        """
        if self.table is not None:
            column = mapping.get("functional", self.guess.fields.get("functional"))
            if column:
                with boxed.reading(self.table.path):
                    return functional_in_rows(self.table, column)
            name = str(self.table.path)
        else:
            named = self.functionals(mapping)
            if len(named) == 1:
                return next(iter(named))
            if named and all(covers(MIXED, one) for one in named):
                return MIXED
            if named:
                counts = ", ".join(f"{one} ({n:,})" for one, n in named.most_common(9))
                raise LabError(
                    f"The first frames name the functionals {counts}; say which to take, as in "
                    "--functional r2SCAN."
                )
            name = str(self.source.path) if self.source else ""
        raise LabError(
            f"{name}: the functional of the {kind} is not known; give it once, as in "
            "--functional r2SCAN."
        )


def open_input(paths: Paths, reading: Reading = AS_RECOGNISED) -> Input:
    """Recognise files by their content.

    Args:
        paths: a file or folder, or several of one form.
        reading: what the user says of them.

    Raises:
        LabError: if a file cannot be opened, or is of a form that cannot be imported.
    """
    with boxed.reading(*paths_of(paths)):
        return _opened(paths_of(paths), reading)


def paths_of(paths: Paths) -> list[Path]:
    """Return the paths one by one."""
    return [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]


def _opened(every: list[Path], reading: Reading) -> Input:
    sources = [open_source(path, reading.form) for path in every]
    for opened in filter(None, sources):
        opened.choose(reading.steps, with_unconverged=reading.with_unconverged)
        opened.elements = reading.elements
    if len(every) == 1:
        source = sources[0]
        if source is not None:
            return Input(source=source, table=None)
        return Input(source=None, table=_table(every[0]))
    known = [source for source in sources if source is not None]
    if not known:
        raise LabError(
            f"The {len(every):,} files are tables, which are imported one by one; put their rows "
            "into one file, or import each as a data set of its own."
        )
    forms = {type(source) for source in known}
    if len(known) < len(every) or len(forms) != 1:
        names = ", ".join(sorted({source.title if source else "table" for source in sources}))
        raise LabError(
            f"The {len(every):,} files are not of one form ({names}); import those of each form as "
            "a data set of their own."
        )
    return Input(source=ManyFiles(known), table=None)


def _table(path: Path) -> TableFile:
    return entry_table(path) or json_table(path) or open_table(path)


def import_dataset(
    paths: Paths, kind: Kind, *, reading: Reading = AS_RECOGNISED, **settings: Any
) -> Card:
    """Import files as a new data set; settings and errors are those of its kind.

    Tables: see `import_pairs`, `import_frames` and `import_energies`. Others: see `import_records`.
    Paths and reading are those of `open_input`.
    """
    check_words(settings)
    with boxed.reading(*paths_of(paths)):
        found = open_input(paths, reading)
        if found.source is not None:
            request = {
                "paths": [str(path.absolute()) for path in paths_of(paths)],
                "kind": kind,
                "reading": asdict(reading),
                **{key: value for key, value in settings.items() if value and key != "progress"},
            }
            return import_records(found.source, request=request, **settings)
        if found.table is None or kind not in found.kinds:
            raise LabError(f"A {found.title} cannot be imported as {kind}.")
        return _IMPORTS[kind](found.table, **settings)


def import_records(
    source: RecordSource,
    *,
    name: str,
    functional: str,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    stress_order: StressOrder | None = None,
    corrections: Corrections | None = None,
    labels: str = DFT,
    licence: str = "",
    title: str = "",
    progress: Progress = silent,
    request: Mapping[str, Any] | None = None,
) -> Card:
    """Import the frames of a source.

    A frame that cannot be taken is left out; the card's report says which and why.

    Args:
        source: the source.
        name: name of the new data set.
        functional: functional of the labels; frames that name another one are left out.
        mapping: field to key, where the guess is wrong; an empty key leaves the field out.
        units: field to unit, where it is not that of the form.
        stress_order: order of six numbers of stress, where it is not that of the form.
        corrections: whether the energies contain MP2020 corrections, where the source does not
            say it.
        labels: "dft" or the name of the model that made the labels.
        licence: licence of the data.
        title: one line for people.
        progress: called with the finished share.
        request: arguments of `import_dataset`; with them an import that was ended goes on.

    Returns:
        The card of the new data set.

    Raises:
        LabError: if no frame can be taken; nothing is imported then.
    """
    directory = new_dataset_path(name)
    functional = canonical_functional(functional)
    records = _records(
        source, functional=functional, mapping=mapping, units=units, stress_order=stress_order
    )
    key = records.mapping["energy"]
    guessed = records.guess.energy(key).corrections
    # What the form says of its energies holds for no other key.
    of_form = source.corrections if source.mapping.get("energy", key) == key else None
    stated = stated_by_lab(records.file)
    origin, known = stated or (records.labels, of_form)
    card = records.card(
        kind="frames",
        name=name,
        title=title,
        functional=functional,
        labels=labels if labels != DFT else origin,
        corrections=corrections or known or guessed,
        licence=licence,
    )
    energy = records.plan.units["energy"]
    frames: Iterable[Frame | pa.RecordBatch] = records.rows(progress)
    journal = None if request is None else Journal(request, records)
    if energy.is_assumed and energy.unit.per == "atom":
        # It judges all energies at the end, and so begins again.
        frames = refuse_totals(records.frames(progress), source.path.name, read_as=energy.unit.name)
        journal = None

    before = _chosen_before(source)

    def describe(card: Card) -> Card:
        described = records.describe(card)
        choices = {
            "form": source.form,
            "keys": records.file.columns,
            "mapping": {**before.mapping, **(mapping or {})},
            "units": {**before.units, **(units or {})},
        }
        report = (described.report or ImportReport()).model_copy(update=choices)
        return described.model_copy(update={"report": report})

    return write_frames(
        directory,
        card,
        frames,
        describe=describe,
        refuse=records.refuse_frame,
        journal=journal,
    )


def _records(
    source: RecordSource,
    *,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    **settings: Any,
) -> RecordFrames:
    """Return the records of a source as frames, with what the user chose for such keys before."""
    before = _chosen_before(source)
    return RecordFrames(
        source,
        mapping={**before.mapping, **(mapping or {})},
        units={**before.units, **(units or {})},
        **settings,
    )


def _chosen_before(source: RecordSource) -> ImportReport:
    """Return the report of the latest import of the same form with the same keys."""
    head, _ = source.head(HEAD_RECORDS)
    keys = {key for record in head for key in record.values}
    imported = sorted(
        (info for info in list_datasets() if not info.embedded and info.card.report),
        key=lambda info: info.path.stat().st_mtime,
        reverse=True,
    )
    reports = (info.card.report for info in imported)
    like = (one for one in reports if one and one.form == source.form and set(one.keys) == keys)
    return next(like, ImportReport())


def plan_import(
    paths: Paths,
    kind: Kind,
    *,
    reading: Reading = AS_RECOGNISED,
    functional: str | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> ImportPlan:
    """Return what `import_dataset` would take; arguments as of its kind.

    Raises:
        LabError: if nothing can be read or what the kind needs is missing.
    """
    functional = functional and canonical_functional(functional)
    with boxed.reading(*paths_of(paths)):
        found = open_input(paths, reading)
        if found.table is None:
            return found.records(functional=functional, mapping=mapping, units=units).plan
        if kind == "frames":
            return FrameTable(found.table, mapping, functional or "", units).plan
        return EnergyTable(found.table, kind, mapping, functional=functional, units=units).plan
