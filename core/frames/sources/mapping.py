"""Which column of a table is what: the guess, overruled by the user."""

import hashlib
from collections.abc import Iterable, Mapping

from core.errors import LabError
from core.frames.sources.tabular import TableFile


def merge_mapping(
    file: TableFile,
    guessed: Mapping[str, str],
    given: Mapping[str, str] | None,
    *,
    fields: Iterable[str],
) -> dict[str, str]:
    """Lay the user's mapping over the guessed one.

    Args:
        file: The table.
        guessed: Field to column.
        given: Field to column; an empty column leaves the field out.
        fields: All fields there are.

    Returns:
        Field to column, without the fields that have none.

    Raises:
        LabError: A field that does not exist or a column that the table lacks.
    """
    known = tuple(fields)
    for field, column in (given or {}).items():
        if field not in known:
            raise LabError(f"There is no field {field!r} to map; choose among {', '.join(known)}.")
        if column and column not in file.columns:
            raise LabError(
                f"{file.path.name} has no column {column!r} to take as {field}; its columns are: "
                f"{', '.join(file.columns)}."
            )
    merged = {**guessed, **(given or {})}
    return {field: column for field, column in merged.items() if column}


def require(file: TableFile, mapping: Mapping[str, str], field: str, what: str) -> str:
    """Return the column of a field, LabError if it has none.

    Args:
        file: The table.
        mapping: Field to column.
        field: The one needed.
        what: What its column holds, for the sentence.
    """
    if field not in mapping:
        raise LabError(
            f"{file.path.name} has no column that looks like {what}; name the one to take as "
            f"{field}, its columns are: {', '.join(file.columns)}."
        )
    return mapping[field]


def file_sha256(file: TableFile) -> str:
    """Return the SHA-256 of a file."""
    with file.path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
