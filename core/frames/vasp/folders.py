"""Calculations in a tree of folders: the files of VASP's, each once, and the materials' names."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.frames.functionals import is_functional, other_words

_COMPRESSED: Final = re.compile(r"\.(gz|bz2|xz|zst|zstd|lz4)$", re.IGNORECASE)
_XML: Final = re.compile(r"vasprun|\.xml(\.|$)", re.IGNORECASE)
_OUTCAR: Final = re.compile(r"(^|[^a-z])outcar([^a-z]|$)", re.IGNORECASE)
_NAME_OF_FORM: Final = re.compile(r"vasprun|outcar|\bxml\b", re.IGNORECASE)
_RUN: Final = re.compile(
    r"((double|geo(metry)?|full|pre|final|ionic|cell)?[ _-]*)?"
    r"(relax(ation)?|opt(imi[sz](e|ation))?|static|single[ _-]?point|sp|scf|nscf|dos|bands?|md|"
    r"aimd|calc(ulation)?|vasp|dft|run|outputs?|results?|launcher)[ _-]*\d*",
    re.IGNORECASE,
)


@dataclass(kw_only=True, frozen=True, slots=True)
class Calculation:
    """The files of one calculation.

    Attributes:
        files: vasprun.xml, OUTCAR, or both in this order.
        label: what its files' names have beside those of VASP, as "relax2"; often "".
    """

    files: tuple[Path, ...]
    label: str


def folders_of(
    root: Path, failed: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[Path]]]:
    """Yield every folder below a root with its files, in the order of their names.

    Hidden folders are left out and links to folders are not followed.

    Args:
        root: the folder.
        failed: called with the error where a folder cannot be read.
    """
    for place, folders, files in os.walk(root, onerror=failed):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        yield Path(place), [Path(place, name) for name in sorted(files, key=_natural)]


def calculations_of(files: Iterable[Path]) -> list[Calculation]:
    """Return the calculations among the files of one folder, each once.

    A vasprun.xml and an OUTCAR belong together if the rest of their names is the same, and so do
    a file and its compressed copy, of which the first counts.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in files:
        name = _COMPRESSED.sub("", path.name)
        if path.name.startswith("."):
            continue
        if _OUTCAR.search(name):
            kind = "outcar"
        elif _XML.search(name):
            kind = "vasprun"
        else:
            continue
        label = re.sub(r"[._ -]*\s[._ -]*", "_", _NAME_OF_FORM.sub(" ", name)).strip("_")
        found.setdefault(label, {}).setdefault(kind, path)
    return [
        Calculation(
            files=tuple(kinds[kind] for kind in ("vasprun", "outcar") if kind in kinds),
            label=label,
        )
        for label, kinds in found.items()
    ]


def material_of(parts: Iterable[str]) -> str:
    """Return the part of a path that names the material.

    Folders that name a step of a workflow, as relax or static, or a functional are not part of
    it, so that all calculations of a material have one id in every data set.

    Returns:
        The other parts; "" if there are none.
    """
    return "/".join(part for part in parts if part and not _names_a_run(part))


def material_of_path(path: Path) -> str:
    """Return the name of the nearest folder that names a material, "" if none of three does."""
    return material_of(path.absolute().parts[-3:]).rpartition("/")[2]


def materials_of(files: Sequence[Path]) -> list[str]:
    """Return the material of each output of a code, by its folder and, where names differ, its own.

    What names a step of a workflow is no part of it, as in `material_of`.
    """
    every = [file.absolute() for file in files]
    above = os.path.commonpath([file.parent for file in every])
    is_of_one_name = len({file.name for file in every}) == 1
    found = []
    for file in every:
        name = "" if is_of_one_name else Path(_COMPRESSED.sub("", file.name)).stem
        parts = (*file.parent.relative_to(above).parts, name)
        found.append(material_of(parts) or material_of_path(file.parent) or file.name)
    return found


def with_label(folder: str, label: str) -> str:
    """Return the name of a calculation by its folder and the label of its files.

    A number, as in OUTCAR_1, says nothing without its folder.
    """
    return f"{folder}/{label}" if folder and label.isdecimal() else label or folder


def _names_a_run(part: str) -> bool:
    if is_functional(part):
        return all(map(_RUN.fullmatch, other_words(part)))
    return _RUN.fullmatch(part) is not None


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts step_2 before step_10."""
    return [
        (int(word), "") if word.isdecimal() else (-1, word) for word in re.split("([0-9]+)", name)
    ]
