"""Extended XYZ, written by ASE."""

import json
import re
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from core.files import disk_errors, whole_file
from core.frames.export.atoms import atoms_of, total
from core.frames.schema import Card, Frame

if TYPE_CHECKING:
    from ase import Atoms

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.:/+()#-]*")
_READ_AS_OTHER = frozenset({"t", "f", "true", "false", "nan", "inf", "infinity"})


def write_extxyz(path: Path, card: Card, frames: Iterable[Frame]) -> None:
    """Write frames with the keys energy (eV), forces (eV/Å), stress (eV/Å³, ASE's sign), magmoms.

    Further keys: frame_id, material_id, functional, labels, corrections, uncorrected_energy (eV)
    and bandgap (eV).

    Args:
        path: a new file.
        card: card of the data set.
        frames: taken one by one.
    """
    from ase.io.extxyz import write_extxyz as write  # noqa: PLC0415  takes a while to import

    with path.open("w", encoding="utf-8") as file:
        for frame in frames:
            atoms = atoms_of(frame)
            info = {
                "frame_id": _text(frame.frame_id),
                "material_id": _text(frame.material_id),
                "functional": _text(card.functional or "unknown"),
                "labels": _text(card.labels),
                "corrections": card.corrections,
                "uncorrected_energy": total(frame, frame.uncorrected_energy_per_atom),
                "bandgap": frame.bandgap,
            }
            atoms.info = {key: value for key, value in info.items() if value is not None}
            write(file, atoms)


def write_images(path: Path, images: Iterable["Atoms"]) -> None:
    """Write ASE's Atoms with whatever labels and info they have; whole or not at all.

    Args:
        path: the file; an existing one is replaced.
        images: taken one by one.

    Raises:
        LabError: if the directory cannot be written or the disk is full.
    """
    from ase.io.extxyz import write_extxyz as write  # noqa: PLC0415  takes a while to import

    with disk_errors(path), whole_file(path) as file:
        text = TextIOWrapper(file, encoding="utf-8")
        for image in images:
            write(text, image)
        text.detach()


def _text(value: str) -> str:
    """Return a text so that ASE reads the same text, not a number, and no line is broken."""
    if _PLAIN.fullmatch(value) and value.lower() not in _READ_AS_OTHER:
        return value
    # ASE escapes quotes itself, but no backslashes.
    return "_JSON " + json.dumps(value).replace("\\", "\\\\")
