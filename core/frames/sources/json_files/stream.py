"""Large JSON files as a stream of their elements, each as its bytes with the keys above it.

The caller decodes what an element holds. Memory holds a chunk of the file and its
largest element.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from core.frames.sources.json_files.head import json_head
from core.frames.sources.json_files.walk import ANY, CUT_OFF, MalformedError, Walk, next_bracket
from core.frames.sources.records import Refused
from core.frames.tables.compression import BrokenStreamError, ByteStream, open_bytes
from core.progress import Progress, silent

CHUNK: Final = 1 << 20
"""Bytes that are looked at together."""

LARGEST: Final = 1 << 26
"""Bytes of the largest element that is read; a structure of 200,000 atoms is smaller."""

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_QUOTE: Final = 2
_CLASSES: Final = bytes(
    {"{": 1, "[": 1, "}": 255, "]": 255, '"': 2}.get(chr(code), 0) for code in range(256)
)
_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")


class Element(NamedTuple):
    """One element of a JSON file.

    Attributes:
        path: the keys above it, the outermost first; for a list the index, as text.
        data: its JSON.
    """

    path: tuple[str, ...]
    data: bytes | memoryview


def elements(
    path: Path, at: Sequence[str] = (ANY,), progress: Progress = silent, *, first: int = 0
) -> Iterator[Element | Refused]:
    """Yield the elements of a JSON file, plain or compressed, in its order.

    Args:
        path: a JSON file, or one JSON document per line.
        at: the keys that lead to the elements, one per level, `ANY` for every key of an object and
            every entry of a list: ("*",) for the entries of a list, the values of an object or the
            documents of a file of JSON lines; ("*", "*") for the values of the values;
            ("entries", "*") for the entries of the list under that key; () for the document. What
            other keys hold is skipped.
        progress: told the share of the file that was read.
        first: number of the first element, or refusal, that is yielded.

    Yields:
        The elements. Where the file is damaged or ends too early, the elements before that place,
        then one `Refused`. An element that is too large is refused alone.

    Raises:
        OSError: if the file cannot be opened.
    """
    is_lines = json_head(path).is_lines
    with open_bytes(path) as stream:
        cut = _lines(stream) if is_lines and len(at) == 1 else _Cutter(stream, at).elements()
        try:
            for item in cut:
                if isinstance(item, _Step):
                    progress(stream.share, f"Reading {path.name}")
                elif first:
                    first -= 1
                elif isinstance(item, _Damage):
                    yield Refused(where=f"byte {item.place:,} of {path.name}", why=item.why)
                else:
                    yield item
        except MalformedError as error:
            if not first:
                yield Refused(where=f"byte {error.place:,} of {path.name}", why=error.why)


class _Step:
    """A chunk was read."""


_STEP = _Step()


@dataclass(slots=True, frozen=True)
class _Damage:
    """What is wrong at a byte of the file, where reading goes on."""

    place: int
    why: str


_TOO_LARGE: Final = f"this element has more than {LARGEST >> 20} MB and is left out"


def _read(stream: ByteStream, size: int, place: int) -> tuple[bytes, MalformedError | None]:
    """Return the next bytes, and the damage after them that ends a compressed file."""
    parts: list[bytes] = []
    length = 0
    try:
        while length < size and (part := stream.read(size - length)):
            parts.append(part)
            length += len(part)
    except BrokenStreamError as error:
        return b"".join(parts), MalformedError(place + length, f"{error} here")
    return b"".join(parts), None


def _lines(stream: ByteStream) -> Iterator[Element | _Damage | _Step]:
    """Yield the lines of a file that are not empty."""
    rest, place, n = b"", 0, 0
    is_skipped = False
    while True:
        data, damage = _read(stream, CHUNK, place + len(rest))
        yield _STEP
        lines = (rest + data).split(b"\n")
        rest = lines.pop() if data or damage else b""
        for line in lines:
            text = line.removeprefix(_BOM) if place == 0 else line
            if text.strip() and not is_skipped:
                yield Element((str(n),), text)
                n += 1
            is_skipped = False
            place += len(line) + 1
        if len(rest) > LARGEST:
            if not is_skipped:
                yield _Damage(place, _TOO_LARGE)
                n += 1
            is_skipped = True
            place += len(rest)
            rest = b""
        if damage:
            raise damage
        if not data:
            return


class _Cutter:
    """The cutting of one JSON document into elements.

    `_buffer` begins at byte `_place` of the file. Its first `_cursor` bytes are understood; there,
    `_depth` brackets are open.
    """

    def __init__(self, stream: ByteStream, at: Sequence[str]) -> None:
        self._stream = stream
        self._walk = Walk(at)
        self._n_levels = len(at)
        self._buffer = b""
        self._place = 0
        self._cursor = 0
        self._depth = 0
        # Whether an element or something to be skipped has begun and not ended.
        self._is_open = False
        self._is_skipped = False

    def elements(self) -> Iterator[Element | _Damage | _Step]:
        """Yield the elements."""
        while True:
            # Reading as much again as is left makes the work on a large element linear.
            size = max(CHUNK, len(self._buffer), len(_BOM))
            data, damage = _read(self._stream, size, self._place + len(self._buffer))
            yield _STEP
            is_first = self._place == 0 and not self._buffer
            self._buffer += data.removeprefix(_BOM) if is_first else data
            is_last = not data and damage is None
            try:
                yield from self._cut(is_last=is_last)
            except MalformedError as error:
                raise MalformedError(self._place + error.place, error.why) from None
            self._place += self._cursor
            self._buffer = self._buffer[self._cursor :]
            self._cursor = 0
            if damage:
                raise damage
            if is_last:
                break
        if self._walk.depth or self._is_open:
            raise MalformedError(self._place + len(self._buffer), CUT_OFF)

    def _cut(self, *, is_last: bool) -> Iterator[Element | _Damage]:
        """Yield the elements that end in the buffer."""
        yield from self._whole_values()
        yield from self._bracket_by_bracket()
        if not self._is_open:
            is_partial = not is_last or self._walk.depth > 0
            yield from self._gap(len(self._buffer), is_partial=is_partial)
        if len(self._buffer) - self._cursor <= LARGEST:
            return
        if not self._is_open or self._is_skipped:
            text = f"a text of more than {LARGEST >> 20} MB begins here"
            raise MalformedError(self._cursor, text)
        yield _Damage(self._place + self._cursor, _TOO_LARGE)
        self._is_skipped = True

    def _whole_values(self) -> Iterator[Element]:
        """Yield elements as long as msgspec finds their ends; what it does not take stays."""
        view = memoryview(self._buffer)
        while True:
            if not self._is_open:
                place = self._walk.next_element(self._buffer, self._cursor)
                if place is not None:
                    self._cursor = place
                    self._is_open, self._is_skipped = True, False
                else:
                    place = next_bracket(self._buffer, self._cursor)
                    if place is None:
                        return
                    yield from self._to_bracket(place)
            elif self._depth > self._walk.depth:
                return
            else:
                end = _value_end(view[self._cursor :])
                if end is None:
                    return
                yield from self._end_value(view, self._cursor + end)

    def _bracket_by_bracket(self) -> Iterator[Element]:
        """Yield elements by the depths of all brackets, which is right for any JSON."""
        view = memoryview(self._buffer)
        first = self._cursor
        places, depths = brackets(self._buffer[first:], self._depth)
        before = np.concatenate([[self._depth], depths[:-1]])
        near = np.flatnonzero(np.minimum(before, depths) <= self._n_levels)
        for place, depth in zip(
            (places[near] + first).tolist(), depths[near].tolist(), strict=True
        ):
            if not self._is_open:
                yield from self._to_bracket(place)
            elif depth == self._walk.depth:
                yield from self._end_value(view, place + 1)
        if self._is_open and self._is_skipped and len(places):
            self._cursor = max(self._cursor, first + int(places[-1]) + 1)
            self._depth = int(depths[-1])

    def _to_bracket(self, place: int) -> Iterator[Element]:
        """Read up to a bracket between the elements, and go through it."""
        yield from self._gap(place)
        bracket = self._buffer[place : place + 1]
        if bracket in b"{[":
            if self._walk.enter(bracket, place):
                self._cursor += 1
            else:
                self._is_open = True
                self._is_skipped = not self._walk.is_on_path()
        else:
            self._walk.leave(bracket, place)
            self._cursor += 1
        self._depth = self._walk.depth

    def _end_value(self, view: memoryview, end: int) -> Iterator[Element]:
        if not self._is_skipped:
            yield Element(self._walk.path(), view[self._cursor : end])
        self._is_open = False
        self._cursor = end
        self._depth = self._walk.depth
        self._walk.value_ended()

    def _gap(self, end: int, *, is_partial: bool = False) -> Iterator[Element]:
        for place, value in self._walk.gap(self._buffer, self._cursor, end, is_partial=is_partial):
            if value is not None:
                yield Element(self._walk.path(), value)
            self._cursor = place


def _value_end(view: memoryview) -> int | None:
    """Return where the JSON value at the beginning of a buffer ends, None if that is not clear.

    msgspec goes through a value in a tenth of the time that reading it takes, and says at which
    byte something follows it.
    """
    try:
        _VALUE.decode(view)
    except RecursionError:
        return None
    except msgspec.DecodeError as error:
        match = _TRAILING.search(str(error))
        return int(match[1]) - 1 if match else None
    return len(view)


def brackets(buffer: bytes, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the brackets of JSON outside texts.

    Args:
        buffer: JSON that begins outside a text and may end anywhere.
        depth: number of brackets that are open at its beginning.

    Returns:
        Their places, (n,), and the numbers of brackets that are open after each, (n,).
    """
    plain = _ESCAPE.sub(b"..", buffer) if b"\\" in buffer else buffer
    classes = np.frombuffer(plain.translate(_CLASSES), dtype=np.int8)
    places = np.flatnonzero(classes)
    marks = classes[places]
    quotes = marks == _QUOTE
    kept = np.flatnonzero(~(quotes | np.logical_xor.accumulate(quotes)))
    depths = np.cumsum(marks[kept], dtype=np.int64) + depth
    return places[kept], depths
