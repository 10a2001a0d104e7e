"""Folders of structures with a table of targets, id_prop.csv, as ALIGNN and CGCNN take them."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.structures import parse_structure
from core.frames.tables.tabular import CellError
from core.progress import Progress, report

_NAME: Final = "id_prop.csv"
_SUFFIXES: Final = ("", ".cif", ".vasp", ".poscar")
_LARGEST: Final = 1 << 24
_HEAD: Final = 1 << 12


class IdProp(RecordSource):
    """A table without a header: the name of a structure's file beside it, and targets.

    The files are POSCAR or CIF. What the targets are is not stated, so no energy is assumed.
    """

    form = "id-prop"
    title = "id_prop.csv with structures beside it"
    mapping: Mapping[str, str] = MappingProxyType({"frame_id": "id"})

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a table, or the one in a folder, names files beside it."""
        table = path / _NAME if path.is_dir() else path
        if not table.is_file():
            return False
        with table.open("rb") as file:
            line = file.read(_HEAD).decode("utf-8-sig", errors="replace").partition("\n")[0]
        name, _, targets = line.partition(",")
        return bool(targets) and _beside(table, name) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structures in the order of the table."""
        table = self.path / _NAME if self.path.is_dir() else self.path
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            n_rows = sum(1 for _ in file)
            file.seek(0)
            for number, row in enumerate(csv.reader(file), 1):
                if not row:
                    continue
                where = f"line {number} of {table.name}"
                try:
                    yield _record(table, row, where)
                except CellError as error:
                    yield Refused(where=where, why=str(error))
                report(progress, number, n_rows, f"Reading {table.name}")


def _record(table: Path, row: list[str], where: str) -> Record:
    path = _beside(table, row[0])
    if path is None:
        raise CellError(f"there is no file {row[0]!r} beside it")
    try:
        if path.stat().st_size > _LARGEST:
            raise CellError(f"{path.name} is too large for one structure")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise CellError(f"{path.name} cannot be read") from None
    cell = parse_structure(text)
    names = ["target", *(f"target_{place}" for place in range(2, len(row)))]
    values: dict[str, Any] = {"id": row[0]}
    for name, target in zip(names, row[1:], strict=False):
        try:
            values[name] = float(target)
        except ValueError:
            values[name] = target or None
    return Record(
        where=where,
        atomic_numbers=cell.atomic_numbers.astype(np.int64),
        lattice=cell.lattice,
        frac_coords=cell.frac_coords,
        pbc=cell.pbc,
        values=values,
    )


def _beside(table: Path, name: str) -> Path | None:
    """Return the file of a name in the folder of a table, None if there is none."""
    name = name.strip().strip('"')
    if not name or "/" in name or "\\" in name or name.startswith("."):
        return None
    for suffix in _SUFFIXES:
        path = table.parent / f"{name}{suffix}"
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            return None
    return None
