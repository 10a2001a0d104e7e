"""Results of studies as files: arrays as they are, all else as JSON, nothing that runs code.

A result is a dataclass whose fields hold numpy arrays (of numbers, or of strings), dataclasses of
the same kind, or what JSON knows: numbers, strings, lists, dictionaries and None.
"""

import zipfile
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import orjson

from core.errors import LabError
from core.files import whole_file

_JSON = "json"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)

Result = TypeVar("Result")


def save_result(path: Path, result: Any) -> None:
    """Write a result; the file appears whole or not at all.

    Args:
        path: of the file, ending in .npz.
        result: a dataclass as described above.
    """
    arrays: dict[str, Any] = {}
    told = _taken_apart(result, "", arrays)
    arrays[_JSON] = np.frombuffer(orjson.dumps(told), np.uint8)
    with whole_file(path) as file:
        np.savez(file, **arrays)


def load_result(path: Path, kind: type[Result]) -> Result:
    """Read what `save_result` wrote.

    Args:
        path: of the file.
        kind: the dataclass of the result.

    Raises:
        LabError: the file is missing or damaged, or holds another kind of result.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return _put_together(kind, orjson.loads(stored[_JSON].tobytes()), "", stored)
    except (*_UNREADABLE, TypeError):
        raise LabError(f"{path} cannot be read as a result; compute it again.") from None


def _taken_apart(result: Any, prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for field in fields(result):
        value, name = getattr(result, field.name), prefix + field.name
        if isinstance(value, np.ndarray):
            # Strings as pandas holds them are objects; as text of fixed width they are plain data.
            arrays[name] = value.astype(str) if value.dtype == object else value
        elif is_dataclass(value):
            told[field.name] = _taken_apart(value, f"{name}.", arrays)
        else:
            told[field.name] = _plain(value)
    return told


def _plain(value: Any) -> Any:
    """JSON has no infinities and no not-a-number: those go in words."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return {"float": repr(float(value))}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        if value.keys() == {"float"} and isinstance(value["float"], str):
            return float(value["float"])
        return {key: _whole(one) for key, one in value.items()}
    return value


def _put_together(kind: type[Result], told: dict[str, Any], prefix: str, stored: Any) -> Result:
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        name = prefix + field.name
        if name in stored:
            values[field.name] = stored[name]
        elif is_dataclass(types[field.name]) and isinstance(told[field.name], dict):
            inner: Any = types[field.name]
            values[field.name] = _put_together(inner, told[field.name], f"{name}.", stored)
        else:
            values[field.name] = _whole(told[field.name])
    return kind(**values)
