"""ASE's databases in LMDB, of which OMat24 and other sets of fairchem consist."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core.frames.sources.atoms.lmdb_file import LmdbFile, is_lmdb
from core.frames.sources.atoms.rows import UNITS, parse_row, record_of_row
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress, part

_SUFFIX: Final = ".aselmdb"
_LARGEST_ROW: Final = 1 << 28
_LONGEST_GAP: Final = 1_000_000
"""Ids without a row in turn, beyond which no row is expected."""


class AseLmdb(RecordSource):
    """An ASE database in LMDB (https://gitlab.com/ase/ase-db-backends), or a folder of them.

    Every row is compressed JSON under its id, with energies in eV, forces in eV/Å, stress in eV/Å³.
    """

    form = "aselmdb"
    title = "ASE database in LMDB"
    stress_order = "ase"
    units = UNITS
    units_are_known = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is LMDB, or a folder has files of that kind."""
        if path.is_dir():
            return any(path.glob(f"**/*{_SUFFIX}"))
        return is_lmdb(head_of(path, 32))

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the rows, file by file, in the order of their ids."""
        files = sorted(self.path.glob(f"**/*{_SUFFIX}")) if self.path.is_dir() else [self.path]
        for number, file in enumerate(files):
            share = part(progress, number / len(files), (number + 1) / len(files))
            try:
                with LmdbFile(file) as database:
                    yield from _rows(database, file.name, share)
            except CellError as error:
                yield Refused(where=file.name, why=str(error))


def first_value(path: Path) -> bytes | None:
    """Return the first value of an LMDB file, None if it has none or cannot be read."""
    try:
        with LmdbFile(path) as database:
            return next((value for _, value in database.items()), None)
    except (CellError, OSError):
        return None


def _rows(database: LmdbFile, name: str, progress: Progress) -> Iterator[Record | Refused]:
    first = next((value for _, value in database.items()), b"x")
    if first[:1] != b"x":
        raise CellError("the LMDB file holds no rows of an ASE database")
    reserved = [database.get(key) is not None for key in (b"nextid", b"deleted_ids", b"metadata")]
    total = database.entries - sum(reserved)
    found = row = gap = 0
    while found < total and gap < _LONGEST_GAP:
        row += 1
        where = f"row {row} of {name}"
        try:
            data = database.get(str(row).encode())
            if data is None:
                gap += 1
                continue
            found, gap = found + 1, 0
            yield record_of_row({**_decoded(data), "id": row}, where)
        except CellError as error:
            yield Refused(where=where, why=str(error))
            gap += 1
            if "LMDB" in str(error):
                return
        if not found % 256:
            progress(found / total, f"{found:,} of {total:,} rows read")


def _decoded(data: bytes) -> dict[str, Any]:
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(data, _LARGEST_ROW)
    except zlib.error:
        raise CellError("its data are not compressed JSON") from None
    if not unpack.eof:
        raise CellError("its data break off or are too large")
    return parse_row(text)
