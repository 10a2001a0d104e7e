"""A folder of VASP calculations, at any depth."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from core.errors import LabError
from core.frames.sources.records import Record, Refused
from core.frames.sources.vasp_files import VaspSource, frames_of
from core.frames.vasp.folders import (
    calculations_of,
    folders_of,
    material_of,
    material_of_path,
    with_label,
)
from core.progress import Progress, chunk

_LOOKED_AT: Final = 5000
"""Folders that are searched for a calculation before a folder counts as something else."""


class VaspFolder(VaspSource):
    """A folder with calculations of VASP in it or below it.

    Each calculation is read once: its vasprun.xml, or its OUTCAR where that is missing or broken.
    Material ids are the folders' names, frame ids the folder and the number of the step.
    """

    form = "vasp-folder"
    title = "folder of VASP calculations"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a folder has a vasprun.xml or an OUTCAR somewhere."""
        if not path.is_dir():
            return False
        return any(calculations_of(files) for _, files in islice(folders_of(path), _LOOKED_AT))

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the ionic steps of all calculations, folder by folder."""
        self.choice.seen.clear()
        total = sum(len(calculations_of(files)) for _, files in folders_of(self.path))
        done = 0
        for folder, files in folders_of(self.path):
            parts = folder.relative_to(self.path).parts
            for calculation in calculations_of(files):
                above = with_label(material_of_path(self.path), calculation.label)
                path = "/".join(filter(None, (*parts, calculation.label)))
                yield from frames_of(
                    calculation,
                    choice=self.choice,
                    progress=chunk(progress, done, 1, total, "calculations of VASP"),
                    where=str(calculation.files[0].relative_to(self.path)),
                    material=material_of((*parts, calculation.label)) if parts else above,
                    prefix=path if parts else above,
                )
                done += 1

    def without_frames(self) -> LabError:
        """Return the error for a folder without any calculation."""
        return LabError(
            f"{self.path} has no vasprun.xml or OUTCAR in it or below it; give the folder of the "
            "calculations."
        )
