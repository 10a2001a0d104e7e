"""The structures that a command is asked about: files, or a formula."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import LabError
from core.frames.contents.finding import rows_of_formula
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.frames.sources.structure_files import LeftOut, Place, read_structures
from core.studies.models.given import (
    GivenStructures,
    found_given,
    keep,
    names_in_files,
    read_given,
)

DATASET = "mp-structures"
"""Where the structures of a formula are by default."""

MOST_DRAWN = 20
"""Structures that a report draws at most, a figure each."""

_ONE_OF_TWO = "Give files with structures, or a formula with --formula."


@dataclass(kw_only=True, frozen=True)
class Kept:
    """Structures that are kept for studies.

    Attributes:
        name: under which they are kept.
        structures: all of them.
        places: which of them a command is asked about.
    """

    name: str
    structures: GivenStructures
    places: list[int]

    def check_few(self) -> None:
        """Refuse more structures than a report draws.

        Raises:
            LabError: if there are more.
        """
        if len(self.places) > MOST_DRAWN:
            raise LabError(
                f"A report draws at most {MOST_DRAWN} structures, and these are "
                f"{len(self.places):,}; choose some with --structure."
            )


def structures_asked(
    files: Sequence[Path] | None, formula: str | None, dataset: str, only: Sequence[str] | None
) -> tuple[list[tuple[Place, Frame]], list[LeftOut]]:
    """Return structures with their places, and those that cannot be taken.

    Args:
        files: files with structures.
        formula: a formula or chemical system, instead of files.
        dataset: data set with its structures; the places of these are its name and their rows.
        only: names of the structures to return, as of `GivenStructures`; None for all.

    Raises:
        LabError: if there are both files and a formula, or neither, nothing can be taken, or there
            is no structure of such a name.
    """
    if bool(files) == bool(formula):
        raise LabError(_ONE_OF_TWO)
    left_out: list[LeftOut] = []
    if files:
        frames, left_out = read_structures(files)
        names = names_in_files(frames, left_out)
    else:
        data = open_dataset(dataset)
        rows = rows_of_formula(data, formula or "")
        found = zip(rows.tolist(), data.frames(rows), strict=True)
        frames = [((Path(dataset), row), frame) for row, frame in found if frame is not None]
        names = [frame.frame_id for _, frame in frames]
    return [frames[place] for place in _places(names, only)], left_out


def kept_structures(
    files: Sequence[Path] | None, formula: str | None, dataset: str, only: Sequence[str] | None
) -> Kept:
    """Keep structures for studies.

    Arguments and errors as of `structures_asked`.
    """
    if bool(files) == bool(formula):
        raise LabError(_ONE_OF_TWO)
    structures = (
        read_given([str(path) for path in files]) if files else found_given(dataset, formula or "")
    )
    return Kept(
        name=keep(structures),
        structures=structures,
        places=_places(structures.names.tolist(), only),
    )


def check_new_files(models: Collection[str], **options: Path | None) -> None:
    """Refuse files that a command cannot write.

    Args:
        models: the models that are asked.
        options: the new files by the options that name them.

    Raises:
        LabError: if a file exists, or several models would write to it.
    """
    for option, path in options.items():
        if path is not None and path.exists():
            raise LabError(f"{path}: exists already; name a new file.")
        if path is not None and len(models) > 1:
            raise LabError(f"--{option}: is written by one model; name one --model.")


def _places(names: Sequence[str], only: Sequence[str] | None) -> list[int]:
    for name in only or ():
        if name not in names:
            raise LabError(
                f"--structure: there is no {name} among the structures; the first is {names[0]}."
            )
    return [place for place, name in enumerate(names) if not only or name in only]
