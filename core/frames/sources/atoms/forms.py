"""The forms of ASE, in the order in which they are tried."""

from typing import Final

from core.frames.sources.atoms.code_outputs import CODES
from core.frames.sources.atoms.cp2k import Cp2k
from core.frames.sources.atoms.databases import AseDatabase, AseJson
from core.frames.sources.atoms.gpaw import GpawRestart
from core.frames.sources.atoms.gpaw_old import OldGpawRestart
from core.frames.sources.atoms.lmdb_databases import AseLmdb
from core.frames.sources.atoms.trajectory import AseTrajectory
from core.frames.sources.records import RecordSource

ASE_FORMS: Final[tuple[type[RecordSource], ...]] = (
    *(AseTrajectory, GpawRestart, OldGpawRestart, AseDatabase, AseJson, AseLmdb),
    Cp2k,
    *CODES,
)
"""Recognised by content, each by what the others do not have."""
