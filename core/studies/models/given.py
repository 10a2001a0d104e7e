"""Structures that a user gave to a model, kept by their content.

Files of strangers are read once, in a process that is watched; what studies read is this copy.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import boxed
from core.elements import N_ELEMENTS, SYMBOLS, formula_of
from core.errors import LabError
from core.frames.contents.finding import rows_of_formula
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.frames.sources.structure_files import LeftOut, Place, read_structures
from core.home import cache_dir
from core.potential.graph import convert
from core.studies.results import load_result, save_result

MOST = 10_000
"""Structures that are taken at once; more of them are a data set."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class GivenStructures:
    """n structures of N atoms in all, without labels.

    Attributes:
        names: what they are called, (n,) strings: file and place, or material and data set.
        n_atoms: (n,).
        atomic_numbers: of all structures one after the other, (N,).
        frac_coords: the same, (N, 3).
        lattices: lattice vectors as rows, Å, (n, 3, 3).
        pbc: whether each is periodic along its lattice vectors, (n, 3).
        left_out: structures that could not be read: file, frame and why.
        arguments: words of a command that name the same structures: files, or what found them.
    """

    names: NDArray[np.str_]
    n_atoms: NDArray[np.int64]
    atomic_numbers: NDArray[np.uint8]
    frac_coords: NDArray[np.float64]
    lattices: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    left_out: list[dict[str, Any]] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self.n_atoms)

    @property
    def formulas(self) -> list[str]:
        """Their reduced formulas."""
        return [formula_of(self.atomic_numbers[self.atoms(i)]) for i in range(len(self))]

    @property
    def fractions(self) -> NDArray[np.float64]:
        """Their composition fractions, (n, 94)."""
        fractions = np.zeros((len(self), N_ELEMENTS))
        of_atom = np.repeat(np.arange(len(self)), self.n_atoms)
        np.add.at(fractions, (of_atom, self.atomic_numbers.astype(int) - 1), 1.0)
        return fractions / self.n_atoms[:, None]

    def elements(self, place: int) -> list[str]:
        """Return the elements of a structure."""
        numbers = np.unique(self.atomic_numbers[self.atoms(place)])
        return [SYMBOLS[number - 1] for number in numbers]

    def atoms(self, place: int) -> slice:
        """Return which atoms are those of a structure."""
        end = int(self.n_atoms[: place + 1].sum())
        return slice(end - int(self.n_atoms[place]), end)

    def frame(self, place: int) -> Frame:
        """Return a structure."""
        atoms = self.atoms(place)
        a, b, c = self.pbc[place].tolist()
        return Frame(
            frame_id=str(self.names[place]),
            material_id=str(self.names[place]),
            atomic_numbers=self.atomic_numbers[atoms],
            frac_coords=self.frac_coords[atoms],
            lattice=self.lattices[place],
            pbc=(a, b, c),
        )

    def frames(self) -> list[Frame]:
        """Return all structures."""
        return [self.frame(place) for place in range(len(self))]


def given(
    frames: Sequence[Frame],
    names: Sequence[str],
    *,
    arguments: Sequence[str] = (),
    left_out: Sequence[dict[str, Any]] = (),
) -> GivenStructures:
    """Return frames as given structures; their labels are left behind.

    Args:
        frames: at least one.
        names: what they are called.
        arguments: words of a command that name the same structures.
        left_out: what could not be read: file, frame and why.

    Raises:
        LabError: if there are too many, or none.
    """
    if not 0 < len(frames) <= MOST:
        raise LabError(
            f"There are {len(frames):,} structures, and from 1 to {MOST:,} are predicted at once; "
            "import more as a data set, and compare models on it."
        )
    return GivenStructures(
        names=np.array(names, dtype=str),
        n_atoms=np.array([len(frame) for frame in frames], dtype=np.int64),
        atomic_numbers=np.concatenate([frame.atomic_numbers for frame in frames]).astype(np.uint8),
        frac_coords=np.concatenate([frame.frac_coords for frame in frames]).astype(np.float64),
        lattices=np.stack([frame.lattice for frame in frames]).astype(np.float64),
        pbc=np.array([frame.pbc for frame in frames], dtype=bool),
        left_out=list(left_out),
        arguments=list(arguments),
    )


def read_given(paths: Sequence[str]) -> GivenStructures:
    """Read the structures of files; ask for it with `core.boxed.ask`.

    Args:
        paths: files as of `read_structures`.

    Raises:
        LabError: if a file is missing, no structure can be read, or there are too many.
    """
    files = [Path(path) for path in paths]
    frames, left_out = read_structures(files)
    called = names_in_files(frames, left_out)
    taken: list[Frame] = []
    names: list[str] = []
    with boxed.reading(*files):
        for name, ((path, index), frame) in zip(called, frames, strict=True):
            boxed.count_read()
            try:
                # What a model cannot represent may also be what takes all memory.
                convert(frame.atomic_numbers, frame.frac_coords, frame.lattice, frame.pbc)
            except LabError as error:
                left_out.append(LeftOut(path, index, error))
                continue
            taken.append(frame)
            names.append(name)
    if not taken:
        raise LabError(f"{left_out[0].path.name}: {left_out[0].why}")
    return given(
        taken,
        names,
        arguments=[str(path) for path in paths],
        left_out=[one.as_dict() | {"file": one.path.name} for one in left_out],
    )


def names_in_files(frames: Sequence[tuple[Place, Frame]], left_out: Sequence[LeftOut]) -> list[str]:
    """Return what structures as of `read_structures` are called: file, and place where needed."""
    per_file = Counter([path for (path, _), _ in frames] + [one.path for one in left_out])
    return [
        f"{path.name}, {index}" if per_file[path] > 1 else path.name for (path, index), _ in frames
    ]


def found_given(dataset: str, text: str) -> GivenStructures:
    """Return the structures of a data set with a formula, or in a chemical system.

    Args:
        dataset: frames or pairs.
        text: as of `rows_of_formula`.

    Raises:
        LabError: if there is no such data set, the text is neither, or nothing is found.
    """
    data = open_dataset(dataset)
    rows = rows_of_formula(data, text)[:MOST]
    frames = [frame for frame in data.frames(rows) if frame is not None]
    arguments = ["--formula", text.strip(), "--dataset", dataset]
    return given(frames, [frame.frame_id for frame in frames], arguments=arguments)


def keep(structures: GivenStructures) -> str:
    """Store structures, and return the name under which `kept` finds them."""
    digest = hashlib.sha256()
    for array in (structures.n_atoms, structures.atomic_numbers, structures.frac_coords):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(structures.lattices.tobytes() + structures.pbc.tobytes())
    digest.update("\0".join(structures.names.tolist()).encode())
    name = digest.hexdigest()[:24]
    path = _path(name)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_result(path, structures)
    return name


def kept(name: str) -> GivenStructures:
    """Return structures that were stored.

    Raises:
        LabError: if there are none under this name.
    """
    if not name.isalnum() or not _path(name).is_file():
        raise LabError("These structures are not kept any more; give them again.")
    return load_result(_path(name), GivenStructures)


def _path(name: str) -> Path:
    return cache_dir() / "structures" / f"{name}.npz"
