"""Configurations of FitSNAP: one file of JSON each, behind a comment, in folders by group."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.frames.sources.json_files.documents import UNUSUAL, decoded
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.sources.sites import sites_record
from core.frames.tables.compression import head_of
from core.frames.tables.tabular import CellError
from core.progress import Progress, report

_MARK: Final = re.compile(rb'\A(?:\s*#[^\n]*\n)*\s*\{\s*"Dataset"\s*:\s*\{')
_COMMENTS: Final = re.compile(rb"\A(?:\s*#[^\n]*\n)+")
_LARGEST: Final = 1 << 28
_LOOKED_AT: Final = 100
_BAR_PER: Final = {"bar": 1.0, "kb": 1e3, "kbar": 1e3, "kilobar": 1e3, "gpa": 1e4}
_KEYS: Final = {"energy": "Energy", "forces": "Forces", "stress": "Stress"}


class FitSnap(RecordSource):
    """Energy in eV, forces in eV/Å, stress in bar with the sign of a pressure, as LAMMPS has it.

    See https://fitsnap.github.io (Data scraper). The group of a configuration is the name of its
    folder.
    """

    form = "fitsnap"
    title = "FitSNAP configurations"
    mapping = MappingProxyType({**_KEYS, "material_id": "group"})
    units = MappingProxyType({"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"})
    units_are_known = True

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether a file, or the first .json file of a folder, begins as a data set."""
        if path.is_dir():
            first = next(islice(path.glob("**/*.json"), _LOOKED_AT), None)
            return first is not None and cls.recognises(first)
        return _MARK.match(head_of(path, 1 << 12)) is not None

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the configurations, file by file."""
        files = sorted(self.path.glob("**/*.json")) if self.path.is_dir() else [self.path]
        for number, file in enumerate(files):
            name = str(file.relative_to(self.path)) if self.path.is_dir() else file.name
            try:
                yield from _configurations(file, name)
            except CellError as error:
                yield Refused(where=name, why=str(error))
            except UNUSUAL:
                yield Refused(where=name, why="its content is not that of FitSNAP")
            if not number % 64:
                report(progress, number, len(files), "files read")


def _configurations(file: Path, name: str) -> Iterator[Record | Refused]:
    text = head_of(file, _LARGEST)
    dataset = decoded(_COMMENTS.sub(b"", text))["Dataset"]
    energy, forces = (str(dataset.get(f"{key}Style", "")).lower() for key in ("Energy", "Forces"))
    if energy not in {"", "electronvolt", "ev"} or forces not in {"", "electronvoltperangstrom"}:
        raise CellError(f"its units, {energy or forces}, are not those of FitSNAP (eV, eV/Å)")
    bars = _BAR_PER.get(str(dataset.get("StressStyle", "bar")).lower())
    for place, one in enumerate(dataset["Data"]):
        where = f"configuration {place} of {name}"
        structure = {
            "symbols": one["AtomTypes"],
            "cell": one["Lattice"],
            "positions": one["Positions"],
        }
        record = sites_record(where, structure)
        if len(record.atomic_numbers) != one.get("NumAtoms", len(record.atomic_numbers)):
            yield Refused(where=where, why="it states another number of atoms than it has")
            continue
        record.values = _labels(one, bars)
        record.values["group"] = file.parent.name
        yield record


def _labels(one: Mapping[str, Any], bars: float | None) -> dict[str, Any]:
    values = {key: one[key] for key in _KEYS.values() if one.get(key) is not None}
    if "Stress" in values:
        stress = values.pop("Stress")
        if bars is not None:
            values["Stress"] = [[component * bars / 1e3 for component in row] for row in stress]
    return values
