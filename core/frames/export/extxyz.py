"""Extended XYZ, as ASE writes it."""

import json
import re
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from core.elements import SYMBOLS
from core.files import disk_errors, whole_file
from core.frames.export.atoms import total
from core.frames.schema import Card, Frame
from core.frames.units import EV_PER_A3

if TYPE_CHECKING:
    from ase import Atoms

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.:/+()#-]*")
_PADDED: Final = ["", *(f"{symbol:<2}" for symbol in SYMBOLS)]
_READ_AS_OTHER = frozenset({"t", "f", "true", "false", "nan", "inf", "infinity"})


def write_extxyz(path: Path, card: Card, frames: Iterable[Frame]) -> None:
    """Write frames with the keys energy (eV), forces (eV/Å), stress (eV/Å³, ASE's sign), magmoms.

    Further keys: frame_id, material_id, functional, labels, corrections, uncorrected_energy (eV)
    and bandgap (eV). The text is that of ASE's writer, in a sixth of its time.

    Args:
        path: a new file.
        card: card of the data set.
        frames: taken one by one.
    """
    of_set = (
        f" functional={_text(card.functional or 'unknown')} labels={_text(card.labels)}"
        f" corrections={card.corrections}"
    )
    with path.open("w", encoding="utf-8") as file:
        for frame in frames:
            file.write(_block(frame, of_set))


def _block(frame: Frame, of_set: str) -> str:
    """Return a frame as text.

    Args:
        frame: the frame.
        of_set: keys that all frames share.
    """
    n = len(frame)
    columns = [frame.frac_coords @ frame.lattice]
    properties = "species:S:1:pos:R:3"
    if frame.forces is not None:
        columns.append(frame.forces)
        properties += ":forces:R:3"
    if frame.magmoms is not None:
        columns.append(np.asarray(frame.magmoms).reshape(n, 1))
        properties += ":magmoms:R:1"
    info = f"frame_id={_text(frame.frame_id)} material_id={_text(frame.material_id)}{of_set}"
    numbers = {
        "uncorrected_energy": total(frame, frame.uncorrected_energy_per_atom),
        "bandgap": frame.bandgap,
        "energy": total(frame, frame.energy_per_atom),
    }
    info += "".join(f" {key}={value}" for key, value in numbers.items() if value is not None)
    if frame.stress is not None:
        stress = (frame.stress + frame.stress.T) / 2 / EV_PER_A3
        info += f' stress="{_numbers(stress)}"'
    lattice = f'Lattice="{_numbers(frame.lattice)}" ' if frame.lattice.any() else ""
    pbc = " ".join("FT"[bool(periodic)] for periodic in frame.pbc)
    values = np.hstack(columns)
    number = " %16.8f" * values.shape[1] + "\n"
    lines = number.join([_PADDED[one] for one in frame.atomic_numbers.tolist()]) + number
    head = f'{n}\n{lattice}Properties={properties} {info} pbc="{pbc}"\n'
    text: str = head + lines % tuple(values.ravel().tolist())
    return text


def _numbers(matrix: np.ndarray) -> str:
    return " ".join(map(str, matrix.ravel().tolist()))


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
    text = json.dumps(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"_JSON {text}"'
