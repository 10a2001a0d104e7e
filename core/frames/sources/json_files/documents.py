"""JSON that holds documents, one per structure or calculation, in any of the usual layouts.

A layout is a list, an object by id, one document per line, a list or an object under a key, a
column or the rows of a pandas table, or a single document. Which one it is follows from the head of
the file.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import orjson

from core.errors import LabError
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import elements
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, open_bytes
from core.frames.tables.structures import cell_from_dict, parse_structure
from core.frames.tables.tabular import CellError
from core.progress import Progress

UNUSUAL: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What reading a document raises that has the keys of a form and something else below them."""

Test = Callable[[Mapping[str, Any]], bool]

_MOST_DIGITS: Final = 300
_FARTHEST: Final = 1 << 26
"""Bytes of a file in which a column of documents is looked for behind other columns."""


class JsonDocuments(RecordSource):
    """A file of JSON documents of one form.

    Attributes:
        containers: keys under which a file may hold the documents beside others that it does not.
    """

    containers: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the head of a JSON file shows a document of this form."""
        return cls.layout(path) is not None

    @classmethod
    @abstractmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object, which may be cut off, is a document of this form."""

    @abstractmethod
    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield what a document holds.

        Args:
            document: the document.
            where: its place.
            key: its key in the file, "" in a list.

        Raises:
            CellError: if it cannot be taken.
        """

    @classmethod
    def layout(cls, path: Path) -> tuple[str, ...] | None:
        """Return the keys that lead to the documents, as of `elements`; None without any."""
        head = json_head(path)
        if not head.is_json:
            return None
        if head.is_lines:
            return (ANY,) if _is(head.value, cls.is_document) else None
        if _is(_split_row(head.value), cls.is_document):
            return "data", ANY
        at = place_of(head.value, cls.is_document, cls.containers)
        if at is None and not head.is_whole and _is_column(head.value):
            return _column_behind(path, cls.containers)
        return at

    def first_document(self) -> Mapping[str, Any]:
        """Return the first document as far as the head of the file shows it."""
        head = json_head(self.path)
        if row := _split_row(head.value):
            return row
        value = head.value
        for step in () if head.is_lines else self.layout(self.path) or ():
            value = _first(value) if step == ANY else value.get(step)
        return value if isinstance(value, Mapping) else {}

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield what the documents hold, one document after the other."""
        for item in self.documents(progress):
            if isinstance(item, Refused):
                yield item
                continue
            where, key, document = item
            try:
                yield from self.read(document, where, key)
            except CellError as error:
                yield Refused(where=where, why=str(error))
            except UNUSUAL:
                yield Refused(where=where, why=f"its content is not that of {self.title}")

    def documents(
        self, progress: Progress
    ) -> Iterator[tuple[str, str, Mapping[str, Any]] | Refused]:
        """Yield place, key ("" in a list) and content of every document.

        Raises:
            LabError: if the file holds none.
        """
        at = self.layout(self.path)
        if at is None:
            raise self.without_frames()
        head = json_head(self.path)
        keys_are_ids = not head.is_lines and _is_by_key(head.value, at)
        columns = list(_split_row(head.value))
        number = -1
        for item in elements(self.path, at, progress):
            if isinstance(item, Refused):
                yield item
                continue
            if at == (ANY, ANY) and item.data[:1] not in {b"{", b"["}:
                continue  # a value beside the documents
            number += 1
            key = item.path[-1] if keys_are_ids and item.path else ""
            where = f"entry {key!r}" if key else f"entry {number}"
            where = f"{where} of {self.path.name}" if at else self.path.name
            try:
                yield where, key, _document(item.data, columns)
            except CellError as error:
                yield Refused(where=where, why=str(error))

    def without_frames(self) -> LabError:
        """Return the error for a file without any document of this form."""
        return LabError(
            f"{self.path.name} holds no {self.title}; check the file, or leave out its form so "
            "that it is recognised."
        )


def place_of(value: Any, test: Test, containers: Sequence[str] = ()) -> tuple[str, ...] | None:
    """Return where in the head of a file the documents lie, as `elements` takes it.

    Args:
        value: the head.
        test: whether an object is a document.
        containers: keys of which only what stands below counts.
    """
    if isinstance(value, list):
        return (ANY,) if _is(_first(value), test) else None
    if not isinstance(value, Mapping):
        return None
    if test(value):
        return ()
    for key in containers:
        if _is(_first(value.get(key)), test):
            return key, ANY
    if _is(_first(value), test):
        return (ANY,)
    is_below = any(_is(_first(below), test) for below in value.values())
    return (ANY, ANY) if is_below else None


def decoded(data: bytes | memoryview) -> Any:
    """Return JSON, in which numbers that are not finite may stand, as Python writes them.

    Raises:
        CellError: if it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(bytes(data), parse_int=_whole_number)
        except (ValueError, RecursionError):
            raise CellError("it is not valid JSON") from None


def _whole_number(text: str) -> float:
    """Return an integer, infinite where it is beyond any floating-point number."""
    return int(text) if len(text) < _MOST_DIGITS else float("inf")


def structure_record(
    structure: Any, where: str, values: Mapping[str, Any], *, frame: Mapping[str, Any] | None = None
) -> Record:
    """Return a pymatgen structure with labels as a record.

    Args:
        structure: the dictionary of a pymatgen Structure, or a text of it, CIF or POSCAR. Its
            properties and those of its sites, such as forces and magmoms, are values too.
        where: its place.
        values: labels, which win over properties of the same name.
        frame: further values that give way to all others.

    Raises:
        CellError: if it is no structure, is disordered, or has an element beyond Pu.
    """
    if isinstance(structure, str):
        cell, structure = parse_structure(structure), {}
    elif isinstance(structure, Mapping):
        cell = cell_from_dict(structure)
    else:
        raise CellError("it has no structure")
    own = structure.get("properties")
    try:
        of_sites = site_values(structure.get("sites", ()))
    except UNUSUAL:
        raise CellError("the properties of the structure's sites are no dictionaries") from None
    return Record(
        where=where,
        atomic_numbers=cell.atomic_numbers.astype(np.int64),
        lattice=cell.lattice,
        frac_coords=cell.frac_coords,
        pbc=cell.pbc,
        values={
            **(frame or {}),
            **of_sites,
            **(own if isinstance(own, Mapping) else {}),
            **values,
        },
    )


def site_values(sites: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the properties that every site has, as lists: forces, magmoms and others."""
    properties = [site.get("properties") or {} for site in sites]
    first = properties[0] if properties else {}
    names = [name for name in first if all(name in one for one in properties)]
    found: dict[str, Any] = {}
    for name in names:
        column = [one[name] for one in properties]
        if name == "magmom" and any(type(value) is not float for value in column):
            column = [_moment(value) for value in column]
        if any(value is None for value in column):
            continue
        found[name] = column
    return found


def looks_like_structure(value: Any) -> bool:
    """Return whether an object, which may be cut off, is a pymatgen structure."""
    if not isinstance(value, Mapping):
        return False
    if value.get("@class") in ("Structure", "IStructure", "Molecule"):
        return True
    lattice = value.get("lattice")
    return isinstance(lattice, Mapping) and ("matrix" in lattice or "sites" in value)


def _moment(value: Any) -> Any:
    """Return a magnetic moment as a number: of a vector its length."""
    if isinstance(value, Mapping):
        value = value.get("moment")
    if isinstance(value, list):
        return float(np.linalg.norm(value))
    return value


def _document(data: bytes | memoryview, columns: Sequence[str]) -> Mapping[str, Any]:
    """Return a document, of a table's row by its columns."""
    document = decoded(data)
    if columns and isinstance(document, list) and len(document) == len(columns):
        document = dict(zip(columns, document, strict=True))
    if not isinstance(document, Mapping):
        raise CellError("it is not an object")
    return document


def _is_by_key(value: Any, at: Sequence[str]) -> bool:
    """Return whether documents are the values of an object rather than of a list."""
    for step in at[:-1]:
        value = _first(value) if step == ANY else value.get(step)
    return bool(at) and isinstance(value, Mapping)


def _split_row(value: Any) -> dict[str, Any]:
    """Return the first row of a pandas table of the orientation "split", {} for anything else."""
    if not isinstance(value, Mapping):
        return {}
    columns, row = value.get("columns"), _first(value.get("data"))
    if not isinstance(columns, list) or not isinstance(row, list):
        return {}
    # What follows a long structure may be cut off.
    return dict(zip(map(str, columns), [*row, *[None] * len(columns)], strict=False))


def _is_column(value: Any) -> bool:
    """Return whether an object begins with a column of single values by row."""
    column = next(iter(value.values()), None) if isinstance(value, Mapping) else None
    return isinstance(column, Mapping) and not isinstance(_first(column), (Mapping, list))


def _column_behind(path: Path, names: Sequence[str]) -> tuple[str, ...] | None:
    """Return where documents lie that follow long columns of ids, None if that is nowhere near."""
    if not names:
        return None
    pattern = re.compile(rb'"(' + "|".join(names).encode() + rb')"\s*:\s*\{\s*"[^"]*"\s*:\s*\{')
    rest, done = b"", 0
    try:
        with open_bytes(path) as stream:
            while done < _FARTHEST and (part := stream.read(1 << 20)):
                match = pattern.search(rest + part)
                if match:
                    return match[1].decode(), ANY
                rest = part[-200:]
                done += len(part)
    except (BrokenStreamError, OSError):
        pass
    return None


def _is(value: Any, test: Test) -> bool:
    return isinstance(value, Mapping) and test(value)


def _first(value: Any) -> Any:
    """Return the first element of a list or an object."""
    if isinstance(value, list):
        return value[0] if value else None
    return next(iter(value.values()), None) if isinstance(value, Mapping) else None
