"""Known data sets in Parquet: one row per structure, with the cell and the sites in columns."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.frames.sources.arrow_lists import arrays, depth_of_numbers, is_list
from core.frames.sources.json_files.documents import structure_record
from core.frames.sources.json_files.matpes import MatPes
from core.frames.sources.records import Record, RecordSource, Refused
from core.frames.sources.sites import SITE_KEYS, has_sites, sites_record
from core.frames.tables.parquet_file import PARQUET_MAGIC
from core.frames.tables.tabular import CellError
from core.progress import Progress

_BATCH_ROWS = 1024
_NO_TEXT: Final = object()
"""Stands for text that cannot be read."""


class ParquetSites(RecordSource):
    """Structures in columns of lists: atomic numbers or symbols, lattice vectors, coordinates.

    Attributes:
        needed: columns by which a form is recognised.
        parts: columns that `record` looks at, beside those of the sites and of the labels.
    """

    form = "parquet-sites"
    title = "Parquet with a column for the sites"
    needed: ClassVar[frozenset[str]] = frozenset()
    parts: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return whether the columns of a file, or of a folder's first file, are of this form."""
        for file in _files(path)[:1]:
            try:
                return cls.takes(pq.read_schema(file))
            except (pa.ArrowInvalid, OSError, UnicodeDecodeError):
                return False
        return False

    @classmethod
    def takes(cls, schema: pa.Schema) -> bool:
        """Return whether columns hold structures of this form."""
        # A name that occurs twice belongs to none of these sets; the table then refuses it.
        names = {field.name for field in schema if is_list(field.type)}
        return _are_unique(schema) and cls.needed <= set(schema.names) and has_sites(names)

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the rows of all files, read in batches."""
        files = _files(self.path)
        total = max(sum(file.stat().st_size for file in files), 1)
        done = 0
        for path in files:
            name = path.name if path == self.path else f"{self.path.name}/{path.name}"
            size = path.stat().st_size

            def report(share: float, done: int = done, name: str = name, size: int = size) -> None:
                progress(min((done + share * size) / total, 1.0), f"Reading {name}")

            yield from self._file(path, name, report)
            done += size

    def record(self, where: str, row: dict[str, Any]) -> Record:
        """Return one row as a record.

        Args:
            where: its place.
            row: column to value, lists of numbers as arrays.

        Raises:
            CellError: if the row holds no structure.
        """
        return sites_record(where, row)

    def _file(
        self, path: Path, name: str, report: Callable[[float], None]
    ) -> Iterator[Record | Refused]:
        """Yield the rows of one file; a damaged group of rows leaves the others."""
        try:
            file = pq.ParquetFile(path, page_checksum_verification=True)
            columns = [column for column in file.schema_arrow.names if self._is_read(column)]
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError):
            yield Refused(where=name, why="the file is damaged")
            return
        if not _are_unique(file.schema_arrow):
            yield Refused(where=name, why="two of its columns have one name")
            return
        begin, n_rows = 0, max(file.metadata.num_rows, 1)
        for group in range(file.num_row_groups):
            row, end = begin, begin + file.metadata.row_group(group).num_rows
            try:
                for batch in file.iter_batches(_BATCH_ROWS, [group], columns):
                    yield from self._rows(batch, row, name)
                    row += batch.num_rows
                    report(row / n_rows)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
                yield Refused(where=f"rows {row + 1} to {end} of {name}", why="they are damaged")
            begin = end

    def _is_read(self, column: str) -> bool:
        return self.read_keys is None or column in self.read_keys | self.parts | SITE_KEYS

    def _rows(self, batch: pa.RecordBatch, first: int, name: str) -> Iterator[Record | Refused]:
        columns = {column: _values(batch.column(column)) for column in batch.schema.names}
        for place in range(batch.num_rows):
            where = f"row {first + place + 1} of {name}"
            row = {column: next(values) for column, values in columns.items()}
            if any(value is _NO_TEXT for value in row.values()):
                yield Refused(where=where, why="it has text that is not in UTF-8")
                continue
            try:
                yield self.record(where, row)
            except CellError as error:
                yield Refused(where=where, why=str(error))


class LeMat(ParquetSites):
    """LeMat-Bulk and LeMat-Traj of LeMaterial, as on Hugging Face.

    Energies are VASP's totals without corrections, of LeMat-Traj those of the free energy; forces
    in eV/Å and stress in kB with VASP's sign, as LeMaterial's fetcher takes them from the
    databases (github.com/LeMaterial/lematerial-fetcher).
    """

    form = "lemat"
    title = "LeMat-Bulk or LeMat-Traj in Parquet"
    needed = frozenset({"immutable_id", "species_at_sites", "cartesian_site_positions", "energy"})
    parts = frozenset({"immutable_id", "id", "relaxation_step", "relaxation_number"})
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "id",
            "material_id": "immutable_id",
            "energy": "energy",
            "forces": "forces",
            "stress": "stress_tensor",
            "magmoms": "magnetic_moments",
            "bandgap": "band_gap_indirect",
            "functional": "functional",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"}
    )
    units_are_known = True
    corrections = "none"

    def record(self, where: str, row: dict[str, Any]) -> Record:
        """Return one row; the steps of one relaxation belong to one material."""
        record = super().record(where, row)
        material = record.values.get("immutable_id")
        if "relaxation_step" in row and isinstance(material, str):
            # mp-149-0 is the first trajectory of mp-149.
            record.values["immutable_id"] = re.sub(r"(?<=\d)-\d+$", "", material)
            if not record.values.get("id"):
                steps = (material, row.get("relaxation_number"), row["relaxation_step"])
                record.values["id"] = "-".join(str(step) for step in steps if step is not None)
        return record


class ColabFit(ParquetSites):
    """A data set of the ColabFit Exchange, as on Hugging Face.

    Energies are totals in eV, forces in eV/Å and stress in eV/Å³ with the signs of the data set
    that ColabFit took them from, so that the units are shown as assumed. Where
    `cauchy_stress_volume_normalized` is true, the stress was multiplied by the volume
    (colabfit-tools, property_definitions.py).
    """

    form = "colabfit"
    title = "ColabFit in Parquet"
    needed = frozenset({"atomic_numbers", "positions", "cell", "atomic_forces"})
    parts = frozenset({"cauchy_stress_volume_normalized"})
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "property_id",
            "material_id": "configuration_id",
            "energy": "energy",
            "forces": "atomic_forces",
            "stress": "cauchy_stress",
            "bandgap": "electronic_band_gap",
            "functional": "method",
        }
    )

    def record(self, where: str, row: dict[str, Any]) -> Record:
        """Return one row."""
        record = super().record(where, row)
        values = record.values
        stress = values.get("cauchy_stress")
        if values.get("cauchy_stress_volume_normalized") and isinstance(stress, np.ndarray):
            volume = 0.0 if record.lattice is None else abs(np.linalg.det(record.lattice))
            values["cauchy_stress"] = stress / volume if volume else None
        return record


class MatPesParquet(ParquetSites):
    """MatPES with pymatgen structures, as Hugging Face converts its JSON; see `MatPes`."""

    form = "matpes-parquet"
    title = "MatPES in Parquet"
    parts = frozenset({"structure", "provenance", "matpes_id"})
    mapping = MatPes.mapping
    units = MatPes.units
    units_are_known = MatPes.units_are_known
    stress_order = MatPes.stress_order
    corrections = MatPes.corrections

    @classmethod
    def takes(cls, schema: pa.Schema) -> bool:
        """Return whether there is a MatPES id and a column of structures."""
        return {"matpes_id", "structure", "energy"} <= set(schema.names)

    def record(self, where: str, row: dict[str, Any]) -> Record:
        """Return one row."""
        structure, provenance = row.pop("structure"), row.pop("provenance", None)
        origin = provenance.get("original_mp_id") if isinstance(provenance, dict) else None
        row["original_mp_id"] = origin or row["matpes_id"]
        return structure_record(structure, where, row)


def _are_unique(schema: pa.Schema) -> bool:
    return len(set(schema.names)) == len(schema.names)


def _files(path: Path) -> list[Path]:
    """Return the Parquet files of a path, those of a folder in the order of their names."""
    files = [path]
    if path.is_dir():
        files = sorted(path.glob("*.parquet")) or sorted(path.glob("*/*.parquet"))
    return [file for file in files if file.is_file() and _is_parquet(file)]


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == PARQUET_MAGIC
    except OSError:
        return False


def _values(column: pa.Array) -> Iterator[Any]:
    """Yield the values of a column, lists of numbers as arrays."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if depth_of_numbers(column.type):
        yield from arrays(column)
    else:
        for value in column:
            try:
                yield value.as_py()
            except UnicodeDecodeError:
                yield _NO_TEXT
