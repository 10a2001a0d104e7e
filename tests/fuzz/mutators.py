"""Damage done to files: to their bytes, to the tokens of text, to the values of documents."""

import gzip
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = (
    *("", " ", "0", "-1", "1e308", "-1e999", "nan", "inf", "1e-320", "999999999", "9" * 400),
    *("9**9**9", "None", "null", "true", "[]", "{}", "[[]]", "[null]", '"', "'", ",", "\n", "\t"),
    *("\0", "\u202e", "Å", "=1+1", "Xx", "D", "(" * 300, "[" * 3000, "1,2", "0x10", "1_000"),
)
"""What may stand where a number or a name is expected."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 5, 10**9, 10**30, -0.5, 1e308, float("nan"), float("inf"), ""),
    *("text", "\0", "1e999", [], {}, [[]], [None], [1], ["a"], [[1, 2], [3]], {"a": 1}, [{}]),
    *({"": None}, [[[[0.0]]]], {"@class": "Structure", "@module": "os"}),
)
"""What may stand where a value of another type is expected."""

_TOKEN = re.compile(rb"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?|\w+|[^\w\s]")
_MOST_NODES = 20_000


def damage_bytes(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut out, repeat, insert or move some bytes."""
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        n = max(len(content), 1)
        place = min(chance.randrange(n), len(content))
        length = min(chance.choice((1, 2, 4, 8, 64, 1024)), n)
        match chance.randrange(7):
            case 0 if content:
                content[place % len(content)] ^= 1 << chance.randrange(8)
            case 1 if content:
                content[place % len(content)] = chance.choice((0, 255, 127, 128, 10, 34))
            case 2:
                del content[place : place + length]
            case 3:
                content[place:place] = content[place : place + length]
            case 4:
                del content[place:]
            case 5:
                content[place : place + 8] = chance.choice((b"\xff" * 8, bytes(8), b"\x7f" * 4))
            case _:
                other = min(chance.randrange(n), len(content))
                content[place:place] = content[other : other + length]
    return bytes(content)


def damage_tokens(data: bytes, chance: random.Random) -> bytes:
    """Replace, leave out or repeat numbers, words and signs of a text."""
    tokens = list(_TOKEN.finditer(data[: 1 << 20]))
    if not tokens:
        return damage_bytes(data, chance)
    pieces = [data]
    picked = sorted(
        chance.sample(range(len(tokens)), min(chance.choice((1, 1, 2, 5)), len(tokens)))
    )
    for number in reversed(picked):
        begin, end = tokens[number].span()
        text = pieces.pop(0)
        new = chance.choice(
            (
                chance.choice(WORDS).encode(),
                b"",
                text[begin:end] * 2,
                chance.choice(tokens)[0],
                b"-" + text[begin:end],
            )
        )
        pieces[:0] = [text[:begin] + new, text[end:]]
        pieces = [b"".join(pieces)]
    return pieces[0]


def damage_lines(data: bytes, chance: random.Random) -> bytes:
    """Leave out, repeat or exchange lines of a text."""
    lines = data.split(b"\n")
    for _ in range(chance.choice((1, 1, 3))):
        first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(3):
            case 0 if len(lines) > 1:
                del lines[first]
            case 1:
                lines.insert(second, lines[first])
            case _:
                lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def damage_json(data: bytes, chance: random.Random) -> bytes:
    """Replace, rename or leave out values of a JSON document, or of one of its lines."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        lines = data.split(b"\n")
        number = chance.randrange(len(lines))
        try:
            json.loads(lines[number])
        except (ValueError, RecursionError):
            return damage_tokens(data, chance)
        lines[number] = damage_json(lines[number], chance)
        return b"\n".join(lines)
    return json.dumps(damage_document(document, chance)).encode()


def damage_document(document: Any, chance: random.Random) -> Any:
    """Replace, rename or leave out some values of a document."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(document))
        if not places:
            return deepcopy(chance.choice(VALUES))
        # Deep places are many; each depth is as likely.
        depth = chance.choice(sorted({depth for depth, _, _ in places}))
        _, parent, key = chance.choice([place for place in places if place[0] == depth])
        match chance.randrange(6):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[chance.choice(("", "x", key + key))] = parent.pop(key)
            case 2 if isinstance(parent, list):
                parent.append(deepcopy(parent[key]))
            case 3:
                parent[key] = [parent[key]]
            case 4 if isinstance(parent[key], (str, int, float)):
                parent[key] = str(parent[key]) if chance.random() < 0.5 else chance.choice(WORDS)
            case _:
                parent[key] = deepcopy(chance.choice(VALUES))
    return document


def _places(document: Any) -> Iterator[tuple[int, Any, Any]]:
    """Yield depth, container and key of the values of a document, breadth first."""
    level = [document] if isinstance(document, (dict, list)) else []
    depth = n = 0
    while level:
        below = []
        for parent in level:
            keys = parent if isinstance(parent, dict) else range(len(parent))
            for key in list(keys)[:50]:
                n += 1
                if n > _MOST_NODES:
                    return
                yield depth, parent, key
                if isinstance(parent[key], (dict, list)):
                    below.append(parent[key])
        level = below
        depth += 1


def damage_zip(data: bytes, chance: random.Random) -> bytes:
    """Damage a member of an archive, whose sums are then made anew."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, zlib.error):
        return damage_bytes(data, chance)
    if not members:
        return damage_bytes(data, chance)
    small = [info for info in members if len(members[info]) < 1 << 16]
    picked = chance.choice(small or list(members))
    change = chance.choice((damage_bytes, damage_tokens, damage_tokens))
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        for info, content in members.items():
            if info is picked and chance.random() < 0.1:
                continue
            archive.writestr(info, change(content, chance) if info is picked else content)
    return text.getvalue()


def damage_parquet(data: bytes, chance: random.Random) -> bytes:
    """Give some columns of a table other types, values or names."""
    try:
        table = pq.read_table(io.BytesIO(data))
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return damage_bytes(data, chance)
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.randrange(table.num_columns)
        name = names[place]
        values = table.column(place).to_pylist()
        match chance.randrange(6):
            case 0:
                kind = chance.choice(TYPES)
                try:
                    column = table.column(place).cast(kind)
                except (pa.ArrowException, ValueError):
                    column = pa.nulls(table.num_rows, kind)
            case 1 if values:
                number = chance.randrange(len(values))
                values[number] = _damaged_cell(values[number], chance)
                column = _array(values)
            case 2:
                column = _array([damage_document({"": value}, chance) for value in values])
            case 3 if values:
                values[chance.randrange(len(values))] = chance.choice(VALUES)
                column = _array(values)
            case 4:
                column, name = table.column(place), chance.choice((*names, "", "x"))
            case _:
                column = _array([chance.choice(VALUES)] * table.num_rows)
        table = table.set_column(place, name, column)
    file = io.BytesIO()
    try:
        pq.write_table(table, file, row_group_size=max(1, table.num_rows // 2))
    except pa.ArrowException:
        return damage_bytes(data, chance)
    return file.getvalue()


def _damaged_cell(value: Any, chance: random.Random) -> Any:
    if isinstance(value, (dict, list)):
        return damage_document(value, chance)
    if isinstance(value, str):
        return damage_tokens(value.encode(), chance).decode(errors="replace")
    return chance.choice(VALUES)


TYPES = (
    *(pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.bool_(), pa.null()),
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.binary(4), pa.date32()),
    *(pa.timestamp("us", tz="UTC"), pa.time64("us"), pa.duration("s"), pa.decimal128(20, 5)),
    *(pa.list_(pa.float64()), pa.large_list(pa.string()), pa.list_(pa.float32(), 3)),
    *(pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.int64())),
    pa.dictionary(pa.int32(), pa.string()),
)
"""Types of Arrow's that a column may have."""


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([None if value is None else str(value) for value in values])


Mutator = Callable[[bytes, random.Random], bytes]

TEXT: tuple[Mutator, ...] = (damage_tokens, damage_tokens, damage_lines, damage_bytes)
JSON: tuple[Mutator, ...] = (damage_json, damage_json, damage_json, damage_tokens, damage_bytes)
ARCHIVE: tuple[Mutator, ...] = (damage_zip, damage_zip, damage_bytes)
PARQUET: tuple[Mutator, ...] = (damage_parquet, damage_parquet, damage_parquet, damage_bytes)
BINARY: tuple[Mutator, ...] = (damage_bytes,)


def mutators_for(data: bytes) -> tuple[Mutator, ...]:
    """Return the mutators for the content of a file."""
    if data.startswith(b"PK\x03\x04"):
        return ARCHIVE
    if data.startswith(b"PAR1"):
        return PARQUET
    if b"\0" in data[:4096]:
        return BINARY
    return JSON if data.lstrip()[:1] in {b"{", b"["} else TEXT


def packed(data: bytes, chance: random.Random) -> bytes:
    """Return a file as it is, or compressed and damaged."""
    if chance.random() < 0.95:
        return data
    content = gzip.compress(data, 1)
    return damage_bytes(content, chance) if chance.random() < 0.5 else content
