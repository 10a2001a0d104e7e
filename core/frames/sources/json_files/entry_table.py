"""Computed entries without structures, read as a table of formulas with their energies."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from core.errors import LabError
from core.frames.sources.json_files.documents import UNUSUAL, JsonDocuments
from core.frames.sources.json_files.entries import correction, number
from core.frames.sources.records import Record, Refused
from core.frames.tables.tabular import CellError, TableFile
from core.progress import Progress, silent

_CLASSES: Final = ("ComputedEntry", "PDEntry")
_BATCH_ROWS: Final = 8192
_HEAD: Final = 100
_COLUMNS: Final = (
    "material_id",
    "formula",
    "uncorrected_energy_per_atom",
    "corrected_energy_per_atom",
    "functional",
)


class EntryTable(TableFile):
    """Entries in JSON, one row each: id, formula, energies in eV/atom and functional."""

    def __init__(self, path: Path) -> None:
        """Read the first entries.

        Raises:
            LabError: if one cannot be read, or there is none.
        """
        self.path = path
        self._entries = _Entries(path)
        first = list(islice(self._rows(silent), _HEAD))
        if not first:
            raise LabError(f"{path.name} holds no entries that can be read; check the file.")
        # Without a single functional, the user says which it is.
        columns = zip(_COLUMNS, zip(*first, strict=True), strict=True)
        self.columns = [name for name, values in columns if any(one is not None for one in values)]

    def batches(
        self, columns: Sequence[str], progress: Progress = silent
    ) -> Iterator[pa.RecordBatch]:
        """Yield the given columns; see `TableFile.batches`."""
        rows = self._rows(progress)
        while batch := list(islice(rows, _BATCH_ROWS)):
            arrays = [pa.array([row[_COLUMNS.index(name)] for row in batch]) for name in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def where(self, row: int) -> str:
        """Return the place of an entry."""
        return f"entry {row} of {self.path.name}"

    def _rows(self, progress: Progress) -> Iterator[tuple[Any, ...]]:
        for item in self._entries.documents(progress):
            if isinstance(item, Refused):
                raise LabError(f"{item.where}: {item.why}; correct or leave it out.")
            where, key, entry = item
            try:
                yield _row(entry, key)
            except CellError as error:
                raise LabError(f"{where}: {error}; correct or leave it out.") from None
            except UNUSUAL:
                raise LabError(
                    f"{where}: it is no computed entry; correct or leave it out."
                ) from None


class _Entries(JsonDocuments):
    """Where a file has entries without structures."""

    form = "table"
    title = "computed entries without structures"
    containers = ("entries",)

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object is an entry without a structure."""
        return (
            document.get("@class", "ComputedEntry") in _CLASSES
            and isinstance(document.get("composition"), Mapping)
            and "energy" in document
            and "structure" not in document
        )

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield nothing: an entry without a structure is no record."""
        del document, where, key
        yield from ()


def entry_table(path: Path) -> EntryTable | None:
    """Return the table of a JSON file of entries without structures, None for any other file."""
    return EntryTable(path) if _Entries.recognises(path) else None


def _row(entry: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    composition, energy = entry.get("composition"), number(entry.get("energy"))
    amounts = composition if isinstance(composition, Mapping) else {}
    counts = {str(symbol): number(amount) for symbol, amount in amounts.items()}
    n_atoms = sum(filter(None, counts.values()))
    if not n_atoms or None in counts.values():
        raise CellError("its composition is no dictionary of numbers")
    if energy is None:
        raise CellError("it has no energy")
    data, parameters = entry.get("data"), entry.get("parameters")
    data = data if isinstance(data, Mapping) else {}
    parameters = parameters if isinstance(parameters, Mapping) else {}
    return (
        _text(data.get("material_id") or entry.get("entry_id") or key),
        "".join(f"{symbol}{amount:.8g}" for symbol, amount in counts.items()),
        energy / n_atoms,
        (energy + correction(entry)) / n_atoms,
        _text(parameters.get("run_type") or data.get("run_type")),
    )


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int)) and value != "" else None
