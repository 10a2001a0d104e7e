"""GPAW's restart files (.gpw), of which ASE reads the structure and the results."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import ase.io.ulm
from ase.io.trajectory import read_atoms

from core.frames.functionals import canonical_functional
from core.frames.sources.atoms.atoms_records import record_of_atoms
from core.frames.sources.atoms.rows import UNITS
from core.frames.sources.records import Record, RecordSource, Refused, present
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress

_MAGIC: Final = (b"- OF ULMGPAW", b"AFFORMATGPAW")
_LABELS: Final = ("energy", "free_energy", "forces", "stress", "magmoms")


class GpawRestart(RecordSource):
    """A restart file of GPAW: one structure with its results."""

    form = "gpw"
    title = "GPAW restart file"
    stress_order = "ase"
    units = UNITS
    units_are_known = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with ase.io.ulm.open(path) as reader:
                parameters: dict[str, Any] = reader.parameters.asdict()
        except Exception:  # noqa: BLE001  damaged, which the records then say
            return
        # GPAW writes only what differs from its defaults.
        xc = parameters.get("xc", "LDA")
        name = xc.get("name", "") if isinstance(xc, dict) else str(xc)
        self.functional = canonical_functional(name) if name else None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as a restart file."""
        return path.is_file() and head_of(path, 32).upper().startswith(_MAGIC)

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the structure."""
        del progress
        name = self.path.name
        try:
            with ase.io.ulm.open(self.path) as reader:
                record = record_of_atoms(read_atoms(reader.atoms, _try_except=False), name)
                results = reader.results.asdict()
            record.values |= present({key: results.get(key) for key in _LABELS})
            yield record
        except CellError as error:
            yield Refused(where=name, why=str(error))
        except Exception as error:  # noqa: BLE001  ASE raises anything on damaged files
            why = (str(error).splitlines() or [""])[0][:80]
            yield Refused(where=name, why=f"the file is damaged ({why})")
