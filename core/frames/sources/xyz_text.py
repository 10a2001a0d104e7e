"""One frame of extended XYZ from its text: the comment line's keys, the columns of its atoms.

The format is described at https://github.com/libAtoms/extxyz; both of its spellings of lists
(quoted numbers, and brackets) are read. ASE reads the comment line letter by letter, which is a
hundred times slower than the files are large.
"""

import re
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson

from core.elements import INDEX, ISOTOPES
from core.frames.tables.tabular import CellError

_PAIR: Final = re.compile(
    r"""([^\s=,"']+|"[^"]*")\s*=\s*
    ("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^{}]*\}|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|[^\s,]*)""",
    re.VERBOSE,
)
_PLAIN: Final = "species:S:1:pos:R:3"
_SPECIES: Final = ("species", "symbols", "symbol", "elements", "element", "atoms")
_NUMBERS: Final = ("z", "numbers", "atomic_numbers", "atomic_number", "atomicnumbers")
_POSITIONS: Final = ("pos", "positions", "position", "coords", "coordinates", "xyz")
_BOOLEANS: Final = {"T": True, "F": False, "True": True, "False": False}
_BOOLEANS_ANY_CASE: Final = {"true": True, "false": False, "t": True, "f": False}
_ATOMIC_NUMBERS: Final[dict[bytes, int]] = {
    **{symbol.encode(): index + 1 for symbol, index in INDEX.items()},
    **{isotope.encode(): INDEX[symbol] + 1 for isotope, symbol in ISOTOPES.items()},
}
_FORTRAN: Final = re.compile(r"^([+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+))[dD]([+-]?[0-9]+)$")
_MOST_COLUMNS: Final = 1000
_MOST_KEYS: Final = 1000
_SHORT: Final = 24
_LONGEST_INT: Final = 18


def parse_comment(line: str) -> dict[str, Any]:
    """Return the keys of a comment line with their values.

    Numbers become int or float, several of them arrays, T and F booleans, _JSON what it encodes;
    everything else is text.

    Raises:
        CellError: if there are more keys than any writer gives.
    """
    found: dict[str, Any] = {}
    for match in _PAIR.finditer(line):
        if len(found) == _MOST_KEYS:
            raise CellError(f"its comment line has more than {_MOST_KEYS:,} keys")
        key, text = match.groups()
        found[key.strip('"')] = _known_value(text) if len(text) < _SHORT else _value(text)
    return found


def parse_atoms(properties: str | None, lines: list[bytes]) -> dict[str, Any]:
    """Return the columns of a frame's atoms by name.

    Args:
        properties: the value of Properties, such as "species:S:1:pos:R:3:forces:R:3"; None where
            the comment line has none. Further columns are then called "columns 5 to 7".
        lines: one line per atom.

    Returns:
        "numbers" with the atomic numbers (n,), "positions" (n, 3), and the other columns, (n,) or
        (n, k); columns of text or of what should be numbers as lists of text.

    Raises:
        CellError: if the lines do not have these columns, or lack elements or positions.
    """
    plan = _plan(_plain_columns(lines) if properties is None else properties)
    n, width = len(lines), plan[-1][3]
    tokens = b" ".join(lines).split()
    if len(tokens) != n * width:
        tokens = _cut(lines, width)
    columns: dict[str, Any] = {}
    for name, kind, begin, end in plan:
        block = [tokens[place::width] for place in range(begin, end)]
        is_species = kind == "S" and end == begin + 1 and name.lower() in _SPECIES
        columns[name] = block[0] if is_species else _array(block, kind)
    numbers = _atomic_numbers(columns)
    positions = next((columns.pop(name) for name in list(columns) if name.lower() in _POSITIONS), 0)
    if not isinstance(positions, np.ndarray) or positions.shape != (n, 3):
        raise CellError("its positions are not three numbers per atom")
    return {**columns, "numbers": numbers, "positions": positions}


def lattice_of(value: object) -> np.ndarray:
    """Return lattice vectors as rows, (3, 3), from the nine numbers of a comment line.

    Raises:
        CellError: if they are not nine numbers.
    """
    if isinstance(value, np.ndarray) and value.dtype != object and value.size == 9:
        return value.astype(np.float64).reshape(3, 3)
    if isinstance(value, np.ndarray) and value.dtype != object and value.size == 3:
        return np.diag(value.astype(np.float64))
    raise CellError("its Lattice is not nine numbers")


def pbc_of(value: object) -> tuple[bool, bool, bool] | None:
    """Return in which directions a structure is periodic, None if the value does not say it."""
    if isinstance(value, bool):
        return (value, value, value)
    if isinstance(value, str):
        letters = re.sub(r"[\s,]", "", value).upper()
        if re.fullmatch("[TF]{3}|[01]{3}", letters):
            return (letters[0] in "T1", letters[1] in "T1", letters[2] in "T1")
        return None
    if isinstance(value, (list, np.ndarray)) and len(value) == 3:
        return (bool(value[0]), bool(value[1]), bool(value[2]))
    return None


@lru_cache(maxsize=4096)
def _known_value(text: str) -> Any:
    """Return the value of a short text, most of which are the same in every frame."""
    return _value(text)


def _value(text: str) -> Any:
    quote = text[:1]
    if quote in {'"', "'"} and len(text) > 1:
        text = text[1:-1]
        if "\\" in text:
            text = re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)
    if text.startswith("_JSON"):
        return _json(text[5:].strip())
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    elif text[:1] == "[" and text[-1:] == "]":
        return _bracketed(text)
    return _words(text)


def _json(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return _as_array(value) if isinstance(value, list) else value


def _bracketed(text: str) -> Any:
    plain = re.sub(r"\b[Tt](?:rue)?\b", "true", re.sub(r"\b[Ff](?:alse)?\b", "false", text))
    try:
        return _as_array(orjson.loads(plain))
    except orjson.JSONDecodeError:
        return _words(text.strip("[]").replace("[", " ").replace("]", " "))


def _as_array(value: Any) -> Any:
    """Return nested lists of numbers as an array, others as they are."""
    try:
        array = np.array(value)
    except ValueError:
        return value
    return array if array.dtype.kind in "ifb" else value


def _words(text: str) -> Any:
    words = text.replace(",", " ").split()
    if len(words) < 2:
        return _word(words[0]) if words else text
    try:
        return np.array(list(map(_float, words)))
    except ValueError:
        pass
    if all(word in _BOOLEANS for word in words):
        return np.array([_BOOLEANS[word] for word in words])
    return text


def _word(word: str) -> Any:
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    try:
        if "_" in word or (len(word) > _LONGEST_INT and word.isdecimal()):
            return word  # an id, some of whose digits a number would lose
        return float(word) if len(word) > _LONGEST_INT else int(word)
    except ValueError:
        pass
    try:
        return _float(word)
    except ValueError:
        if (boolean := _BOOLEANS_ANY_CASE.get(word.lower())) is not None:
            return boolean
        return word


def _float(word: str) -> float:
    """Return a number, also one as Fortran writes it: with a point, unlike an id, and D."""
    try:
        return float(word)
    except ValueError:
        return float(_FORTRAN.sub(r"\1e\2", word))


@lru_cache(maxsize=256)
def _plan(properties: str) -> tuple[tuple[str, str, int, int], ...]:
    """Return name, kind, first column and end of each property."""
    parts = properties.split(":")
    plan, end = [], 0
    for name, kind, size in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if kind.upper() not in {"S", "R", "I", "L"} or not size.isdecimal():
            raise CellError(f"its Properties are not name:type:columns at {name!r}")
        begin, end = end, end + int(size[:6])
        plan.append((name, kind.upper(), begin, end))
    if not plan or len(parts) % 3 or end > _MOST_COLUMNS or not end:
        raise CellError("its Properties are not name:type:columns, repeated")
    return tuple(plan)


def _plain_columns(lines: list[bytes]) -> str:
    """Return the properties of an XYZ file that does not state them."""
    width = len(lines[0].split()) if lines else 0
    if width <= 4:
        return _PLAIN
    return f"{_PLAIN}:columns 5 to {width}:R:{width - 4}"


def _cut(lines: list[bytes], width: int) -> list[bytes]:
    """Return the first columns of lines that have more of them, or refuse lines that have fewer."""
    tokens: list[bytes] = []
    for place, line in enumerate(lines):
        words = line.split()
        if len(words) < width:
            raise CellError(f"line {place + 1} of its atoms has {len(words)} of {width} columns")
        tokens += words[:width]
    return tokens


def _array(block: list[list[bytes]], kind: str) -> Any:
    if kind == "S":
        texts = [[word.decode(errors="replace") for word in column] for column in block]
        return texts[0] if len(texts) == 1 else [list(row) for row in zip(*texts, strict=True)]
    if kind == "L":
        array = np.array([[word[:1] in b"Tt1" for word in column] for column in block])
    else:
        try:
            array = np.array([list(map(float, column)) for column in block])
        except ValueError:
            try:
                array = np.array([[_fortran(word) for word in column] for column in block])
            except ValueError:
                return [[word.decode(errors="replace") for word in column] for column in block]
        if kind == "I" and np.isfinite(array).all() and (np.abs(array) < 1 << 53).all():
            array = array.astype(np.int64)
    return array[0] if len(array) == 1 else np.ascontiguousarray(array.T)


def _fortran(word: bytes) -> float:
    return float(word.replace(b"D", b"E").replace(b"d", b"e"))


def _atomic_numbers(columns: dict[str, Any]) -> np.ndarray:
    """Take the elements out of the columns, by symbol or by number."""
    names = {name.lower(): name for name in columns}
    by_symbol = next((names[name] for name in _SPECIES if name in names), None)
    by_number = next((names[name] for name in _NUMBERS if name in names), None)
    chosen = by_symbol or by_number
    if chosen is None:
        raise CellError("its Properties name no column of species")
    values = columns.pop(chosen)
    columns.pop(by_number or "", None)
    if isinstance(values, list):
        try:
            return np.array([_ATOMIC_NUMBERS[word] for word in values], dtype=np.int64)
        except (KeyError, TypeError):
            return np.array([_atomic_number(word) for word in values], dtype=np.int64)
    if values.ndim != 1 or values.dtype.kind != "i":
        raise CellError("its elements are neither symbols nor atomic numbers")
    if values.min() < 1 or values.max() > len(INDEX):
        raise CellError(f"it contains atomic number {_beyond(values)}, beyond H to Pu (1 to 94)")
    return np.asarray(values)


def _beyond(values: np.ndarray) -> int:
    return int(values[(values < 1) | (values > len(INDEX))][0])


def _atomic_number(word: bytes | str | list[str]) -> int:
    text = word.decode(errors="replace") if isinstance(word, bytes) else str(word)
    number = _ATOMIC_NUMBERS.get(text.capitalize().encode())
    if number is None and text.isdecimal() and 1 <= int(text[:4]) <= len(INDEX):
        number = int(text)
    if number is None:
        raise CellError(f"it contains {text[:20]!r}, which is not an element from H to Pu")
    return number
