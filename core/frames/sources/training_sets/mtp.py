"""Configurations of MLIP's moment tensor potentials (.cfg)."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.sources.training_sets.blocks import blocks
from core.frames.sources.training_sets.types import numbers_of_types
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress

_LABELS: Final[tuple[str, ...]] = ("energy", "forces", "stress")
_FIRST, _LAST = b"BEGIN_CFG", b"END_CFG"
_OLD_STRESS: Final = (
    "Lines called Stress are read as −V × stress, as mlearn and maml write them; MLIP's own had "
    'the opposite sign before PlusStress: --unit "stress=-eV virial".'
)
_PLACES: Final = {b"x": 0, b"y": 1, b"z": 2}


class MtpConfigurations(RecordSource):
    """Frames with numbers of types: energy in eV, forces in eV/Å, PlusStress in eV.

    PlusStress is −V × stress (MLIP-2, `configuration.cpp`, and its interface to ASE), in the order
    that its own line states. mlearn and maml write the same under the name Stress, which MLIP once
    gave to what has the opposite sign.
    """

    form = "mtp"
    title = "MTP configurations"
    mapping = MappingProxyType({"energy": "energy", "forces": "forces"})
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å", "stress": "eV virial"})
    units_are_known = True
    has_types = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._has_old_name = False

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a configuration."""
        head = head_of(path, 1 << 12).split(maxsplit=1)
        return bool(head) and head[0] == _FIRST

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the configurations."""
        for block in blocks(self.path, _FIRST, _LAST, progress):
            if isinstance(block, Refused):
                yield block
                continue
            try:
                yield self._record(block.where, _parsed(block.lines))
            except CellError as error:
                yield Refused(where=block.where, why=str(error))
            except (ValueError, IndexError, OverflowError):
                yield Refused(where=block.where, why="one of its lines cannot be read")

    def notes(self) -> list[str]:
        """Return which sign a line called Stress is taken to have."""
        if not self._has_old_name:
            return []
        return [_OLD_STRESS]

    def _record(self, where: str, found: dict[str, Any]) -> Record:
        if "positions" not in found and "fractions" not in found:
            raise CellError("it has no positions of atoms")
        types = found.get("types", np.zeros(found["n"], dtype=np.int64))
        vectors = found.get("vectors", np.zeros((0, 3)))
        lattice = np.zeros((3, 3))
        lattice[: len(vectors)] = vectors
        values = {key: found[key] for key in _LABELS if key in found}
        self._has_old_name |= found.get("stress_name") == b"Stress:"
        return Record(
            where=where,
            atomic_numbers=numbers_of_types(types, self.elements, self.path.name),
            lattice=lattice if len(vectors) else None,
            positions=found.get("positions"),
            frac_coords=found.get("fractions"),
            pbc=(len(vectors) > 0, len(vectors) > 1, len(vectors) > 2),
            values={**found["features"], **values},
        )


def _parsed(lines: list[list[bytes]]) -> dict[str, Any]:
    """Return the fields of a configuration.

    Raises:
        CellError: if they contradict each other.
        ValueError: if what should be numbers is not.
    """
    found: dict[str, Any] = {"features": {}}
    place = 0
    while place < len(lines):
        key, *words = lines[place]
        place += 1
        match key.lower():
            case b"size":
                words, place = _values(lines, place, words)
                found["n"] = int(words[0])
            case b"supercell":
                begin = place
                while place < len(lines) and place - begin < 3 and _is_number(lines[place][0]):
                    place += 1
                found["vectors"] = np.array(lines[begin:place], dtype=np.float64).reshape(-1, 3)
            case b"atomdata:":
                atoms = lines[place : place + found.get("n", 0)]
                place += len(atoms)
                found |= _atoms(words, atoms, found.get("n", 0))
            case b"energy":
                words, place = _values(lines, place, words)
                found["energy"] = float(words[0])
            case b"plusstress:" | b"stress:":
                names = words
                words, place = _values(lines, place, [])
                found["stress"] = _tensor(names, words)
                found["stress_name"] = key
            case b"virial:":
                _, place = _values(lines, place, [])
            case b"feature" if words:
                text = b" ".join(words[1:]).decode(errors="replace")
                found["features"][words[0].decode(errors="replace")] = text
            case _ if _is_number(key):
                raise CellError("it has more lines of numbers than it states")
    return found


def _atoms(header: list[bytes], atoms: list[list[bytes]], n: int) -> dict[str, Any]:
    width = len(header)
    if not 0 < n == len(atoms) or any(len(words) != width for words in atoms):
        raise CellError(f"it does not have {width} columns for each of its {n:,} atoms")
    columns = dict(zip(header, zip(*atoms, strict=True), strict=True))
    found: dict[str, Any] = {}
    if b"type" in columns:
        found["types"] = np.array(columns[b"type"], dtype=np.int64)
    for name, letters in {"positions": b"cartes_", "fractions": b"direct_", "forces": b"f"}.items():
        names = [letters + axis for axis in (b"x", b"y", b"z")]
        if all(one in columns for one in names):
            found[name] = np.array([columns[one] for one in names]).astype(np.float64).T
    return found


def _values(lines: list[list[bytes]], place: int, words: list[bytes]) -> tuple[list[bytes], int]:
    """Return what stands behind a key, on its line or on the next."""
    return (words, place) if words else (lines[place], place + 1)


def _tensor(names: list[bytes], words: list[bytes]) -> np.ndarray:
    tensor = np.full((3, 3), np.nan)
    for name, word in zip(names, words, strict=True):
        if len(name) != 2 or any(letter not in b"xyz" for letter in name):
            raise CellError("its stress does not name its components")
        row, column = (_PLACES[bytes([letter])] for letter in name)
        tensor[row, column] = tensor[column, row] = float(word)
    return tensor


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
