"""LMDB files, read without mapping them: the library dies of SIGBUS on one that is damaged.

Layout: https://github.com/LMDB/lmdb, `mdb.c` (MDB_meta, MDB_db, MDB_page, MDB_node), version 1, in
the byte order of the machine that wrote it, which is little-endian on all that matter.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

from core.frames.tables.tabular import CellError

_MAGIC: Final = 0xBEEFC0DE
_PAGE_SIZES: Final = tuple(1 << power for power in range(9, 17))
_BRANCH, _LEAF, _OVERFLOW, _LEAF2 = 0x01, 0x02, 0x04, 0x20
_IS_BIG, _IS_DATABASE, _HAS_DUPLICATES = 0x01, 0x02, 0x04
_HEADER: Final = struct.Struct("<QHHHH")
_META: Final = struct.Struct("<II16xI44x4xHHQQQQQQQ")
_NODE: Final = struct.Struct("<HHHH")
_DEEPEST: Final = 32
_NO_PAGE: Final = (1 << 64) - 1
_CIRCLE: Final = "the LMDB file is damaged: its pages refer to each other in a circle"
_CACHED_PAGES: Final = 256


class _Node(NamedTuple):
    key: bytes
    low: int
    flags: int
    begin: int


class LmdbFile:
    """The one unnamed database of an LMDB file.

    Attributes:
        entries: number of its keys.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            CellError: if it is no LMDB file of version 1, or cut off.
        """
        self._file: BinaryIO = path.open("rb")
        self._size = path.stat().st_size
        metas = [meta for size in (0, *_PAGE_SIZES) if (meta := self._meta(size))]
        if not metas:
            self._file.close()
            raise CellError("it is not an LMDB file of version 1")
        (self._page_size, self.entries, self._root, last_page, _) = max(
            metas, key=lambda meta: meta[-1]
        )
        if (last_page + 1) * self._page_size > self._size:
            self._file.close()
            raise CellError(
                f"the LMDB file breaks off: it should have {last_page + 1:,} pages, but has "
                f"{self._size // self._page_size:,}"
            )
        self._nodes = lru_cache(maxsize=_CACHED_PAGES)(self._read_nodes)

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._file.close()

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None if there is none.

        Raises:
            CellError: if the file is damaged where it should be.
        """
        page = self._root
        for _ in range(_DEEPEST):
            if page == _NO_PAGE:
                return None
            is_branch, nodes, data = self._nodes(page)
            place = _bisect(nodes, key, first=int(is_branch))
            if is_branch:
                node = nodes[max(place - 1, 0)]
                page = node.low | node.flags << 32
                continue
            if place < len(nodes) and nodes[place].key == key:
                return self._value(nodes[place], data)
            return None
        raise CellError(_CIRCLE)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values in the order of the keys.

        Raises:
            CellError: if the file is damaged.
        """
        pages = [] if self._root == _NO_PAGE else [self._root]
        n_seen = 0
        while pages:
            n_seen += 1
            if n_seen > self._size // self._page_size:
                raise CellError(_CIRCLE)
            is_branch, nodes, data = self._nodes(pages.pop())
            if is_branch:
                pages += [node.low | node.flags << 32 for node in reversed(nodes)]
                continue
            for node in nodes:
                if not node.flags & _IS_DATABASE:
                    yield node.key, self._value(node, data)

    def _meta(self, place: int) -> tuple[int, int, int, int, int] | None:
        self._file.seek(place)
        data = self._file.read(16 + _META.size)[16:]
        if len(data) < _META.size:
            return None
        magic, version, size, _, _, _, _, _, entries, root, last, txn = _META.unpack(data)
        if magic != _MAGIC or version != 1 or size not in _PAGE_SIZES or place not in {0, size}:
            return None
        return size, entries, root, last, txn

    def _read(self, place: int, size: int) -> bytes:
        if place + size > self._size:
            raise CellError("the LMDB file is damaged: it refers to a place behind its end")
        self._file.seek(place)
        return self._file.read(size)

    def _read_nodes(self, page: int) -> tuple[bool, list[_Node], bytes]:
        data = self._read(page * self._page_size, self._page_size)
        _, _, flags, lower, upper = _HEADER.unpack_from(data)
        is_branch = bool(flags & _BRANCH)
        if not flags & (_BRANCH | _LEAF) or flags & _LEAF2 or not 16 <= lower <= upper <= len(data):
            raise CellError("the LMDB file is damaged: one of its pages is of another kind")
        nodes = []
        for (place,) in struct.iter_unpack("<H", data[16 : lower - lower % 2]):
            if place + _NODE.size > len(data):
                raise CellError("the LMDB file is damaged: an entry lies outside its page")
            low, high, flags, size = _NODE.unpack_from(data, place)
            begin = place + _NODE.size + size
            nodes.append(_Node(data[place + _NODE.size : begin], low | high << 16, flags, begin))
        if is_branch and not nodes:
            raise CellError("the LMDB file is damaged: one of its pages is empty")
        return is_branch, nodes, data

    def _value(self, node: _Node, data: bytes) -> bytes:
        if node.flags & (_IS_DATABASE | _HAS_DUPLICATES):
            raise CellError("a key of the LMDB file holds several values")
        if not node.flags & _IS_BIG:
            return data[node.begin : node.begin + node.low]
        (page,) = struct.unpack_from("<Q", data[node.begin : node.begin + 8].ljust(8, b"\0"))
        _, _, flags, _, _ = _HEADER.unpack(self._read(page * self._page_size, _HEADER.size))
        if not flags & _OVERFLOW:
            raise CellError("the LMDB file is damaged: one of its pages is of another kind")
        return self._read(page * self._page_size + 16, node.low)


def is_lmdb(head: bytes) -> bool:
    """Return whether a file begins as an LMDB file."""
    return head[16:20] == struct.pack("<I", _MAGIC)


def _bisect(nodes: list[_Node], key: bytes, *, first: int) -> int:
    """Return the first place whose key is not smaller; for branches the first that is larger."""
    low, high = first, len(nodes)
    while low < high:
        middle = (low + high) // 2
        if nodes[middle].key < key or (first and nodes[middle].key == key):
            low = middle + 1
        else:
            high = middle
    return low
