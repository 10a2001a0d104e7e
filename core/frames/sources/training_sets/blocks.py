"""Text files whose frames stand between a first and a last line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from core.frames.sources.records import Refused
from core.frames.tables.compression import BrokenStreamError, open_bytes
from core.progress import Progress

_CHUNK: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 20
_MOST_LINES: Final = 2_000_000


class Block(NamedTuple):
    """The lines of one frame.

    Attributes:
        where: its place.
        lines: the words of each line that is not empty, without the first and the last line.
    """

    where: str
    lines: list[list[bytes]]


def blocks(path: Path, first: bytes, last: bytes, progress: Progress) -> Iterator[Block | Refused]:
    """Yield the frames of a file; one that is not ended is refused.

    Args:
        path: the file, plain or compressed.
        first: the word with which a frame begins.
        last: the word with which it ends.
        progress: told the share of the file that was read.
    """
    count = 0
    where = ""
    lines: list[list[bytes]] | None = None
    unended = f"it does not end with {last.decode()}"
    for number, words in enumerate(_lines(path, progress), start=1):
        if isinstance(words, Refused):
            if lines is not None:
                yield Refused(where=where, why=unended)
            lines = None
            yield words
        elif not words:
            continue
        elif words[0] == first:
            if lines is not None:
                yield Refused(where=where, why=unended)
            where = f"frame {count} (line {number:,}) of {path.name}"
            lines, count = [], count + 1
        elif lines is not None and words[0] == last:
            yield Block(where, lines)
            lines = None
        elif lines is not None:
            lines.append(words)
            if len(lines) > _MOST_LINES:
                yield Refused(where=where, why=f"it has more than {_MOST_LINES:,} lines")
                lines = None
    if lines is not None:
        yield Refused(where=where, why=unended)


def _lines(path: Path, progress: Progress) -> Iterator[list[bytes] | Refused]:
    """Yield the words of every line, and at last why the file ends before its end."""
    rest, broken = b"", ""
    with open_bytes(path) as stream:
        while not broken:
            try:
                data = stream.read(_CHUNK)
            except BrokenStreamError as error:
                data, broken = b"", str(error)
            lines = (rest + data).split(b"\n")
            rest = lines.pop() if data else b""
            yield from map(bytes.split, lines)
            progress(stream.share, f"{stream.share:.0%} of {path.name} read")
            if len(rest) > _LONGEST_LINE:
                broken = "a line does not end"
            if not data:
                break
    if broken:
        yield Refused(where=f"the rest of {path.name}", why=broken)
