"""JSON documents of one structure each, as pymatgen writes it, with labels beside it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import numpy as np

from core.elements import SYMBOLS
from core.frames.schema import PERIODIC, Corrections
from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.stream import elements
from core.frames.sources.json_files.walk import ANY
from core.frames.sources.number_lists import array_of
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.structures import Cell, cell_from_dict
from core.frames.tables.tabular import CellError
from core.progress import Progress

STRUCTURE: Final = "structure"
"""Key of the structure in a document."""

Bytes = bytes | memoryview
Reader = Callable[[Bytes], dict[str, Any]]
"""Decodes a document into its values; the structure is a `Cell`."""

CORRECTED: Final = "corrected_total_energy"
UNCORRECTED: Final = "uncorrected_total_energy"
"""Keys of MPtrj's total energies with and without MP2020 corrections, eV."""

_SAME_ENERGY: Final = 1e-6
"""eV/atom by which equal energies differ at most."""
_NUMBERS: Final = {symbol: number for number, symbol in enumerate(SYMBOLS, start=1)}
_MOST_LEVELS: Final = 2
_UNUSUAL: Final = (msgspec.MsgspecError, ValueError, LookupError, RecursionError)


class _Species(msgspec.Struct, gc=False):
    element: str
    occu: Annotated[float, msgspec.Meta(ge=1, le=1)] = 1.0


class _Site(msgspec.Struct, gc=False):
    species: tuple[_Species]
    abc: list[float]


class _Lattice(msgspec.Struct, gc=False):
    matrix: list[list[float]]
    pbc: list[bool] | None = None


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
            if isinstance(item, Refused):
                yield item
                continue
            where = self.where(item.path)
            try:
                values = read(item.data)
                cell: Cell = values.pop(STRUCTURE)
                self.complete(values, item.path)
            except CellError as error:
                yield Refused(where=where, why=str(error))
                continue
            yield Record(
                where=where,
                atomic_numbers=cell.atomic_numbers,
                lattice=cell.lattice,
                frac_coords=cell.frac_coords,
                pbc=cell.pbc,
                values=values,
            )

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
    return isinstance(value, dict) and isinstance(value.get(STRUCTURE), dict)


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
    # Fields are numbered, for keys may be anything.
    fields = [f"f{number}" for number in range(len(names))]
    kind = msgspec.defstruct(
        "Document",
        [(STRUCTURE, _Structure), *((field, Any, None) for field in fields)],
        rename=dict(zip(fields, names, strict=True)).get,
        gc=False,
    )
    decoder = msgspec.json.Decoder(kind)

    def read(data: Bytes) -> dict[str, Any]:
        try:
            structure, *values = msgspec.structs.astuple(decoder.decode(data))
            return {STRUCTURE: _cell(structure), **dict(zip(names, values, strict=True))}
        except _UNUSUAL:
            return _read_any(data)

    return read


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
    coords = array_of([site.abc for site in sites], (n, 3))
    lattice = array_of(structure.lattice.matrix, (3, 3))
    if coords is None or lattice is None:
        raise ValueError("shape")
    pbc = structure.lattice.pbc
    return Cell(
        atomic_numbers=np.frombuffer(numbers, dtype=np.uint8),
        frac_coords=coords,
        lattice=lattice,
        pbc=PERIODIC if pbc is None or pbc == [True] * 3 else _three(pbc),
    )


def _three(pbc: Sequence[bool]) -> tuple[bool, bool, bool]:
    x, y, z = pbc
    return x, y, z
