"""Results of studies as .npz files: arrays as they are, everything else as JSON, no pickles.

A result is a dataclass whose fields hold numpy arrays (of numbers or of strings), dataclasses of
the same kind, or JSON types: numbers, strings, lists, dictionaries and None.
"""

import io
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import orjson

from core.errors import LabError
from core.files import whole_file
from core.sealed import UNREADABLE_ARRAYS, check_seal, sealed

_JSON = "json"
Result = TypeVar("Result")


def save_result(path: Path, result: Any, *, compress: bool = False) -> None:
    """Write a result; the file is written completely or not at all.

    Args:
        path: path of the file, ending in .npz.
        result: a dataclass as described above.
        compress: whether to take longer for a smaller file.
    """
    arrays: dict[str, Any] = {}
    values = _split(result, "", arrays)
    arrays[_JSON] = np.frombuffer(orjson.dumps(values), np.uint8)
    (np.savez_compressed if compress else np.savez)(buffer := io.BytesIO(), **arrays)
    with whole_file(path) as file:
        file.write(sealed(buffer.getvalue()))


def load_result(path: Path, kind: type[Result]) -> Result:
    """Read what `save_result` wrote.

    Args:
        path: path of the file.
        kind: the dataclass of the result.

    Raises:
        LabError: if the file is missing or damaged, or holds another kind of result.
    """
    try:
        check_seal(path, "compute it again")
        with np.load(path, allow_pickle=False) as stored:
            return _join(kind, orjson.loads(stored[_JSON].tobytes()), "", stored)
    except (*UNREADABLE_ARRAYS, AttributeError, TypeError):
        raise LabError(f"{path} cannot be read as a result; compute it again.") from None


def _split(result: Any, prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as JSON types, and collect the arrays by name."""
    values: dict[str, Any] = {}
    for field in fields(result):
        value, name = getattr(result, field.name), prefix + field.name
        if isinstance(value, np.ndarray):
            # pandas holds strings as objects, which need pickles; fixed-width text does not.
            arrays[name] = value.astype(str) if value.dtype == object else value
        elif is_dataclass(value):
            values[field.name] = _split(value, f"{name}.", arrays)
        else:
            values[field.name] = _encode(value)
    return values


def _encode(value: Any) -> Any:
    """Return a value as JSON types; JSON has neither infinities nor NaN, so they become text."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return {"float": repr(float(value))}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _encode(item) for key, item in value.items()}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"float"} and isinstance(value["float"], str):
            return float(value["float"])
        return {key: _decode(item) for key, item in value.items()}
    return value


def _join(kind: type[Result], plain: dict[str, Any], prefix: str, stored: Any) -> Result:
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = prefix + field.name
        if name in stored:
            values[field.name] = stored[name]
        elif is_dataclass(types[field.name]) and isinstance(plain[field.name], dict):
            inner: Any = types[field.name]
            values[field.name] = _join(inner, plain[field.name], f"{name}.", stored)
        else:
            values[field.name] = _decode(plain[field.name])
    return kind(**values)
