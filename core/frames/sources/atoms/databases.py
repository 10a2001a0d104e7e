"""ASE's databases in SQLite and JSON, and SchNetPack's, which are ASE's with units beside them."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import orjson

from core.frames.sources.atoms.rows import UNITS, parse_json, parse_row, plain, record_of_row
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import elements
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR
from core.progress import Progress

_SQLITE: Final = b"SQLite format 3\0"
_ARRAYS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "numbers": ("<i4", (-1,)),
    "positions": ("<f8", (-1, 3)),
    "cell": ("<f8", (3, 3)),
    "forces": ("<f8", (-1, 3)),
    "stress": ("<f8", (-1,)),
    "magmoms": ("<f8", (-1,)),
    "charges": ("<f8", (-1,)),
}
_COLUMNS: Final = (
    "id",
    *_ARRAYS,
    *("pbc", "energy", "free_energy", "calculator_parameters", "key_value_pairs", "data"),
)
_NO_ROW_KEYS: Final = frozenset({"ids", "nextid", "metadata"})
_LENGTHS: Final = {"ang": 1.0, "angstrom": 1.0, "a": 1.0, "å": 1.0, "bohr": BOHR, "a0": BOHR}


class AseDatabase(RecordSource):
    """An ASE database in SQLite: rows with energies in eV, forces in eV/Å, stress in eV/Å³.

    SchNetPack keeps its labels in each row's data, and their units in the metadata of the file
    (https://schnetpack.readthedocs.io/en/latest/userguide/md.html, `ASEAtomsData`).
    """

    form = "ase-db"
    title = "ASE database"
    stress_order = "ase"
    units = UNITS
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._length = 1.0
        self._has_references = False
        metadata = self._metadata()
        stated = metadata.get("_property_unit_dict")
        if isinstance(stated, dict):
            self.title = "SchNetPack database"
            self.key_units = {key: _unit(str(unit)) for key, unit in stated.items() if unit}
            self._length = _LENGTHS.get(str(metadata.get("_distance_unit", "Ang")).lower(), 1.0)
            self._has_references = bool(metadata.get("atomrefs"))
            if "energy_U0" in stated:
                self.mapping = {"energy": "energy_U0"}

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is a SQLite database with ASE's table of systems."""
        if not head_of(path, len(_SQLITE)).startswith(_SQLITE):
            return False
        try:
            with closing(_connect(path)) as connection:
                return _has_systems(connection)
        except sqlite3.Error:
            return True  # damaged, which its records then say

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the rows."""
        name, done = self.path.name, 0
        try:
            with closing(_connect(self.path)) as connection:
                names = [row[1] for row in connection.execute("PRAGMA table_info(systems)")]
                columns = [name for name in _COLUMNS if name in names]
                (total,) = connection.execute("SELECT count(*) FROM systems").fetchone()
                rows = connection.execute(f"SELECT {', '.join(columns)} FROM systems ORDER BY id")  # noqa: S608
                for done, values in enumerate(rows, start=1):
                    row = dict(zip(columns, values, strict=True))
                    where = f"row {row.get('id', done)} of {name}"
                    try:
                        yield record_of_row(_decoded(row), where, length=self._length)
                    except CellError as error:
                        yield Refused(where=where, why=str(error))
                    if not done % 256:
                        progress(done / max(total, 1), f"{done:,} of {total:,} rows read")
        except sqlite3.Error as error:
            yield Refused(
                where=f"{name} after {done:,} rows",
                why=f"the database is damaged ({str(error)[:80]})",
            )

    def notes(self) -> list[str]:
        """Return that energies of atoms in the file are not used."""
        if not self._has_references:
            return []
        return ["The file holds energies of single atoms (atomrefs), which are not used."]

    def _metadata(self) -> Mapping[str, Any]:
        try:
            with closing(_connect(self.path)) as connection:
                query = "SELECT value FROM information WHERE name = 'metadata'"
                (text,) = connection.execute(query).fetchone() or ("{}",)
                value = orjson.loads(text)
        except (sqlite3.Error, orjson.JSONDecodeError, TypeError):
            return {}
        return value if isinstance(value, dict) else {}


class AseJson(RecordSource):
    """An ASE database in JSON, or what `ase.io.write` writes to a file of JSON."""

    form = "ase-json"
    title = "ASE database in JSON"
    stress_order = "ase"
    units = UNITS
    units_are_known = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file is an object of rows with numbers and positions as ASE writes."""
        value = json_head(path).value
        if not isinstance(value, dict):
            return False
        rows = [row for key, row in value.items() if key not in _NO_ROW_KEYS]
        return bool(rows) and all(
            isinstance(row, dict)
            and {"numbers", "positions"} & row.keys() != set()
            and {"unique_id", "ctime", "mtime", "user", "cell"} & row.keys() != set()
            for row in rows[:2]
        )

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the rows."""
        for item in elements(self.path, progress=progress):
            if isinstance(item, Refused):
                yield item
                continue
            (key,) = item.path
            if key in _NO_ROW_KEYS:
                continue
            where = f"row {key} of {self.path.name}"
            try:
                row = parse_row(bytes(item.data))
                yield record_of_row({**row, "id": row.get("id", key)}, where)
            except CellError as error:
                yield Refused(where=where, why=str(error))


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database so that nothing beside it is written."""
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)


def _has_systems(connection: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'systems'"
    return bool(connection.execute(query).fetchone()[0])


def _unit(text: str) -> str:
    """Return a unit in the spelling of the lab: SchNetPack calls Å Ang and divides with strokes."""
    return text.replace("Ang", "Å") if "Angstrom" not in text else text


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its arrays and objects.

    Raises:
        CellError: if one of them cannot be decoded.
    """
    decoded = dict(row)
    for key, (dtype, shape) in _ARRAYS.items():
        if (blob := row.get(key)) is not None:
            decoded[key] = _array(key, blob, dtype, shape)
    if isinstance(pbc := row.get("pbc"), int):
        decoded["pbc"] = [bool(pbc & bit) for bit in (1, 2, 4)]
    for key in ("calculator_parameters", "key_value_pairs", "data"):
        value = row.get(key)
        if isinstance(value, str):
            decoded[key] = plain(parse_json(value))
        elif isinstance(value, bytes):
            decoded[key] = _object(value)
    return decoded


def _array(key: str, blob: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        return np.frombuffer(blob, dtype).reshape(shape)
    except (ValueError, TypeError):
        raise CellError(f"its {key} cannot be decoded") from None


def _object(data: bytes) -> Any:
    """Decode an object as `ase.db.core.object_to_bytes` writes it: arrays, then JSON."""
    try:
        begin = int(np.frombuffer(data[:8], "<i8")[0])
        return _with_arrays(orjson.loads(data[begin:]), data)
    except (ValueError, TypeError, IndexError, RecursionError):
        raise CellError("its data cannot be decoded") from None


def _with_arrays(value: Any, data: bytes) -> Any:
    if isinstance(value, list):
        return [_with_arrays(one, data) for one in value]
    if not isinstance(value, dict):
        return value
    if (parts := value.get("__ndarray__")) is not None:
        shape, name, begin = parts
        dtype = np.dtype(name).newbyteorder("<")
        if dtype.kind not in "ifbu":
            raise ValueError(name)
        end = begin + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(data[begin:end], dtype).reshape(shape)
    return {key: _with_arrays(one, data) for key, one in value.items()}
