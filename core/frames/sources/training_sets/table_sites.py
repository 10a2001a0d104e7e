"""Tables with species, cells and coordinates as text in columns of their own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.errors import LabError
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.sources.sites import SITE_KEYS, has_sites, sites_record
from core.frames.tables.compression import head_of
from core.frames.tables.literals import looks_like_array, parse_array_text
from core.frames.tables.opening import open_table
from core.frames.tables.tabular import CellError, is_missing
from core.progress import Progress

_PARQUET: Final = b"PAR1"
_SPECIES: Final = frozenset({"species_at_sites", "atomic_numbers", "numbers", "symbols", "species"})
_PERIODIC: Final = frozenset({"pbc", "dimension_types"})
_TRUE: Final = frozenset({"true", "t", "1"})


class TableSites(RecordSource):
    """Rows of a table whose cells hold lists as text, as pandas saves columns of lists."""

    form = "table-sites"
    title = "table with columns for species, cells and coordinates"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a table has such columns, with lists in its first row."""
        head = head_of(path) if path.is_file() else b""
        # Finding the encoding of a table takes a while.
        line = head.partition(b"\n")[0].decode(errors="replace")
        if not head.startswith(_PARQUET) and not has_sites(re.findall(r"\w+", line)):
            return False
        try:
            table = open_table(path)
            if not has_sites(table.columns):
                return False
            head_row = table.head().slice(0, 1).to_pylist()[0]
        except LabError:
            return False
        keys = SITE_KEYS.intersection(table.columns) - _SPECIES
        cells = [head_row[key] for key in keys]
        return bool(cells) and all(
            isinstance(cell, str) and looks_like_array(cell) for cell in cells if cell is not None
        )

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the rows."""
        table = open_table(self.path)
        number = 0
        for batch in table.batches(table.columns, progress):
            for row in batch.to_pylist():
                number += 1
                where = f"row {number} of {self.path.name}"
                try:
                    yield _record(where, row)
                except CellError as error:
                    yield Refused(where=where, why=str(error))


def _record(where: str, row: dict[str, Any]) -> Record:
    values = {
        key: _PARSERS.get(key, _array)(value, key) if key in SITE_KEYS else _plain(value)
        for key, value in row.items()
        if not is_missing(value)
    }
    record = sites_record(where, values)
    record.values = present(record.values)
    return record


def _array(text: Any, key: str) -> Any:
    return parse_array_text(text, name=key) if isinstance(text, str) else text


def _species(text: Any, key: str) -> Any:
    symbols = re.findall("[A-Za-z]+", text) if isinstance(text, str) else []
    return symbols or _array(text, key)


def _periodic(text: Any, key: str) -> Any:
    del key
    words = re.findall(r"\w+", text) if isinstance(text, str) else []
    return [word.lower() in _TRUE for word in words] if words else None


def _plain(value: Any) -> Any:
    """Return a cell that is a number as one, others as they are."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


_PARSERS: Final[MappingProxyType[str, Callable[[Any, str], Any]]] = MappingProxyType(
    dict.fromkeys(_SPECIES, _species) | dict.fromkeys(_PERIODIC, _periodic)
)
