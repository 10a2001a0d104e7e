"""SevenNet's `structure_list`: labels in brackets, below them files with the steps to take.

The form is that of https://github.com/MDIL-SNU/SevenNet, in example_inputs/training.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

_LABEL: Final = re.compile(r"\[[^\[\]{}\"',]*\]")
_FILE: Final = re.compile(r"(\S+)(?:\s+(\S+))?")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")
_MOST_FILES: Final = 100_000


@dataclass(kw_only=True, frozen=True, slots=True)
class ListedFile:
    """A file of the list.

    Attributes:
        path: as the list names it.
        steps: which of its steps count, as "begin:end:step"; None for the last one.
    """

    path: str
    steps: slice | None


def looks_like_structure_list(head: str) -> bool:
    """Return whether a file that begins like this is a structure_list."""
    lines = [line for line in map(str.strip, head.splitlines()) if line]
    return (
        len(lines) > 1
        and _LABEL.fullmatch(lines[0]) is not None
        and re.search("outcar|vasprun", lines[1], re.IGNORECASE) is not None
    )


def files_of_list(text: str) -> list[ListedFile]:
    """Return the files that a list names, each once.

    Raises:
        ValueError: if a line is not a path with steps; the line and the reason.
    """
    found: dict[str, ListedFile] = {}
    n_named = 0
    for line in map(str.strip, text.splitlines()):
        match = _FILE.fullmatch(line)
        if not line or _LABEL.fullmatch(line):
            continue
        if match is None:
            raise ValueError(f"the line {line[:80]!r} is not a path with the steps to take")
        steps = _steps(match[2] or ":")
        for path in islice(_expanded(match[1]), _MOST_FILES + 1):
            found.setdefault(path, ListedFile(path=path, steps=steps))
            n_named += 1
        if n_named > _MOST_FILES:
            raise ValueError(f"it names more than {_MOST_FILES:,} files")
    return list(found.values())


def _steps(text: str) -> slice | None:
    """Return the steps that an index of ASE takes."""
    if text in {"-1", "-1:"}:
        return None
    numbers = text.split(":")
    if len(numbers) > 3 or not all(re.fullmatch(r"\d{0,9}", number) for number in numbers):
        raise ValueError(f"the steps {text[:40]!r} are not -1 or as in 0:100:10")
    begin, end, step = ([int(number) if number else None for number in numbers] + [None] * 2)[:3]
    if len(numbers) == 1:
        return slice(begin, (begin or 0) + 1)
    return slice(begin, end, step or 1)


def _expanded(path: str) -> Iterator[str]:
    """Yield what a path with {1..5} or {a,b} stands for."""
    match = _BRACES.search(path)
    if match is None:
        yield path
        return
    numbers = _RANGE.fullmatch(match[1])
    words: Iterable[str] = match[1].split(",")
    if numbers:
        width = len(numbers[1]) if numbers[1].startswith("0") else 0
        first, last = int(numbers[1][:9]), int(numbers[2][:9])
        ends = range(first, last + 1) if first <= last else range(first, last - 1, -1)
        words = (f"{number:0{width}d}" for number in ends)
    for word in words:
        for rest in _expanded(path[match.end() :]):
            yield f"{path[: match.start()]}{word}{rest}"
