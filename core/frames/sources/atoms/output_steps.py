"""Outputs of codes, read by ASE step by step, so that a damaged step takes no other with it.

ASE holds a whole output in memory; larger ones than a limit are refused.
"""

import io
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import IO, ClassVar, Final, cast

import ase.io
import numpy as np
from ase import Atoms

from core.frames.functionals import functional_of
from core.frames.sources.atoms.atoms_records import record_of_atoms
from core.frames.sources.atoms.rows import UNITS
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.progress import Progress

_HEAD: Final = 1 << 20
_IN_MEMORY: Final = 1 << 26
_LARGEST: Final = 1 << 30
_NUMBER: Final = re.compile(r"could not convert string to float: '?([^'\n]{1,40})")
_ENERGIES: Final = ("energy", "free_energy")


class CodeOutput(RecordSource):
    """An output of a code, one frame per ionic step that has an energy.

    Attributes:
        mark: what the beginning of an output contains.
        tags: patterns of the functional, the first group of which names it.
        begin: where a step begins; what stands before the first one belongs to all.
        end: what a complete output contains; whatever is missing else is told.
        run: where a run begins, in codes whose outputs of several runs may be one file.
        results: where the first step's results begin, in codes of which ASE reads the steps of a
            run together, so that a step may lack what is as in the first one.
    """

    title = "output of a code"
    stress_order = "ase"
    units = UNITS
    units_are_known = True
    is_calculation = True
    mark: ClassVar[re.Pattern[bytes]]
    tags: ClassVar[tuple[str, ...]] = ()
    begin: ClassVar[re.Pattern[str] | None] = None
    end: ClassVar[str] = ""
    run: ClassVar[re.Pattern[str] | None] = None
    results: ClassVar[re.Pattern[str] | None] = None

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.functional = self._functional(head_of(path, _HEAD).decode(errors="replace"))
        self._broken = ""
        self._is_complete = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as an output of the code."""
        head = head_of(path, 1 << 15) if path.is_file() else b""
        # A disk that was full leaves zeros in the middle of a text; other files begin with them.
        return cls.mark.search(head.partition(b"\0")[0]) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the steps."""
        name, number = self.path.name, 0
        try:
            with self._text(progress) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for atoms in self._steps(file):
                    where = f"step {number} of {name}"
                    number += 1
                    try:
                        if isinstance(atoms, CellError):
                            raise atoms
                        yield self._checked(atoms, where)
                    except CellError as error:
                        yield Refused(where=where, why=str(error))
        except CellError as error:
            yield Refused(where=name, why=str(error))
        if self._broken:
            yield Refused(where=f"the rest of {name}", why=self._broken)

    def notes(self) -> list[str]:
        """Return whether the output is not complete."""
        if self._is_complete:
            return []
        return ["The output does not end as a complete one does: its last steps may be missing."]

    def _steps(self, file: io.TextIOBase) -> Iterator[Atoms | CellError]:
        """Yield the steps, or why one of them cannot be read.

        Raises:
            CellError: if nothing more can be read.
        """
        yield from self._by_parts(self._whole(file))

    def _whole(self, file: io.TextIOBase) -> str:
        """Return an output without a last line that breaks off, whose numbers may lack digits."""
        text = file.read()
        self._is_complete = self.end in text
        return text if self.end and self._is_complete else text[: text.rfind("\n") + 1]

    def _runs(self, text: str) -> Iterator[Atoms | CellError]:
        """Yield the steps run by run, of damaged runs part by part."""
        before, *runs = _cut(text, self.run)
        for run in [before + "".join(runs[:1]), *runs[1:]]:
            found = self._read(run)
            if any(isinstance(one, CellError) for one in found):
                yield from self._by_parts(run)
            else:
                yield from found

    def _by_parts(self, text: str) -> Iterator[Atoms | CellError]:
        """Yield the steps of a text, read part by part."""
        last: Atoms | None = None
        found: Sequence[Atoms | CellError] = ()
        for part in self._parts(text):
            found = self._read(part)
            for atoms in found:
                # The last step of an optimization is often repeated by what follows it.
                if isinstance(atoms, CellError) or last is None or not _is_repeated(atoms, last):
                    yield atoms
                if isinstance(atoms, Atoms):
                    last = atoms
        if not found and self.end not in text:
            yield CellError("the output breaks off in it")

    def _parts(self, text: str) -> list[str]:
        """Return texts of one step each."""
        head, *rest = _cut(text, self._begin(text))
        if not rest:
            return [text]
        if self.results is None:
            return [head + step for step in rest]
        match = self.results.search(head)
        return [head, *(head[: match.start() if match else None] + step for step in rest)]

    def _begin(self, text: str) -> re.Pattern[str] | None:
        """Return where the steps of an output begin."""
        del text
        return self.begin

    def _read(self, text: str) -> Sequence[Atoms | CellError]:
        """Return the steps that ASE finds in a text, or why it cannot read them."""
        try:
            # What ASE's readers print is not for those who read our output.
            with redirect_stdout(io.StringIO()):
                return list(ase.io.iread(cast("IO[str]", io.StringIO(text)), ":", self.form))
        except Exception as error:  # noqa: BLE001  ASE's readers raise anything
            return [unreadable(error)]

    def _checked(self, atoms: Atoms, where: str) -> Record:
        record = record_of_atoms(atoms, where)
        if set(_ENERGIES).isdisjoint(record.values):
            raise CellError("it has no energy: the step is not finished or not converged")
        return record

    def _functional(self, head: str) -> str | None:
        for pattern in self.tags:
            if match := re.search(pattern, head, re.MULTILINE | re.IGNORECASE):
                return functional_of(match[1])
        return None

    @contextmanager
    def _text(self, progress: Progress) -> Iterator[io.TextIOBase]:
        """Open the output as text, decompressed beside memory where it is large.

        Raises:
            CellError: if it is too large.
        """
        size = 0
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spooled, open_bytes(self.path) as stream:
            try:
                while data := stream.read(1 << 20):
                    spooled.write(data)
                    size += len(data)
                    progress(stream.share / 2, f"{size >> 20:,} MB read")
                    if size > _LARGEST:
                        raise CellError(
                            f"the output is larger than {_LARGEST >> 30} GiB; split it by steps"
                        )
            except BrokenStreamError as error:
                self._broken = str(error)
            spooled.seek(0)
            yield io.TextIOWrapper(spooled, encoding="utf-8", errors="replace")


def filler(text: str) -> str:
    """Return lines without numbers, for ASE takes numbers that are cut off for zeros.

    There are as many as in the text, and so more than it has atoms.
    """
    return f"{'. ' * 7}\n" * text.count("\n")


def unreadable(error: Exception) -> CellError:
    """Return why a step cannot be read, without the words of Python or ASE."""
    if isinstance(error, MemoryError):
        return CellError("it asks for more memory than there is")
    if match := _NUMBER.search(str(error)):
        word = match[1].replace("\\n", "").strip()
        return CellError(f"{word!r} stands where a number should be")
    return CellError("it is incomplete or damaged")


def _cut(text: str, pattern: re.Pattern[str] | None) -> list[str]:
    """Return what stands before the first match of a pattern, and each match with what follows."""
    places = [match.start() for match in pattern.finditer(text)] if pattern else []
    return [text[begin:end] for begin, end in pairwise([0, *places, len(text)])]


def _is_repeated(atoms: Atoms, last: Atoms) -> bool:
    """Return whether a step says nothing that the one before does not say."""
    new, old = ({**atoms.calc.results} if atoms.calc else {} for atoms in (atoms, last))
    return (
        any(key in new and new[key] == old.get(key) for key in _ENERGIES)
        and ("forces" in old or "forces" not in new)
        and len(atoms) == len(last)
        and np.array_equal(atoms.numbers, last.numbers)
        and np.array_equal(atoms.positions, last.positions)
    )
