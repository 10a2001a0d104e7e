"""The ionic steps of one calculation of VASP, from one of its files or from two."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from core.frames.tables.compression import BrokenStreamError, ByteStream, head_of, open_bytes
from core.frames.vasp.folders import Calculation
from core.frames.vasp.outcar import OutcarReader
from core.frames.vasp.steps import Step
from core.frames.vasp.vasprun import VasprunReader, looks_like_vasprun
from core.progress import Progress, silent

_CHUNK: Final = 1 << 18
_SAME_ENERGY: Final = 1e-4
"""Difference of energies, eV, below which two steps are the same."""


class Reading:
    """The steps of a calculation from its vasprun.xml, its OUTCAR, or both."""

    def __init__(self, calculation: Calculation, progress: Progress) -> None:
        self._files = calculation.files
        self._progress = progress
        self._broken: str | None = None
        self.reader: VasprunReader | OutcarReader = OutcarReader([])
        self._beside: Iterator[Step] | None = None
        self._waiting: Step | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong with the file from some place on."""
        return self._broken or self.reader.problem

    @property
    def is_whole(self) -> bool:
        """Whether the file ends as VASP ends it."""
        return self.reader.is_whole

    @property
    def is_in_step(self) -> bool:
        """Whether the file ended within an ionic step."""
        return not self.is_whole and self.reader.is_in_step

    def steps(self) -> Iterator[Step]:
        """Yield the steps."""
        main, *partners = self._files
        n = 0
        for step in self._read(main):
            n = step.index + (not step.is_learned)
            if partners and step.magmoms is None and self._has_moments():
                step.magmoms = self._moments_beside(step, partners[0])
            yield step
        if partners and (self.problem is not None or not self.reader.is_whole):
            symbols = self.reader.symbols
            for step in self._read(partners[0]):
                if step.index >= n and symbols in ([], self.reader.symbols):
                    yield step

    def _moments_beside(self, step: Step, path: Path) -> np.ndarray | None:
        """Return the magmoms that the OUTCAR has of a step."""
        if self._beside is None:
            other = Reading(Calculation(files=(path,), label=""), silent)
            self._beside = (one for one in other.steps() if not one.is_learned)
            self._waiting = next(self._beside, None)
        while self._waiting is not None and self._waiting.index < step.index:
            self._waiting = next(self._beside, None)
        if self._waiting is None or not _is_same(step, self._waiting):
            return None
        return self._waiting.magmoms

    def functional(self, step: Step) -> str | None:
        """Return the functional of a step."""
        settings = self.reader.settings
        name = settings.functional(step.added)
        if name and name.endswith("-vdW") and "IVDW" not in settings.parameters:
            # Some versions show IVDW nowhere but in the INCAR beside the file.
            settings.parameters["IVDW"] = _ivdw_beside(self._files[0])
            name = settings.functional(step.added)
        return name

    def _has_moments(self) -> bool:
        settings = self.reader.settings
        return settings.number("ISPIN") == 2 or settings.is_set("LNONCOLLINEAR")

    def _read(self, path: Path) -> Iterator[Step]:
        self._broken = None
        try:
            with open_bytes(path) as stream:
                if is_packed(path):
                    self._broken = "it is packed by compress (.Z); unpack it with gunzip"
                    return
                is_xml = looks_like_vasprun(head_of(path, 1 << 12))
                reader = VasprunReader if is_xml else OutcarReader
                self.reader = reader(self._chunks(stream))
                yield from self.reader.steps()
        except OSError as error:
            self._broken = f"it cannot be opened ({(error.strerror or str(error)).lower()})"

    def _chunks(self, stream: ByteStream) -> Iterator[bytes]:
        try:
            while chunk := stream.read(_CHUNK):
                self._progress(stream.share, f"reading {stream.path.name}")
                yield chunk
        except BrokenStreamError as error:
            self._broken = str(error)


def is_packed(path: Path) -> bool:
    """Return whether a file is packed by compress, which no library here unpacks."""
    return head_of(path, 2) == b"\x1f\x9d"


def _is_same(step: Step, other: Step) -> bool:
    return (
        step.index == other.index
        and step.energy is not None
        and other.energy is not None
        and abs(step.energy - other.energy) < _SAME_ENERGY
    )


def _ivdw_beside(path: Path) -> str:
    """Return IVDW of the INCAR in the folder of a file, "" where there is none."""
    for name in ("INCAR", "INCAR.gz"):
        match = re.search(
            rb"^[^#!\n]*\bIVDW\s*=\s*(\d+)", head_of(path.parent / name), re.MULTILINE
        )
        if match:
            return match[1].decode()
    return ""
