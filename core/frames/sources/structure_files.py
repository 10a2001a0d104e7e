"""The structures in files, without their labels, for a model to work on.

ASE reads them; JSON, of which ASE knows its own database only, is read by the lab's own readers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import boxed
from core.elements import ISOTOPES, N_ELEMENTS
from core.errors import LabError
from core.frames.schema import Frame
from core.frames.sources.records import Refused
from core.frames.tables.structure_text import check_text, formula_in_cif
from core.frames.tables.structures import contradiction
from core.frames.tables.tabular import CellError
from core.progress import silent

if TYPE_CHECKING:
    from ase import Atoms

    from core.frames.sources.records import RecordSource

Place = tuple[Path, int]
"""A file, and the place of a structure in it, from 0."""

_MOST_IN_CIF = 20_000
"""Atoms of a CIF with their images by symmetry; ASE reads them faster than pymatgen."""

_HEAD = 64
"""Bytes of a file that show whether it is JSON."""

_NO_CELL = "has no three lattice vectors; CHGNet needs a crystal's cell."

_FLAT = "has lattice vectors that span no volume; correct the lattice."

_SHOWN = 160
"""Characters shown of what a file's reader said."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A frame that is not used.

    Attributes:
        path: its file.
        index: its place in the file, from 0.
        error: why.
    """

    path: Path
    index: int
    error: LabError

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.index} (from 0) of {self.path}"

    @property
    def why(self) -> str:
        """The reason, without the place where it begins with it."""
        text = str(self.error)
        for start in (f"{self.path}: frame {self.index} (from 0) ", f"{self.path}: "):
            text = text.removeprefix(start)
        return text

    def as_dict(self) -> dict[str, str | int]:
        """Return file, place and reason."""
        return {"file": str(self.path), "frame": self.index, "why": self.why}


def read_structures(files: Sequence[Path]) -> tuple[list[tuple[Place, Frame]], list[LeftOut]]:
    """Read all structures of some files.

    Args:
        files: CIF, POSCAR, extended XYZ, JSON, or whatever else ASE reads.

    Returns:
        The structures with their places, and those that cannot be taken.

    Raises:
        LabError: if a file is missing or empty, or none of the structures can be taken.
    """
    for path in files:
        _check(path)
    frames: list[tuple[Place, Frame]] = []
    left_out: list[LeftOut] = []
    for path in files:
        with boxed.reading(path):
            for index, found in _read(path):
                boxed.count_read()
                if isinstance(found, LabError):
                    left_out.append(LeftOut(path, index, found))
                else:
                    frames.append(((path, index), found))
    if not frames:
        raise left_out[0].error
    return frames, left_out


def _check(path: Path) -> None:
    if path.is_dir():
        raise LabError(f"{path}: is a directory; name the files in it.")
    if not path.is_file():
        raise LabError(f"{path}: no such file; check the name.")
    if path.stat().st_size == 0:
        raise LabError(f"{path}: is empty; give a file with at least one structure.")


def _read(path: Path) -> Iterator[tuple[int, Frame | LabError]]:
    """Yield a file's structures, or why one cannot be taken, with their places in the file.

    What follows a frame that ASE cannot read cannot be read either.
    """
    if _is_json(path) and (source := _opened(path)) is not None:
        yield from enumerate(_of_records(path, source))
        return
    from ase.data import atomic_numbers  # noqa: PLC0415
    from ase.io import iread  # noqa: PLC0415

    for isotope, symbol in ISOTOPES.items():
        atomic_numbers.setdefault(isotope, atomic_numbers[symbol])
    try:
        formula = _stated_formula(path)
    except LabError as error:
        yield 0, error
        return
    images = iread(path.absolute(), index=":", do_not_split_by_at_sign=True)
    for index in count():
        try:
            atoms = next(images, None)
        except Exception as error:  # noqa: BLE001
            # everything: ASE's readers let pass whatever their parsing raises
            said = " ".join(str(error).split())[:_SHOWN].rstrip(".")
            yield (
                index,
                LabError(
                    f"{path}: frame {index} (from 0) cannot be read"
                    f"{f', for ASE says: {said}' if said else ''}; correct the file, or give a "
                    "whole one whose name shows its format, such as .cif, .vasp, POSCAR or .extxyz."
                ),
            )
            return
        if atoms is None:
            if index == 0:
                yield 0, LabError(f"{path}: holds no structure; give a file with at least one.")
            return
        # Disorder first: ASE takes one of a site's elements, which contradicts the formula.
        try:
            frame = _frame(path, index, atoms)
        except LabError as error:
            yield index, error
            continue
        problem = contradiction(formula, atoms.numbers) if formula else None
        yield index, LabError(f"{path}: {problem}; correct the file.") if problem else frame


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_HEAD).lstrip()[:1] in {b"{", b"["}


def _opened(path: Path) -> "RecordSource | None":
    # Its import takes as long as reading a small file.
    from core.frames.sources.opening import open_source  # noqa: PLC0415

    return open_source(path)


def _of_records(path: Path, source: "RecordSource") -> Iterator[Frame | LabError]:
    """Yield the structures of a JSON file, or why one cannot be taken."""
    is_empty = True
    for index, record in enumerate(source.records(silent)):
        is_empty = False
        where = f"{path}: frame {index} (from 0)"
        if isinstance(record, Refused):
            yield LabError(f"{where} cannot be read ({record.why}); correct the file.")
        elif record.lattice is None:
            yield LabError(f"{where} {_NO_CELL}")
        else:
            coords = record.frac_coords
            if coords is None and record.positions is not None:
                try:
                    coords = np.linalg.solve(record.lattice.T, record.positions.T).T
                except np.linalg.LinAlgError:
                    yield LabError(f"{where} {_FLAT}")
                    continue
            frame = Frame(
                frame_id=f"{index} (from 0) of {path}",
                material_id=path.name,
                atomic_numbers=record.atomic_numbers,
                frac_coords=np.asarray(coords, dtype=np.float64),
                lattice=record.lattice,
                pbc=record.pbc,
            )
            yield frame
    if is_empty:
        yield LabError(f"{path}: holds no structure; give a file with at least one.")


def _stated_formula(path: Path) -> str | None:
    """Return the formula that a CIF of one structure states, None for other files.

    Raises:
        LabError: if the file has too many atoms or operations, or is a POSCAR that does not name
            its elements, which ASE would guess.
    """
    from ase.io.formats import UnknownFileTypeError, filetype  # noqa: PLC0415

    try:
        kind = filetype(str(path))
    except UnknownFileTypeError:
        return None
    if kind not in {"cif", "vasp"}:
        return None
    text = path.read_text(errors="replace")
    try:
        check_text(text, "cif" if kind == "cif" else "poscar", most_in_cif=_MOST_IN_CIF)
    except CellError as error:
        raise LabError(f"{path}: {error}; correct the file.") from None
    is_single = len(re.findall(r"^_cell_length_a", text, re.MULTILINE)) == 1
    return formula_in_cif(text) if kind == "cif" and is_single else None


def _frame(path: Path, index: int, atoms: "Atoms") -> Frame:
    """Return the structure without whatever labels the file has."""
    where = f"{path}: frame {index} (from 0)"
    if atoms.cell.rank < 3:
        raise LabError(f"{where} {_NO_CELL}")
    unknown = atoms.numbers[(atoms.numbers < 1) | (atoms.numbers > N_ELEMENTS)]
    if len(unknown):
        raise LabError(
            f"{where} contains an element outside H to Pu (atomic number {unknown[0]}); leave it "
            "out."
        )
    occupancy = atoms.info.get("occupancy")
    if isinstance(occupancy, dict) and not all(map(_is_ordered, occupancy.values())):
        raise LabError(f"{where} has partly occupied sites; give an ordered structure.")
    try:
        frac_coords = atoms.cell.scaled_positions(atoms.positions)
    except np.linalg.LinAlgError:
        raise LabError(f"{where} {_FLAT}") from None
    return Frame(
        frame_id=f"{index} (from 0) of {path}",
        material_id=path.name,
        atomic_numbers=atoms.numbers,
        frac_coords=frac_coords,
        lattice=atoms.cell.array,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
    )


def _is_ordered(site: dict[str, object]) -> bool:
    """Return whether one element fills a site, as it does where a CIF leaves that open."""
    (share, *others) = site.values()
    if others or share in (".", "?"):
        return not others
    return isinstance(share, int | float) and abs(share - 1) < 1e-3
