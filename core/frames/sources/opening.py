"""Recognition of a file's form by its content."""

from glob import has_magic
from pathlib import Path
from typing import Final

from core import access
from core.errors import LabError
from core.files import refuse_devices
from core.frames.sources.atoms.cp2k_trajectory import Cp2kTrajectory
from core.frames.sources.atoms.forms import ASE_FORMS
from core.frames.sources.extended_xyz import ExtendedXyz
from core.frames.sources.id_prop import IdProp
from core.frames.sources.json_files.aflow import Aflow
from core.frames.sources.json_files.chgnet_parse import ChgnetParse
from core.frames.sources.json_files.columns import PymatgenTrajectory, StructureColumns
from core.frames.sources.json_files.element_energies import refuse_element_energies
from core.frames.sources.json_files.entries import ComputedEntries
from core.frames.sources.json_files.fitsnap import FitSnap
from core.frames.sources.json_files.jarvis import Jarvis
from core.frames.sources.json_files.matpes import MatPes
from core.frames.sources.json_files.mptrj import MpTrj
from core.frames.sources.json_files.nomad import NomadArchive
from core.frames.sources.json_files.optimade import Optimade
from core.frames.sources.json_files.sets import (
    LeMatDocuments,
    Mlearn,
    Pydmclab,
    SiteDocuments,
    StructureDocuments,
)
from core.frames.sources.json_files.task_documents import TaskDocuments
from core.frames.sources.never_read import (
    refuse_archives,
    refuse_compressed_binaries,
    refuse_pickles,
)
from core.frames.sources.outputs.abinit import Abinit
from core.frames.sources.outputs.espresso_xml import EspressoXml
from core.frames.sources.outputs.ml_ab import MlAb
from core.frames.sources.outputs.vasp_files import VaspFile, VaspList
from core.frames.sources.outputs.vasp_folder import VaspFolder
from core.frames.sources.outputs.vaspout import VaspHdf5
from core.frames.sources.parquet_sets import ColabFit, LeMat, MatPesParquet, ParquetSites
from core.frames.sources.records import RecordSource
from core.frames.sources.training_sets.forms import TRAINING_FORMS
from core.frames.sources.training_sets.table_sites import TableSites
from core.frames.sources.without_labels import refuse_without_labels

SOURCES: Final[tuple[type[RecordSource], ...]] = (
    *(Cp2kTrajectory, ExtendedXyz),
    *(VaspHdf5, MlAb, VaspFile, VaspFolder, VaspList),
    *(Abinit, EspressoXml),
    *ASE_FORMS,
    *(MatPes, MpTrj, ChgnetParse),
    *TRAINING_FORMS,
    *(ComputedEntries, TaskDocuments, Jarvis, Mlearn, Pydmclab, PymatgenTrajectory),
    *(Optimade, NomadArchive, Aflow, FitSnap),
    *(LeMat, LeMatDocuments, ColabFit, MatPesParquet),
    IdProp,
    # Forms with any keys, after those whose keys are known.
    *(StructureColumns, StructureDocuments, SiteDocuments, ParquetSites, TableSites),
)
"""Every form beside tables, in the order in which they are tried."""

FORMS: Final = ("table", *(source.form for source in SOURCES))
"""Names of the forms that a user may choose."""


def open_source(path: Path | str, form: str | None = None) -> RecordSource | None:
    """Return the source of frames in a file or folder, None for a table.

    Args:
        path: file or folder.
        form: one of `FORMS`; recognised by content if not given.

    Raises:
        LabError: if the form is not known, or the file is of a form that is never read, such as a
            pickle, or of one that is known to have no energies.
    """
    path = Path(path)
    if form is not None and form not in FORMS:
        raise LabError(f"There is no form {form!r}; choose one of {', '.join(FORMS)}.")
    refuse_devices(path)
    refuse_pickles(path)
    refuse_compressed_binaries(path)
    refuse_archives(path)
    refuse_element_energies(path)
    for source in SOURCES:
        if source.form == form or (form is None and source.recognises(path)):
            return source(path)
    if form is None:
        refuse_without_labels(path)
    return None


def files_named(text: str) -> list[Path]:
    """Return the file or folder that a text names, or all files that its * and ** stand for.

    Raises:
        LabError: if there is none, or the user may not name it.
    """
    path = Path(text).expanduser()
    access.check_file(path if not has_magic(text) else _folder_of(path))
    if not has_magic(text):
        if not path.exists():
            raise LabError(f"{text}: there is no such file or folder here; check the path.")
        return [path]
    fixed = _folder_of(path)
    found = sorted(one for one in fixed.glob(str(path.relative_to(fixed))) if one.is_file())
    if not found:
        raise LabError(f"{text}: no file matches; check folder and pattern.")
    return found


def _folder_of(pattern: Path) -> Path:
    """Return the folder below which the files of a pattern are."""
    return next(parent for parent in pattern.parents if not has_magic(str(parent)))
