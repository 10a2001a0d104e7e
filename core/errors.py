"""Errors that a user can act on."""

import re
from typing import Final

_FAULTS: Final = (
    (r"Input should be a valid integer\b.*", "should be a whole number"),
    (r"Input should be a valid number\b.*", "should be a number"),
    (r"Input should be greater than or equal to (\S+)", r"should be at least \1"),
    (r"Input should be less than or equal to (\S+)", r"should be at most \1"),
    (r"Input should be greater than (\S+)", r"should be above \1"),
    (r"Input should be less than (\S+)", r"should be below \1"),
    (r"String should have at least 1 character", "should not be empty"),
    (r"(?:Input|String|List|Value) (should .*)", r"\1"),
)
"""What pydantic writes about a value, and the same in plain words; the first match counts."""


class LabError(Exception):
    """An error in the user's input or environment, described in one sentence.

    The message names what is wrong, where (file and row), and what to do. The command line prints
    it on one line and exits with status 2; a page shows it in a red box. Any other exception is a
    bug.
    """


def plain_fault(text: str) -> str:
    """Return what pydantic writes about a value in plain words, such as "should be a number".

    Args:
        text: a message of a validator, alone or at the end of a sentence.
    """
    for pattern, words in _FAULTS:
        changed, n = re.subn(pattern, words, text)
        if n:
            return changed
    return text
