"""Settings in words: of a command line, and of the sentence that says what is wrong with them."""

import reprlib
from typing import Any

from pydantic import ValidationError

from core.errors import plain_fault


def word_of(value: Any) -> str:
    """Write a setting as one word of a command line."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{block}={rate!r}" for block, rate in value.items())
    return str(value)


def sentence_of(error: ValidationError) -> str:
    """Return all faults of settings in one sentence, without the full stop."""
    faults = []
    for fault in error.errors(include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        kind, given = fault["type"], fault.get("input")
        if field == "version":
            text = (
                f"was written by another version of the lab ({given!r}); update the lab to read it"
            )
        elif kind == "missing":
            text = f"{field} is missing"
        elif kind == "extra_forbidden":
            text = f"{field} is not a setting of a run"
        elif kind == "value_error":
            text = str(fault["ctx"]["error"])
        elif kind == "json_invalid":
            text = f"is not JSON ({fault['ctx']['error']})"
        else:
            text = f"{field} {plain_fault(fault['msg'])} (got {reprlib.repr(given)})"
        faults.append(text)
    return ", ".join(faults)
