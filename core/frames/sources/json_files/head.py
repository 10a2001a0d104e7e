"""The beginning of a JSON file, by which its layout is recognised."""

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import ijson
from ijson.common import ObjectBuilder

from core.frames.tables.compression import head_of

HEAD_BYTES: Final = 1 << 18
"""Bytes of the decompressed file by which its layout is recognised."""

LONGEST_LINE: Final = 1 << 22
"""Bytes of a first line by which JSON lines are recognised."""

_BOM: Final = b"\xef\xbb\xbf"
_NOT_FINITE: Final = re.compile(rb"(?<=[\[,:\s])(?:NaN|-?Infinity)(?=[\s,\]}])")


@dataclass(frozen=True, slots=True)
class JsonHead:
    """The beginning of a file of JSON.

    Attributes:
        value: the document as far as the head goes: objects and lists that go on are cut off. For
            JSON lines the first line.
        is_json: whether the file begins with an object or a list.
        is_lines: whether the file is one object per line.
        is_whole: whether nothing was cut off.
    """

    value: Any = None
    is_json: bool = False
    is_lines: bool = False
    is_whole: bool = False


def json_head(path: Path) -> JsonHead:
    """Return the beginning of a JSON file, plain or compressed; of any other file, that it is none.

    `NaN` and `Infinity`, which Python writes, are None in it.
    """
    try:
        status = path.stat()
    except OSError:
        return JsonHead()
    if not path.is_file():
        return JsonHead()
    return _head(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _head(path: Path, modified: int, size: int) -> JsonHead:
    del modified, size
    data = head_of(path, HEAD_BYTES).removeprefix(_BOM).lstrip()
    if data[:1] not in (b"{", b"["):
        return JsonHead()
    if data.startswith(b"{") and b"\n" not in data:
        data = head_of(path, LONGEST_LINE).removeprefix(_BOM).lstrip()
    line, _, others = data.partition(b"\n")
    is_lines = (
        line.startswith(b"{") and line.rstrip().endswith(b"}") and others.lstrip()[:1] == b"{"
    )
    value, is_whole = _built((line if is_lines else data)[:HEAD_BYTES])
    return JsonHead(value=value, is_json=True, is_lines=is_lines, is_whole=is_whole)


def _built(data: bytes) -> tuple[Any, bool]:
    """Return JSON that may break off, and whether it does not."""
    builder = ObjectBuilder()
    try:
        for event, value in ijson.basic_parse(
            io.BytesIO(_NOT_FINITE.sub(b"null", data)), use_float=True
        ):
            builder.event(event, value)
    except (ijson.JSONError, UnicodeDecodeError, OverflowError):
        return getattr(builder, "value", None), False
    return builder.value, True
