"""ASE's trajectories (.traj), read by ASE."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ase.io.trajectory import TrajectoryReader

from core.frames.schema import DFT
from core.frames.sources.atoms.atoms_records import model_of, record_of_atoms
from core.frames.sources.atoms.output_steps import unreadable
from core.frames.sources.atoms.rows import UNITS
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress

_MAGIC: Final = (b"- of UlmASE-Trajectory", b"AFFormatASE-Trajectory")


class AseTrajectory(RecordSource):
    """A trajectory of ASE, with the results of its calculator."""

    form = "traj"
    title = "ASE trajectory"
    stress_order = "ase"
    units = UNITS
    units_are_known = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as a trajectory."""
        return path.is_file() and head_of(path, 32).startswith(_MAGIC)

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the frames."""
        with self.path.open("rb") as file:
            try:
                reader = TrajectoryReader(file)
            except Exception as error:  # noqa: BLE001  ASE raises anything on damaged files
                yield Refused(
                    where=f"the beginning of {self.path.name}", why=str(unreadable(error))
                )
                return
            yield from self._frames(reader, progress)

    def _frames(self, reader: TrajectoryReader, progress: Progress) -> Iterator[Record | Refused]:
        total = len(reader)
        for number in range(total):
            where = f"frame {number} of {self.path.name}"
            try:
                atoms = reader[number]
                record = record_of_atoms(atoms, where)
            except CellError as error:
                yield Refused(where=where, why=str(error))
                continue
            except Exception as error:  # noqa: BLE001  as above
                yield Refused(where=where, why=str(unreadable(error)))
                continue
            if self.labels == DFT and (model := model_of(atoms.calc)):
                self.labels = model
            yield record
            if not number % 64:
                progress(number / total, f"{number:,} of {total:,} frames read")
