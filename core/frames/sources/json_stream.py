"""Large JSON files as a stream of their elements, each as its bytes with the keys above it.

A file is cut where its brackets say so, for which whole chunks of it are looked at with numpy; what
an element holds is left to whoever decodes it. The cut is right for any valid JSON. Memory holds a
chunk and the largest element.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from core.frames.sources.compression import BrokenStreamError, ByteStream, open_bytes
from core.frames.sources.json_head import json_head
from core.frames.sources.records import Refused
from core.progress import Progress, silent

CHUNK: Final = 1 << 20
"""Bytes that are looked at together."""

LARGEST: Final = 1 << 26
"""Bytes of the largest element that is read; a structure of 200,000 atoms is smaller."""

ANY: Final = "*"
"""Any key or list index of a level."""

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_QUOTE: Final = 2
_CLASSES: Final = bytes(
    {"{": 1, "[": 1, "}": 255, "]": 255, '"': 2}.get(chr(code), 0) for code in range(256)
)
_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([,:])|([^\s,:"\[\]{}]+))', re.DOTALL
)
_NEXT_KEY: Final = re.compile(rb'[ \t\r\n]*,[ \t\r\n]*"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*')
_SPACE: Final = re.compile(rb"[ \t\r\n]*")


class Element(NamedTuple):
    """One element of a JSON file.

    Attributes:
        path: the keys above it, the outermost first; for a list the index, as text.
        data: its JSON.
        place: byte of the decompressed file at which it begins.
    """

    path: tuple[str, ...]
    data: bytes | memoryview
    place: int


def elements(
    path: Path, at: Sequence[str] = (ANY,), progress: Progress = silent
) -> Iterator[Element | Refused]:
    """Yield the elements of a JSON file, plain or compressed, in its order.

    Args:
        path: a JSON file, or one JSON document per line.
        at: the keys that lead to the elements, one per level, `ANY` for every key of an object and
            every entry of a list: ("*",) for the entries of a list, the values of an object or the
            documents of a file of JSON lines; ("*", "*") for the values of the values;
            ("entries", "*") for the entries of the list under that key. What other keys hold is
            skipped.
        progress: told the share of the file that was read.

    Yields:
        The elements. Where the file is damaged or ends too early, the elements before that place,
        then one `Refused`. A line that is too long, or an element, is refused alone.

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
                elif isinstance(item, _Damage):
                    yield Refused(where=f"byte {item.place:,} of {path.name}", why=item.why)
                else:
                    yield item
        except _DamageError as error:
            yield Refused(where=f"byte {error.place:,} of {path.name}", why=error.why)


class _Step:
    """A chunk was read."""


_STEP = _Step()


@dataclass(slots=True, frozen=True)
class _Damage:
    """What is wrong at a place, where reading goes on."""

    place: int
    why: str


class _DamageError(Exception):
    """What is wrong at a place, where reading ends."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.why = why


_TOO_LARGE: Final = f"this element has more than {LARGEST >> 20} MB and is left out"


def _read(stream: ByteStream, size: int, place: int) -> tuple[bytes, _DamageError | None]:
    """Return the next bytes, and the damage after them that ends a compressed file."""
    parts: list[bytes] = []
    length = 0
    try:
        while length < size and (part := stream.read(size - length)):
            parts.append(part)
            length += len(part)
    except BrokenStreamError as error:
        return b"".join(parts), _DamageError(place + length, f"{error} here")
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
                yield Element((str(n),), text, place)
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


class _Expect(Enum):
    """What may come next in an object or a list."""

    FIRST = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    COMMA = auto()


@dataclass(slots=True)
class _Level:
    """An object or a list whose values are looked at."""

    is_object: bool
    key: str = ""
    n: int = 0
    expect: _Expect = _Expect.FIRST

    @property
    def takes_value(self) -> bool:
        """Whether a value may begin."""
        first = self.expect is _Expect.FIRST and not self.is_object
        return first or self.expect is _Expect.VALUE

    def name(self) -> str:
        """Return the key of the value that begins, or its index."""
        return self.key if self.is_object else str(self.n)


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
    depths = np.cumsum(marks[kept], dtype=np.int32) + np.int32(depth)
    return places[kept], depths


class _Cutter:
    """The cutting of one JSON document into elements.

    `_buffer` begins at byte `_place` of the file, where `_depth` brackets are open; `_cursor` is
    how far it was understood.
    """

    def __init__(self, stream: ByteStream, at: Sequence[str]) -> None:
        self._stream = stream
        self._at = tuple(at)
        self._levels: list[_Level] = []
        self._buffer = b""
        self._place = 0
        self._depth = 0
        self._cursor = 0
        self._is_done = False
        # Depth at which the open value began, and whether it is skipped.
        self._open: int | None = None
        self._is_skipped = False

    def elements(self) -> Iterator[Element | _Damage | _Step]:
        """Yield the elements."""
        while True:
            data, damage = _read(
                self._stream, max(CHUNK, len(self._buffer), 3), self._place + len(self._buffer)
            )
            yield _STEP
            is_first = self._place == 0 and not self._buffer
            self._buffer += data.removeprefix(_BOM) if is_first else data
            is_last = not data and damage is None
            yield from self._cut(is_last=is_last)
            if damage:
                raise damage
            if is_last:
                break
        if self._levels or self._open is not None:
            raise _DamageError(
                self._place + len(self._buffer), "the file ends here in the middle of its data"
            )

    def _cut(self, *, is_last: bool) -> Iterator[Element | _Damage]:
        """Yield the elements that end in the buffer, and drop what is understood."""
        buffer = self._buffer
        places, depths = brackets(buffer, self._depth)
        before = np.concatenate([[self._depth], depths[:-1]]).astype(np.int32)
        near = np.flatnonzero(np.minimum(before, depths) <= len(self._at))
        view = memoryview(buffer)
        for place, depth, outer in zip(
            places[near].tolist(), depths[near].tolist(), before[near].tolist(), strict=True
        ):
            if self._open is not None:
                if depth == self._open:
                    if not self._is_skipped:
                        yield self._element(view[self._cursor : place + 1])
                    self._cursor = place + 1
                    self._open = None
                    self._value_ended()
                continue
            yield from self._gap(place)
            self._cursor = place
            if depth > outer:
                self._begin(buffer[place : place + 1])
            else:
                self._end(buffer[place : place + 1])
        if self._open is None:
            yield from self._gap(len(buffer), is_partial=not is_last)
            self._depth = len(self._levels)
        elif self._is_skipped or len(buffer) - self._cursor > LARGEST:
            if not self._is_skipped:
                yield _Damage(self._place + self._cursor, _TOO_LARGE)
                self._is_skipped = True
            if len(places):
                self._cursor = max(self._cursor, int(places[-1]) + 1)
                self._depth = int(depths[-1])
        else:
            self._depth = self._open
        if len(buffer) - self._cursor > LARGEST:
            raise _DamageError(
                self._place + self._cursor, f"a text of more than {LARGEST >> 20} MB begins here"
            )
        self._buffer = buffer[self._cursor :]
        self._place += self._cursor
        self._cursor = 0

    def _fail(self, place: int, found: str) -> _DamageError:
        return _DamageError(self._place + place, f"the JSON is damaged here ({found})")

    def _element(self, data: memoryview) -> Element:
        path = tuple(level.name() for level in self._levels)
        return Element(path, data, self._place + self._cursor)

    def _value_ended(self) -> None:
        if self._levels:
            self._levels[-1].expect = _Expect.COMMA
            self._levels[-1].n += 1
        else:
            self._is_done = True

    def _begin(self, bracket: bytes) -> None:
        """Enter the object or list that begins at the cursor, or take it as a value."""
        self._check_value(bracket, self._cursor)
        depth = len(self._levels)
        is_on_path = self._is_on_path()
        if depth < len(self._at) and is_on_path:
            self._levels.append(_Level(is_object=bracket == b"{"))
            self._cursor += 1
        else:
            self._open = depth
            self._is_skipped = not is_on_path

    def _end(self, bracket: bytes) -> None:
        """Leave the object or list that ends at the cursor."""
        level = self._levels.pop() if self._levels else None
        if level is None or level.is_object != (bracket == b"}"):
            raise self._fail(self._cursor, f"{bracket.decode()} closes nothing")
        if level.expect not in (_Expect.COMMA, _Expect.FIRST):
            raise self._fail(self._cursor, f"{bracket.decode()} where a value should be")
        self._cursor += 1
        self._value_ended()

    def _gap(self, end: int, *, is_partial: bool = False) -> Iterator[Element]:
        """Read from the cursor to a bracket, or to the end of the buffer; yield plain values."""
        buffer = self._buffer
        level = self._levels[-1] if self._levels else None
        if level is not None and level.is_object and level.expect is _Expect.COMMA:
            match = _NEXT_KEY.fullmatch(buffer, self._cursor, end)
            if match is not None:
                level.key = match[1].decode(errors="replace")
                level.expect = _Expect.VALUE
                self._cursor = end
                return
        while match := _TOKEN.match(buffer, self._cursor, end):
            if is_partial and match.end() == end and match[2] is None:
                return
            begin = match.start(match.lastindex or 0)
            if match[2] is not None:
                self._separator(match[2], begin)
            elif level is not None and level.is_object and level.expect in _BEFORE_KEY:
                if match[1] is None:
                    raise self._fail(begin, f"{_shown(match[3])} where a key should be")
                level.key = _text(match[1])
                level.expect = _Expect.COLON
            else:
                yield from self._plain(match[1] or match[3], begin)
            self._cursor = match.end()
        space = _SPACE.match(buffer, self._cursor, end)
        rest = space.end() if space else self._cursor
        if rest == end:
            self._cursor = end
        elif not is_partial:
            if buffer[rest : rest + 1] == b'"':
                raise _DamageError(
                    self._place + end, "the file ends here in the middle of its data"
                )
            raise self._fail(rest, _shown(buffer[rest : rest + 20]))

    def _separator(self, sign: bytes, place: int) -> None:
        level = self._levels[-1] if self._levels else None
        if level is not None and sign == b"," and level.expect is _Expect.COMMA:
            level.expect = _Expect.KEY if level.is_object else _Expect.VALUE
        elif level is not None and sign == b":" and level.expect is _Expect.COLON:
            level.expect = _Expect.VALUE
        else:
            raise self._fail(place, f"an unexpected {sign.decode()!r}")

    def _plain(self, value: bytes, place: int) -> Iterator[Element]:
        """Take a text, a number or a word, and yield it if it is an element."""
        self._check_value(value, place)
        if len(self._levels) == len(self._at) and self._is_on_path():
            path = tuple(level.name() for level in self._levels)
            yield Element(path, value, self._place + place)
        self._value_ended()

    def _check_value(self, found: bytes, place: int) -> None:
        """Raise unless a value may begin here."""
        if self._levels and not self._levels[-1].takes_value:
            raise self._fail(place, f"{_shown(found)} at a place for no value")
        if not self._levels and self._is_done:
            raise _DamageError(
                self._place + place, "something follows the end of the JSON document"
            )

    def _is_on_path(self) -> bool:
        """Return whether the value that begins is an element or leads to one."""
        depth = len(self._levels)
        return depth == 0 or self._at[depth - 1] in (ANY, self._levels[-1].name())


_BEFORE_KEY: Final = (_Expect.FIRST, _Expect.KEY)


def _text(token: bytes) -> str:
    """Return a JSON text between its quotes."""
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1].decode(errors="replace")


def _shown(found: bytes) -> str:
    """Return bytes for a sentence."""
    return repr(found[:20].decode(errors="replace"))
