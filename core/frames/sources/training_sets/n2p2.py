"""Training data of n2p2 and RuNNer (input.data)."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy.spatial.distance import pdist

from core.elements import INDEX
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.sources.training_sets.blocks import Block, blocks
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR
from core.progress import Progress, silent

_FIRST, _LAST = b"begin", b"end"
_KEYS: Final = frozenset({b"comment", b"lattice", b"atom", b"energy", b"charge"})
_SMALLEST_ATOM: Final = 4.0
"""Å³ that an atom takes at least at pressures of interest; diamond has 5.7."""
_MOST_ATOMS: Final = 500
_FARTHEST: Final = 1e6
_SHORTEST_BOND: Final = 0.65
"""Å; the bond of H2 has 0.74."""


class N2p2Data(RecordSource):
    """Frames in the units of their author, which are atomic ones nearly always.

    n2p2 has no units of its own (https://compphysvienna.github.io/n2p2/topics/units.html). Lengths
    in which atoms would overlap if they were bohr are taken for Å, with eV.
    """

    form = "n2p2"
    title = "n2p2 training data"
    mapping = MappingProxyType({"energy": "energy", "forces": "forces"})
    units = MappingProxyType({"energy": "Ha/cell", "forces": "Ha/bohr"})

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._length = BOHR
        head = [self._record(block) for block in islice(self._blocks(silent), 20)]
        if any(isinstance(one, Record) and _is_crowded(one) for one in head):
            self._length = 1.0
            self.units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å"})

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins with a frame."""
        lines = [line.split() for line in head_of(path, 1 << 12).split(b"\n")]
        words = [line for line in lines if line][:2]
        return len(words) == 2 and words[0] == [_FIRST] and words[1][0] in _KEYS

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        for block in self._blocks(progress):
            yield self._record(block)

    def notes(self) -> list[str]:
        """Return how lengths were read."""
        unit = "bohr" if self._length == BOHR else "Å, since atoms would overlap in bohr"
        return [f"Lengths are read as {unit}."]

    def _blocks(self, progress: Progress) -> Iterator[Block | Refused]:
        return blocks(self.path, _FIRST, _LAST, progress)

    def _record(self, block: Block | Refused) -> Record | Refused:
        if isinstance(block, Refused):
            return block
        try:
            return _parsed(block, self._length)
        except CellError as error:
            return Refused(where=block.where, why=str(error))
        except (ValueError, IndexError):
            return Refused(where=block.where, why="one of its lines cannot be read")


def _parsed(block: Block, length: float) -> Record:
    values: dict[str, Any] = {}
    vectors, atoms = [], []
    for key, *words in block.lines:
        match key:
            case b"lattice":
                vectors.append([float(word) for word in words[:3]])
            case b"atom":
                atoms.append(words)
            case b"energy" | b"charge":
                values[key.decode()] = float(words[0])
            case b"comment":
                values["comment"] = b" ".join(words).decode(errors="replace")
    if not atoms:
        raise CellError("it has no atoms")
    if len(vectors) not in {0, 3}:
        raise CellError(f"it has {len(vectors)} lattice vectors instead of three or none")
    symbols = [words[3].decode(errors="replace") for words in atoms]
    if unknown := next((symbol for symbol in symbols if symbol not in INDEX), None):
        raise CellError(f"it contains {unknown[:20]!r}, which is not an element from H to Pu")
    if all(len(words) >= 9 for words in atoms):
        values["forces"] = np.array([words[6:9] for words in atoms]).astype(np.float64)
    positions = np.array([words[:3] for words in atoms]).astype(np.float64)
    return Record(
        where=block.where,
        atomic_numbers=np.array([INDEX[symbol] + 1 for symbol in symbols]),
        lattice=np.array(vectors) * length if vectors else None,
        positions=positions * length,
        pbc=(bool(vectors),) * 3,
        values=values,
    )


def _is_crowded(record: Record) -> bool:
    """Return whether atoms are nearer to each other than in any matter."""
    n = len(record.atomic_numbers)
    positions = _or_none(record.positions)
    lattice = _or_none(record.lattice)
    if lattice is not None and abs(np.linalg.det(lattice)) < n * _SMALLEST_ATOM:
        return True
    if positions is None or not 1 < n < _MOST_ATOMS:
        return False
    return bool(pdist(positions).min() < _SHORTEST_BOND)


def _or_none(array: np.ndarray | None) -> np.ndarray | None:
    """Return an array of reasonable numbers, None for any other."""
    is_fine = array is not None and bool((np.abs(array) < _FARTHEST).all())
    return array if is_fine else None
