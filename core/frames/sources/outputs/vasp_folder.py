"""Trees of folders with outputs of VASP."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from core.errors import LabError
from core.frames.sources.outputs.vasp_files import VaspSource, frames_of
from core.frames.sources.outputs.vaspout import VaspHdf5
from core.frames.sources.records import Item, Packer, Place, Record, Refused, behind
from core.frames.sources.training_sets.hdf5 import is_hdf5
from core.frames.tables.compression import head_of
from core.frames.vasp.folders import (
    Calculation,
    calculations_of,
    folders_of,
    material_of,
    material_of_path,
    with_label,
)
from core.frames.vasp.vasprun import looks_like_vasprun
from core.progress import Progress, chunk

_LOOKED_AT: Final = 5000
"""Folders that are searched for a calculation before a folder counts as something else."""

_HDF5: Final = re.compile(r"vaspout(.*)\.h5", re.IGNORECASE)


class VaspFolder(VaspSource):
    """A folder with calculations of VASP in it or below it.

    Each calculation is read once: its vasprun.xml, or its OUTCAR where that is missing or broken;
    its vaspout.h5 where there is neither.
    Material ids are the folders' names, frame ids the folder and the number of the step.
    """

    form = "vasp-folder"
    title = "VASP output in folders"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a folder has an output of VASP somewhere."""
        if not path.is_dir():
            return False
        return any(_calculations(files) for _, files in islice(folders_of(path), _LOOKED_AT))

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the ionic steps of all calculations, folder by folder."""
        for item in self.items(progress, None, Place()):
            if isinstance(item, (Record, Refused)):
                yield item

    def items(
        self, progress: Progress, packers: Mapping[str, Packer] | None, place: Place
    ) -> Iterator[Item]:
        """Yield what follows a place; calculations before it are not opened."""
        del packers
        seen = self.choice.seen
        seen.clear()
        seen.update(place.seen)
        for number, steps in enumerate(self._parts(progress, place.part), start=place.part):
            place.part = number
            yield from behind(steps, place)
            place.n = 0
            place.seen = dict(seen)

    def _parts(self, progress: Progress, first: int) -> Iterator[Iterable[Record | Refused]]:
        """Yield what cannot be read, if it is first, then the steps of each calculation."""
        closed: list[OSError] = []
        total = sum(len(_calculations(files)) for _, files in folders_of(self.path, closed.append))
        if not first:
            yield [
                Refused(
                    where=str(error.filename),
                    why=f"the folder cannot be read ({(error.strerror or str(error)).lower()})",
                )
                for error in closed
            ]
        done = 0
        for folder, files in folders_of(self.path):
            parts = folder.relative_to(self.path).parts
            for calculation in _calculations(files):
                done += 1
                if done < first:
                    continue
                yield self._steps(
                    calculation,
                    parts,
                    chunk(progress, done - 1, 1, total, "calculations of VASP"),
                )

    def _steps(
        self, calculation: Calculation, parts: tuple[str, ...], progress: Progress
    ) -> Iterator[Record | Refused]:
        """Return the steps of a calculation in the folder that parts of the path name."""
        above = with_label(material_of_path(self.path), calculation.label)
        path = "/".join(filter(None, (*parts, calculation.label)))
        names = {
            "where": str(calculation.files[0].relative_to(self.path)),
            "material": material_of((*parts, calculation.label)) if parts else above,
            "prefix": path if parts else above,
        }
        if is_hdf5(calculation.files[0]):
            source = VaspHdf5(calculation.files[0])
            source.choice = self.choice
            return source.steps_of(**names)
        return frames_of(calculation, choice=self.choice, progress=progress, **names)

    def without_frames(self) -> LabError:
        """Return the error for a folder without any calculation."""
        return LabError(
            f"{self.path} has no vasprun.xml, OUTCAR or vaspout.h5 in it or below it; give the "
            "folder of the calculations."
        )


def _calculations(files: Sequence[Path]) -> list[Calculation]:
    """Return the calculations of a folder, without XML of other programs."""
    found = [
        calculation
        for calculation in calculations_of(files)
        if re.search("vasprun|outcar", calculation.files[0].name, re.IGNORECASE)
        or looks_like_vasprun(head_of(calculation.files[0], 1 << 12))
    ]
    if found:
        return found
    # VASP writes its HDF5 beside the others, with the same steps.
    hdf5 = [(file, _HDF5.fullmatch(file.name)) for file in files]
    return [
        Calculation(files=(file,), label=match[1].strip("_.-")) for file, match in hdf5 if match
    ]
