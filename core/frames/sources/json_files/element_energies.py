"""JSON that holds energies of elements, which are references rather than frames."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.frames.sources.json_files.head import json_head

_FEWEST: Final = 3
_DEEPEST: Final = 4
_SIMPLE: Final = 2
"""Levels of a dictionary that `atomref atomrefs save` reads: functional, element."""


def refuse_element_energies(path: Path) -> None:
    """Refuse a JSON file of energies by element, and say what takes it.

    Raises:
        LabError: if it is one.
    """
    levels = _levels(json_head(path).value)
    if levels is None:
        return
    command = f"atomref atomrefs save NAME {path.name} --functional FUNCTIONAL"
    if levels > _SIMPLE:
        command = 'one dictionary such as {"H": -1.2} with atomref atomrefs save'
    raise LabError(
        f"{path.name} holds energies of elements, not of structures; save them as an AtomRef: "
        f"{command}."
    )


def _levels(value: Any, depth: int = 1) -> int | None:
    """Return how deep a dictionary of energies by element is, None for anything else."""
    if not isinstance(value, Mapping) or not value or depth > _DEEPEST:
        return None
    if len(value) >= _FEWEST and all(map(_is_element, value)):
        energies = list(value.values())
        if all(isinstance(one, (int, float)) for one in energies):
            return depth
        # Small dictionaries with a number, as {"mu": -3.4, "key": "…"}.
        return depth + 1 if all(map(_has_one_number, energies)) else None
    return _levels(next(iter(value.values())), depth + 1)


def _is_element(key: str) -> bool:
    return key in INDEX or (key.isdecimal() and 1 <= int(key) <= N_ELEMENTS)


def _has_one_number(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= _FEWEST
        and not any(isinstance(one, (Mapping, list)) for one in value.values())
        and sum(isinstance(one, float) for one in value.values()) == 1
    )
