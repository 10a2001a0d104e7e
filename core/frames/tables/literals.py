"""Cells that hold arrays or dictionaries as text: JSON, Python's repr, or numpy's brackets."""

import ast
import re
from typing import Any

import orjson

from core.frames.tables.tabular import CellError

_LONGEST_REPR = 4_000_000
"""Characters; Python's parser takes hundreds of bytes of memory for each number."""

_SCALAR = re.compile(r"\b(?:np\.|numpy\.)?(?:float|int|str_|bool_?)\d*\(([^()]*)\)")
_DTYPE = re.compile(r",\s*(?:dtype=[\w.<>|'\"]+|shape=\([^()]*\))")
_ARRAY = re.compile(r"\b(?:np\.|numpy\.)?(?:array|Cell)\(([^()]*)\)")
_GAP = re.compile(r"(?<=[\d.\]])\s+(?=[-+.\d\[])")
_BARE_POINT = re.compile(r"(?<=\d)\.(?!\d)")
_LEADING_POINT = re.compile(r"(?<!\d)\.(?=\d)")
_PLUS = re.compile(r"(?<![\deE])\+(?=\d)")


def looks_like_array(text: str) -> bool:
    """Return whether a text looks like an array of numbers."""
    return bool(re.match(r"\s*(?:\[|(?:np\.)?array\(|\(\s*[-+.\d(\[])", text))


def parse_array_text(text: str, *, name: str) -> Any:
    """Read nested lists of numbers from text.

    Args:
        text: JSON; or what Python or numpy print for lists, tuples and arrays.
        name: what the array is, for the error.

    Raises:
        CellError: if it is none of these, or numpy has left out numbers.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if "..." in text:
        raise CellError(
            f'numpy has left out numbers of the {name} ("..."), so write them with json.dumps('
            "array.tolist())"
        )
    plain = _without_calls(text).replace("(", "[").replace(")", "]")
    plain = re.sub(r",\s*\]", "]", _GAP.sub(", ", plain))
    plain = _LEADING_POINT.sub("0.", _BARE_POINT.sub(".0", _PLUS.sub("", plain)))
    if re.search(r"\b(nan|inf)\b", plain, re.IGNORECASE):
        raise CellError(f"a value of the {name} is not finite")
    try:
        return orjson.loads(plain)
    except orjson.JSONDecodeError:
        raise CellError(
            f"the {name} cannot be read as JSON or as nested lists (json.dumps(array.tolist()) "
            "writes them)"
        ) from None


def parse_dict_text(text: str, *, name: str) -> Any:
    """Read a dictionary from JSON or from what Python prints for one.

    Args:
        text: the text, which begins with a brace.
        name: what it is, for the error.

    Raises:
        CellError: if it is neither.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if not is_python_repr(text):
        raise CellError(f"the {name} is not valid JSON")
    remedy = f"so write the {name} with json.dumps"
    if len(text) > _LONGEST_REPR:
        raise CellError(f"the {name} is Python's repr and too long to be read, {remedy}")
    return parse_literal(
        text, problem=f"the {name} is Python's repr of more than plain values, {remedy}"
    )


def parse_literal(text: str, *, problem: str) -> Any:
    """Read what Python prints for plain values, also numpy's; nothing in it is run.

    Raises:
        CellError: if it is more than plain values, with the problem as its message.
    """
    try:
        return ast.literal_eval(_without_calls(text).strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise CellError(problem) from None


def is_python_repr(text: str) -> bool:
    """Return whether a text looks like a dictionary as Python prints it."""
    return bool(re.match(r"\s*\{\s*'", text))


def _without_calls(text: str) -> str:
    """Return a repr without the names of numpy's types around its values."""
    text = _SCALAR.sub(r"\1", _DTYPE.sub("", text))
    return _ARRAY.sub(r"\1", text)
