"""What lies between the elements of a JSON document: the keys, commas and brackets above them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

ANY: Final = "*"
"""Any key or list index of a level."""

_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*(?:("[^"\\]*(?:\\.[^"\\]*)*")|([,:])|([^\s,:"\[\]{}]+))', re.DOTALL
)
_NEXT_KEY: Final = re.compile(rb'[ \t\r\n]*,[ \t\r\n]*"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*')
_NEXT_ENTRY: Final = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_OPENING: Final = frozenset({b"{", b"["})
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_GAP: Final = re.compile(rb'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"\[\]{}]*)*', re.DOTALL)


class MalformedError(Exception):
    """What is wrong with a JSON document.

    Attributes:
        place: where, as bytes from the beginning of what was given.
        why: the reason, as the end of a sentence.
    """

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.why = why


CUT_OFF: Final = "the file ends here in the middle of its data"


class _Expect(Enum):
    """What may come next in an object or a list."""

    FIRST = auto()
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    COMMA = auto()


_BEFORE_KEY: Final = (_Expect.FIRST, _Expect.KEY)


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


class Walk:
    """The way through a JSON document to its elements, told bracket by bracket.

    Args:
        at: the keys that lead to the elements, one per level, or `ANY`.
    """

    def __init__(self, at: Sequence[str]) -> None:
        self._at = tuple(at)
        self._levels: list[_Level] = []
        self._is_done = False

    @property
    def depth(self) -> int:
        """Number of objects and lists that are open."""
        return len(self._levels)

    def path(self) -> tuple[str, ...]:
        """Return the keys above the value that begins."""
        return tuple(level.name() for level in self._levels)

    def is_on_path(self) -> bool:
        """Return whether the value that begins is an element or leads to one."""
        depth = len(self._levels)
        return depth == 0 or self._at[depth - 1] in (ANY, self._levels[-1].name())

    def value_ended(self) -> None:
        """Take note that a value ended."""
        if self._levels:
            self._levels[-1].expect = _Expect.COMMA
            self._levels[-1].n += 1
        else:
            self._is_done = True

    def next_element(self, buffer: bytes, begin: int) -> int | None:
        """Go on from one element to the next as in most files, a comma and maybe a key further.

        Args:
            buffer: JSON.
            begin: where an element ended.

        Returns:
            Where the next one begins, which is an object or a list. None if something else comes
            next; then nothing was done.
        """
        level = self._levels[-1] if self._levels else None
        if level is None or level.expect is not _Expect.COMMA or len(self._levels) < len(self._at):
            return None
        match = (_NEXT_KEY if level.is_object else _NEXT_ENTRY).match(buffer, begin)
        if match is None or self._at[-1] != ANY:
            return None
        place = match.end()
        if buffer[place : place + 1] not in _OPENING:
            return None
        if level.is_object:
            level.key = match[1].decode(errors="replace")
        level.expect = _Expect.VALUE
        return place

    def enter(self, bracket: bytes, place: int) -> bool:
        """Enter an object or a list that leads to elements.

        Returns:
            False if it is a value itself: an element, or off the path.

        Raises:
            MalformedError: if no value may begin here.
        """
        self._check_value(bracket, place)
        if len(self._levels) == len(self._at) or not self.is_on_path():
            return False
        self._levels.append(_Level(is_object=bracket == b"{"))
        return True

    def leave(self, bracket: bytes, place: int) -> None:
        """Leave an object or a list.

        Raises:
            MalformedError: if it may not end here.
        """
        level = self._levels.pop() if self._levels else None
        if level is None or level.is_object != (bracket == b"}"):
            raise _damage(place, f"{bracket.decode()} closes nothing")
        if level.expect not in (_Expect.COMMA, _Expect.FIRST):
            raise _damage(place, f"{bracket.decode()} where a value should be")
        self.value_ended()

    def gap(
        self, buffer: bytes, begin: int, end: int, *, is_partial: bool = False
    ) -> Iterator[tuple[int, bytes | None]]:
        """Read keys, commas and plain values from one bracket to the next.

        Args:
            buffer: JSON.
            begin: where to begin.
            end: place of the next bracket, or the end of the buffer.
            is_partial: whether the document goes on behind the buffer or breaks off at its end, so
                that the last word may not be whole.

        Yields:
            How far it was read, and the element that ends there if it is a text, a number or a
            word.

        Raises:
            MalformedError: if something else stands there.
        """
        level = self._levels[-1] if self._levels else None
        if level is not None and level.is_object and level.expect is _Expect.COMMA:
            match = _NEXT_KEY.fullmatch(buffer, begin, end)
            if match is not None:
                level.key = match[1].decode(errors="replace")
                level.expect = _Expect.VALUE
                yield end, None
                return
        while match := _TOKEN.match(buffer, begin, end):
            if is_partial and match.end() == end and match[2] is None:
                return
            place = match.start(match.lastindex or 0)
            text, sign, word = match.groups()
            value = None
            if sign is not None:
                self._separator(sign, place)
            elif level is not None and level.is_object and level.expect in _BEFORE_KEY:
                if text is None:
                    raise _damage(place, f"{_shown(word)} where a key should be")
                level.key = _text(text)
                level.expect = _Expect.COLON
            else:
                self._check_value(text or word, place)
                is_element = len(self._levels) == len(self._at) and self.is_on_path()
                value = (text or word) if is_element else None
            begin = match.end()
            yield begin, value
            if sign is None and (level is None or level.expect is not _Expect.COLON):
                self.value_ended()
        space = _SPACE.match(buffer, begin, end)
        rest = space.end() if space else begin
        if rest == end:
            yield end, None
        elif not is_partial:
            raise _damage(rest, _shown(buffer[rest : rest + 20]))

    def _separator(self, sign: bytes, place: int) -> None:
        level = self._levels[-1] if self._levels else None
        if level is not None and sign == b"," and level.expect is _Expect.COMMA:
            level.expect = _Expect.KEY if level.is_object else _Expect.VALUE
        elif level is not None and sign == b":" and level.expect is _Expect.COLON:
            level.expect = _Expect.VALUE
        else:
            raise _damage(place, f"an unexpected {sign.decode()!r}")

    def _check_value(self, found: bytes, place: int) -> None:
        """Raise unless a value may begin here."""
        if self._levels and not self._levels[-1].takes_value:
            raise _damage(place, f"{_shown(found)} at a place for no value")
        if not self._levels and self._is_done:
            raise MalformedError(place, "something follows the end of the JSON document")


def next_bracket(buffer: bytes, begin: int) -> int | None:
    """Return the place of the next bracket outside texts, None if there is none.

    Args:
        buffer: JSON.
        begin: a place outside texts.
    """
    match = _GAP.match(buffer, begin)
    place = match.end() if match else begin
    return place if buffer[place : place + 1] not in (b"", b'"') else None


def _damage(place: int, found: str) -> MalformedError:
    return MalformedError(place, f"the JSON is damaged here ({found})")


def _text(token: bytes) -> str:
    """Return a JSON text between its quotes."""
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1].decode(errors="replace")


def _shown(found: bytes) -> str:
    """Return bytes for a sentence."""
    return repr(found[:20].decode(errors="replace"))
