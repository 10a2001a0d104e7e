"""JSON documents of one structure each, as pymatgen writes it, with labels beside it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from core.elements import SYMBOLS
from core.frames.schema import PERIODIC, Corrections
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import Element, elements
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.number_lists import joined
from core.frames.sources.records import (
    Block,
    Item,
    Packed,
    Packer,
    Place,
    Record,
    RecordSource,
    Refused,
    behind,
)
from core.frames.tables.structures import Cell, cell_from_dict, parse_structure
from core.frames.tables.tabular import CellError
from core.progress import Progress

STRUCTURE: Final = "structure"
"""Key of the structure in a document."""

Bytes = bytes | memoryview
Reader = Callable[[Bytes], dict[str, Any]]
"""Decodes a document into its values; the structure is a `Cell`."""

Packing = Callable[[Bytes], Packed | None]
"""Decodes a document that has nothing unusual."""

CORRECTED: Final = "corrected_total_energy"
UNCORRECTED: Final = "uncorrected_total_energy"
"""Keys of MPtrj's total energies with and without MP2020 corrections, eV."""

_SAME_ENERGY: Final = 1e-6
"""eV/atom by which equal energies differ at most."""
_NUMBERS: Final = {symbol: number for number, symbol in enumerate(SYMBOLS, start=1)}
_MOST_LEVELS: Final = 2
_TOGETHER: Final = 1 << 20
"""Bytes of documents that are read together, which keeps what reads them in the caches."""
_UNUSUAL: Final = (msgspec.MsgspecError, ValueError, LookupError, RecursionError)


_Vector = tuple[float, float, float]


class _Species(msgspec.Struct, gc=False):
    element: str
    occu: Annotated[float, msgspec.Meta(ge=1, le=1)] = 1.0


class _Site(msgspec.Struct, gc=False):
    species: tuple[_Species]
    abc: _Vector


class _Lattice(msgspec.Struct, gc=False):
    matrix: tuple[_Vector, _Vector, _Vector]
    pbc: tuple[bool, bool, bool] | None = None


class _Structure(msgspec.Struct, gc=False):
    """The parts of a pymatgen Structure that are read, of one whole atom per site."""

    lattice: _Lattice
    sites: list[_Site]


class TypedDocuments(RecordSource):
    """A JSON file of documents, each a structure with labels: one, a list, an object, or lines.

    Attributes:
        at: the keys that lead to the documents, see `elements`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._name = path.name

    @property
    def at(self) -> Sequence[str]:
        """The keys that lead to the documents."""
        at = document_level(json_head(self.path).value)
        return (ANY,) if at is None or json_head(self.path).is_lines else at

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the documents."""
        read = document_reader(self.keys())
        for item in elements(self.path, self.at, progress):
            yield self._record(item, read)

    def blocks(self, progress: Progress, packers: Mapping[str, Packer]) -> Iterator[Item]:
        """Yield the documents, those with nothing unusual in blocks."""
        return self.items(progress, packers, Place())

    def items(
        self, progress: Progress, packers: Mapping[str, Packer] | None, place: Place
    ) -> Iterator[Item]:
        """Yield what follows a place; documents before it are not decoded."""
        before = place.n
        found = elements(self.path, self.at, progress, first=before)
        if packers is None:
            read = document_reader(self.keys())
            yield from behind((self._record(item, read) for item in found), place, before)
        else:
            yield from behind(self._blocks(found, packers), place, before)

    def _blocks(
        self, found: Iterable[Element | Refused], packers: Mapping[str, Packer]
    ) -> Iterator[Item]:
        read = document_reader(self.keys())
        pack = document_packer(self.keys() or frozenset(), packers)
        for items in _together(found):
            packed = [self._packed(item, pack) for item in items]
            pairs = zip(items, packed, strict=True)
            for is_usual, run in groupby(pairs, lambda pair: pair[1] is not None):
                run_items, members = zip(*run, strict=True)
                records = partial(map, partial(self._record, read=read), run_items)
                if is_usual:
                    yield Block(members=members, records=records)
                else:
                    yield from records()

    def _record(self, item: Element | Refused, read: Reader) -> Record | Refused:
        if isinstance(item, Refused):
            return item
        where = self.where(item.path)
        try:
            values = read(item.data)
            cell: Cell = values.pop(STRUCTURE)
            self.complete(values, item.path)
        except CellError as error:
            return Refused(where=where, why=str(error))
        return Record(
            where=where,
            atomic_numbers=cell.atomic_numbers,
            lattice=cell.lattice,
            frac_coords=cell.frac_coords,
            pbc=cell.pbc,
            values=values,
        )

    def _packed(self, item: Element | Refused, pack: Packing) -> Packed | None:
        if isinstance(item, Refused):
            return None
        packed = pack(item.data)
        if packed is not None:
            self.complete(packed.values, item.path)
        return packed

    def keys(self) -> frozenset[str] | None:
        """Return the keys of the documents that are read, None for all."""
        return self.read_keys

    def where(self, path: Sequence[str]) -> str:
        """Return the place of a document."""
        if not path:
            return self.path.name
        what = "entry" if path[-1].isdecimal() else "frame"
        return f"{what} {'/'.join(path)} of {self._name}"

    def complete(self, values: dict[str, Any], path: Sequence[str]) -> None:
        """Add to the values of a document what the keys above it say."""


def document_level(value: Any) -> Sequence[str] | None:
    """Return the keys that lead to the documents of a file, None if it has none.

    Args:
        value: the head of the file.
    """
    level = [value]
    for depth in range(_MOST_LEVELS + 1):
        if any(map(_is_document, level)):
            return (ANY,) * depth
        level = [inner for outer in level for inner in _values(outer)]
    return None


def head_documents(value: Any) -> list[Mapping[str, Any]]:
    """Return the documents of a file's head; the last one may be cut off."""
    at = document_level(value)
    level = [] if at is None else [value]
    for _ in at or ():
        level = [inner for outer in level for inner in _values(outer)]
    return [one for one in level if _is_document(one)]


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get(STRUCTURE), (dict, str))


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def corrections_of(documents: Sequence[Mapping[str, Any]]) -> Corrections | None:
    """Return whether energy_per_atom contains MP2020 corrections, by comparison with the totals."""
    differ, is_known = False, False
    for document in documents:
        energy, total = document.get("energy_per_atom"), document.get(UNCORRECTED)
        structure = document.get(STRUCTURE)
        sites = structure.get("sites") if isinstance(structure, dict) else None
        n = len(sites) if isinstance(sites, list) else 0
        if n and isinstance(energy, float) and isinstance(total, float):
            is_known = True
            differ |= abs(energy - total / n) > _SAME_ENERGY
    if differ or any(document.get(CORRECTED) is not None for document in documents):
        return "MP2020"
    return "none" if is_known else None


def document_reader(keys: frozenset[str] | None) -> Reader:
    """Return what decodes a document.

    Args:
        keys: the keys that are needed; None for all.
    """
    if keys is None:
        return _read_any
    names = sorted(keys - {STRUCTURE})
    decoder = _decoder(names)

    def read(data: Bytes) -> dict[str, Any]:
        try:
            structure, *values = msgspec.structs.astuple(decoder.decode(data))
            return {STRUCTURE: _cell(structure), **dict(zip(names, values, strict=True))}
        except _UNUSUAL:
            return _read_any(data)

    return read


def document_packer(keys: frozenset[str], packers: Mapping[str, Packer]) -> Packing:
    """Return what decodes a document that has nothing unusual, and of any other returns None.

    Args:
        keys: the keys that are needed.
        packers: of those of arrays, what makes them bytes.
    """
    names = sorted(keys - {STRUCTURE})
    decoder = _decoder(names)
    arrays = [(key, packers[key]) for key in names if key in packers]

    def pack(data: Bytes) -> Packed | None:
        try:
            structure, *fields = msgspec.structs.astuple(decoder.decode(data))
            sites = structure.sites
            numbers = bytes([_NUMBERS[site.species[0].element] for site in sites])
        except _UNUSUAL:
            return None
        n = len(numbers)
        if not n or structure.lattice.pbc not in (None, PERIODIC):
            return None
        coords = joined([site.abc for site in sites], 3 * n)
        lattice = joined(structure.lattice.matrix, 9)
        values = dict(zip(names, fields, strict=True))
        for key, pack_array in arrays:
            value = values[key]
            if value is not None:
                values[key] = pack_array(value, n)
                if values[key] is None:
                    return None
        return Packed(numbers, coords, lattice, values)

    return pack


def _decoder(names: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of documents with a structure and keys."""
    # Fields are numbered, for keys may be anything.
    fields = [f"f{number}" for number in range(len(names))]
    kind = msgspec.defstruct(
        "Document",
        [(STRUCTURE, _Structure), *((field, Any, None) for field in fields)],
        rename=dict(zip(fields, names, strict=True)).get,
        gc=False,
    )
    return msgspec.json.Decoder(kind)


def _together(items: Iterable[Element | Refused]) -> Iterator[list[Element | Refused]]:
    """Yield some items at a time, of about a megabyte."""
    some: list[Element | Refused] = []
    size = 0
    for item in items:
        some.append(item)
        size += len(item.data) if isinstance(item, Element) else 0
        if size >= _TOGETHER:
            yield some
            some, size = [], 0
    if some:
        yield some


def _decoded(data: Bytes) -> Any:
    """Decode JSON, which may hold NaN.

    Raises:
        CellError: if it is no JSON.
    """
    try:
        return json.loads(bytes(data))
    except RecursionError:
        raise CellError("its JSON is nested too deeply") from None
    except ValueError as error:
        raise CellError(f"it is no valid JSON ({_reason(error)})") from None


def _read_any(data: Bytes) -> dict[str, Any]:
    """Decode a document with all of its keys.

    Raises:
        CellError: if it is not a document with a structure.
    """
    document = _decoded(data)
    if not isinstance(document, dict):
        raise CellError("it is not an object with a structure and labels")
    return {**document, STRUCTURE: _plain_cell(document.get(STRUCTURE))}


def _plain_cell(structure: Any) -> Cell:
    if isinstance(structure, str):
        return parse_structure(structure)
    if not isinstance(structure, dict):
        raise CellError("it has no structure")
    return cell_from_dict(structure)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} at its byte {error.pos:,}"
    return "it is not in UTF-8"


def _cell(structure: _Structure) -> Cell:
    """Return a structure as arrays.

    Raises:
        ValueError, LookupError: if it has other elements, or is not well-formed.
    """
    sites = structure.sites
    n = len(sites)
    numbers = bytes([_NUMBERS[site.species[0].element] for site in sites])
    coords = np.frombuffer(bytearray(joined([site.abc for site in sites], 3 * n)))
    pbc = structure.lattice.pbc
    return Cell(
        atomic_numbers=np.frombuffer(numbers, dtype=np.uint8),
        frac_coords=coords.reshape(n, 3),
        lattice=np.array(structure.lattice.matrix),
        pbc=PERIODIC if pbc is None else pbc,
    )
