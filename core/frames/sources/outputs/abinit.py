"""Outputs of ABINIT (.abo): the last state of each data set, as its table of variables has it.

ASE reads the cell of inputs that it wrote itself only, and one data set of several.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.frames.functionals import functional_of
from core.frames.sources.atoms.rows import atomic_numbers
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes
from core.frames.tables.tabular import CellError
from core.frames.units import BOHR
from core.progress import Progress

_MARK: Final = re.compile(rb"^\.?Version\s+\d\S*\s+of (?:ABINIT|abinit)", re.MULTILINE)
_RESULTS: Final = "-outvars: echo values of variables after computation"
_DATASET: Final = re.compile(r"^== DATASET\s+(\d+)", re.MULTILINE)
_DEFAULT: Final = re.compile(r"- ixc= *(-?\d+) *$", re.MULTILINE)
"""What ABINIT says of the functional where that is the default, which it does not echo."""
_UNCONVERGED: Final = re.compile(r"not enough SCF cycles to converge", re.IGNORECASE)
_KEY: Final = re.compile(r"[A-Za-z_]\w*")
_WORD: Final = re.compile(r"([A-Za-z_]+?\w*?)(\d*)$")
_LARGEST: Final = 1 << 29
_OTHER_ENERGIES: Final = ("rfphon", "rfelfd", "rfddk", "rfstrs", "rfmagn", "optdriver")
_FUNCTIONALS: Final = {
    # https://docs.abinit.org/variables/basic/#ixc; negative numbers are two of libxc's.
    1: "LDA",
    2: "LDA",
    7: "LDA",
    11: "PBE",
    14: "revPBE",
    15: "RPBE",
    -101130: "PBE",
    -130101: "PBE",
    -116133: "PBEsol",
    -133116: "PBEsol",
    -263267: "SCAN",
    -267263: "SCAN",
    -497498: "r2SCAN",
    -498497: "r2SCAN",
    -428: "HSE06",
}
_DISPERSIONS: Final = {5: "-D2", 6: "-D3", 7: "-D3(BJ)"}


class Abinit(RecordSource):
    """Free energies in Ha, forces in Ha/bohr, stress in Ha/bohr³ with the sign of a tension."""

    form = "abinit"
    title = "ABINIT output"
    mapping = MappingProxyType(
        {"energy": "etotal", "forces": "fcart", "stress": "strten", "functional": "functional"}
    )
    units = MappingProxyType({"energy": "Ha/cell", "forces": "Ha/bohr", "stress": "Ha/bohr³"})
    units_are_known = True
    is_calculation = True
    stress_order = "ase"
    corrections = "none"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file begins as an output of ABINIT."""
        return _MARK.search(head_of(path, 1 << 13)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the last state of each data set."""
        name, parts, size, broken = self.path.name, [], 0, ""
        try:
            with open_bytes(self.path) as stream:
                while (data := stream.read(1 << 20)) and size < _LARGEST:
                    parts.append(data)
                    size += len(data)
                    progress(stream.share, f"{size >> 20:,} MB read")
        except BrokenStreamError as error:
            broken = str(error)
        text = b"".join(parts).decode(errors="replace")
        before, mark, after = text.rpartition(_RESULTS)
        if not mark:
            why = broken or "ABINIT stopped before it wrote its results (-outvars)"
            yield Refused(where=name, why=why)
            return
        variables = _variables(after)
        if "ixc" not in variables:
            variables["ixc"] = {"": _DEFAULT.findall(before)[:1]}
        unconverged = _unconverged(before)
        for suffix in sorted(variables.get("etotal", {}), key=lambda one: int(one or 0)):
            where = f"data set {suffix} of {name}" if suffix else name
            own = {key: values.get(suffix, values.get("", [])) for key, values in variables.items()}
            try:
                yield _record(own, where, is_converged=(suffix or "1") not in unconverged)
            except CellError as error:
                yield Refused(where=where, why=str(error))
            except (ValueError, IndexError, OverflowError):
                yield Refused(where=where, why="its variables are not numbers of the right count")
        if "etotal" not in variables:
            yield Refused(where=name, why="it has no total energy (etotal)")

    def notes(self) -> list[str]:
        """Return which states and energies are taken."""
        note = (
            "Of each data set the last state is taken, with the free energy that contains the "
            "entropy of the smearing."
        )
        return [note]


def _variables(text: str) -> dict[str, dict[str, list[str]]]:
    """Return name and number of the data set ("" for all of them) to the words of a variable."""
    found: dict[str, dict[str, list[str]]] = {}
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith("=="):
            break
        tokens = line[1:].split() if line[:1] in {"-", "P", "+"} else line.split()
        if tokens and _KEY.fullmatch(tokens[0]) and not tokens[0].startswith("outvar"):
            match = _WORD.match(tokens[0])
            name, suffix = match.groups() if match else (tokens[0], "")
            words = found.setdefault(name, {}).setdefault(suffix, [])
            tokens = tokens[1:]
        words += [word for word in tokens if not word[0].isalpha() or word == "NaN"]
    return found


def _unconverged(text: str) -> set[str]:
    """Return the numbers of the data sets whose electronic loop did not converge."""
    pieces = _DATASET.split(text)
    sections = zip(pieces[1::2], pieces[2::2], strict=True)
    return {number for number, section in sections if _UNCONVERGED.search(section)}


def _record(own: Mapping[str, list[str]], where: str, *, is_converged: bool) -> Record:
    if any(_integer(own, key, 0) for key in _OTHER_ENERGIES) or _integer(own, "iscf", 7) < 0:
        raise CellError("its energy is not that of a self-consistent ground state")
    if not is_converged:
        raise CellError("its electronic loop did not converge")
    n, kinds = _integer(own, "natom", 1), own.get("znucl", [])
    if not 0 < n <= 1_000_000:
        raise CellError("its number of atoms is no count")
    types = np.array(own.get("typat") or ["1"] * n, dtype=np.int64)[:n]
    charges = np.array(kinds, dtype=np.float64)
    if len(types) != n or types.min() < 1 or types.max() > len(charges):
        raise CellError("its types of atoms (typat) have no elements (znucl)")
    lengths = np.array(own.get("acell") or ["1"] * 3, dtype=np.float64)[:3]
    vectors = np.array(own.get("rprim") or np.eye(3).ravel(), dtype=np.float64)[:9]
    lattice = vectors.reshape(3, 3) * lengths[:, np.newaxis] * BOHR
    coords = own.get("xred") or (["0"] * 3 if n == 1 else [])
    values: dict[str, Any] = {"etotal": float(own["etotal"][0])}
    for key, shape in (("fcart", (n, 3)), ("strten", (6,))):
        if own.get(key):
            values[key] = np.array(own[key], dtype=np.float64).reshape(shape)
    if functional := _functional(own):
        values["functional"] = functional
    return Record(
        where=where,
        atomic_numbers=atomic_numbers(charges[types - 1]),
        lattice=lattice,
        frac_coords=np.array(coords, dtype=np.float64).reshape(n, 3),
        values=values,
    )


def _integer(own: Mapping[str, list[str]], key: str, default: int) -> int:
    words = own.get(key)
    return int(words[0]) if words else default


def _functional(own: Mapping[str, list[str]]) -> str | None:
    name = _FUNCTIONALS.get(_integer(own, "ixc", 0))
    if name is None:
        return None
    has_u = _integer(own, "usepawu", 0) != 0
    name += ("+U" if has_u else "") + _DISPERSIONS.get(_integer(own, "vdw_xc", 0), "")
    return functional_of(name) or name
