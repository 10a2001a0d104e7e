"""The structures that a command is asked about: files, or a formula."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import LabError
from core.frames.contents.finding import rows_of_formula
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.frames.sources.structure_files import LeftOut, Place, read_structures
from core.studies.models.given import found_given, keep, read_given

DATASET = "mp-structures"
"""Where the structures of a formula are by default."""

_ONE_OF_TWO = "Give files with structures, or a formula with --formula."


def structures_asked(
    files: Sequence[Path] | None, formula: str | None, dataset: str
) -> tuple[list[tuple[Place, Frame]], list[LeftOut]]:
    """Return structures with their places, and those that cannot be taken.

    Args:
        files: files with structures.
        formula: a formula or chemical system, instead of files.
        dataset: data set with its structures; the places of these are its name and their rows.

    Raises:
        LabError: if there are both files and a formula, or neither, or nothing can be taken.
    """
    if bool(files) == bool(formula):
        raise LabError(_ONE_OF_TWO)
    if files:
        return read_structures(files)
    data = open_dataset(dataset)
    rows = rows_of_formula(data, formula or "")
    found = zip(rows.tolist(), data.frames(rows), strict=True)
    return [((Path(dataset), row), frame) for row, frame in found if frame is not None], []


def kept_structures(
    files: Sequence[Path] | None, formula: str | None, dataset: str
) -> tuple[str, list[dict[str, Any]]]:
    """Keep structures for studies, and return their name and what is left out.

    Arguments and errors as of `structures_asked`.
    """
    if bool(files) == bool(formula):
        raise LabError(_ONE_OF_TWO)
    structures = (
        read_given([str(path) for path in files]) if files else found_given(dataset, formula or "")
    )
    return keep(structures), list(structures.left_out)
