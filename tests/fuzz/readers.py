"""Everything that reads files of strangers, or files that a disk may have damaged.

A reader is a function of a path and examples of what it reads. `attempt` is called in a process
that another one watches, as the lab calls them.
"""

import contextlib
import io
import json
import re
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.boxed import reading
from core.errors import LabError
from core.files import disk_error_message
from core.home import datasets_dir, home
from core.potential.models import new_model, save_model

DATA = Path(__file__).parents[1] / "data"
FORMATS = DATA / "formats"
FUNCTIONAL = "r2SCAN"
_MOST = 300_000
"""Bytes of an example; larger ones are cut at a line."""

Examples = dict[str, bytes]
"""Name to content."""


@dataclass(frozen=True)
class Reader:
    """What reads files.

    Attributes:
        read: reads a path.
        examples: returns what it reads well.
    """

    read: Callable[[Path], object]
    examples: Callable[[], Examples]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        kind: "read", "told" (one clear sentence), "vague" (a sentence that only repeats what a
            library said), or "crash".
        text: the sentence.
        place: where the exception came from, for findings to be told apart.
        seconds: processor time.
    """

    kind: str
    text: str = ""
    place: str = ""
    seconds: float = 0.0


_VAGUE = re.compile(r"cannot be read \(\w*(Error|Exception|Invalid|Interrupt|Warning)\b")


def attempt(name: str, path: str) -> Outcome:
    """Read a file with a reader, and return how it ended."""
    begin = time.process_time()
    return replace(_attempt(name, path), seconds=time.process_time() - begin)


def _attempt(name: str, path: str) -> Outcome:
    try:
        READERS[name].read(Path(path))
    except LabError as error:
        text = str(error)
        vague = "\n" in text or _VAGUE.search(text) or not text.rstrip().endswith((".", "?"))
        return Outcome("vague" if vague else "told", text, _place(error.__cause__ or error))
    except OSError as error:
        return Outcome("told", disk_error_message(error))
    except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
        return Outcome("crash", f"{type(error).__name__}: {error}", _place(error))
    return Outcome("read")


def _place(error: BaseException) -> str:
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if "/core/" in step.filename] or list(steps)
    last = own[-1] if own else None
    return f"{type(error).__name__} in {last.name}" if last else type(error).__name__


def _import(path: Path) -> None:
    """Preview, plan and import a file as each kind that it may become."""
    from core.frames.sources.importing import (  # noqa: PLC0415
        import_dataset,
        open_input,
        plan_import,
    )

    found = open_input(path)
    kind = found.kind
    mapping = found.mapping(kind)
    found.units(mapping)
    found.functionals(mapping)
    settings: dict[str, Any] = {} if kind == "pairs" else {"functional": FUNCTIONAL}
    if "structure" in mapping or (found.table and "structure" in found.table.columns):
        kind, settings = "frames", {"functional": FUNCTIONAL, "mapping": {"structure": "structure"}}
    try:
        plan_import(path, kind, **settings)
        import_dataset(path, kind, name="fuzz", **settings)
    finally:
        shutil.rmtree(datasets_dir() / "fuzz", ignore_errors=True)


def _folder(path: Path) -> None:
    """Import a folder that a zip holds."""
    import zipfile  # noqa: PLC0415

    folder = path.with_suffix(".d")
    try:
        with zipfile.ZipFile(path) as archive, contextlib.suppress(zipfile.BadZipFile):
            archive.extractall(folder)
        _import(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _structures(path: Path) -> None:
    from core.frames.sources.structure_files import read_structures  # noqa: PLC0415

    read_structures([path])


def _model(path: Path) -> None:
    from core.runs.record.named_models import functional_of_checkpoint  # noqa: PLC0415

    functional_of_checkpoint(str(path))


def _atomref(path: Path) -> None:
    from core.reference.fits.library import energies_of, read_atomref  # noqa: PLC0415

    with reading(path):
        atomref = read_atomref(path.read_bytes(), name=path.name, functional=FUNCTIONAL)
        energies_of(atomref)
        if json.loads(atomref.to_json())["n"] < 0:
            raise ValueError("a number of materials is below 0")


def _elements(path: Path) -> None:
    from core.reference.fits.element_table import (  # noqa: PLC0415
        element_energies,
        read_element_table,
    )

    with reading(path):
        element_energies(read_element_table(path), FUNCTIONAL, name=path.name)


def _points(path: Path) -> None:
    from core.scaling.points import read_points  # noqa: PLC0415

    with reading(path):
        read_points(path)


def _lab(path: Path) -> None:
    """Ask for everything in a lab, of which a zip holds some files."""
    import os  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    from core.frames.registry import list_datasets, open_dataset  # noqa: PLC0415
    from core.reference.fits.library import saved_atomrefs  # noqa: PLC0415
    from core.runs.groups.experiment import list_experiments  # noqa: PLC0415
    from core.runs.groups.sweep import list_sweeps  # noqa: PLC0415
    from core.runs.record.listing import list_runs  # noqa: PLC0415
    from core.runs.results.comparison import errors_table, overview  # noqa: PLC0415

    lab = path.with_suffix(".lab")
    before = str(home())
    try:
        with zipfile.ZipFile(path) as archive, contextlib.suppress(zipfile.BadZipFile):
            archive.extractall(lab)
        os.environ["ATOMREF_LAB_HOME"] = str(lab)
        runs = list_runs()
        overview(runs)
        for run in runs:
            errors_table(run)
        list_experiments()
        list_sweeps()
        saved_atomrefs()
        told = []
        for info in list_datasets():
            if not info.embedded:
                try:
                    open_dataset(info.card.name).fractions()
                except LabError as error:
                    told.append(error)
        if told:
            raise told[0]
    finally:
        os.environ["ATOMREF_LAB_HOME"] = before
        shutil.rmtree(lab, ignore_errors=True)


def _result(path: Path) -> None:
    from core.studies.imports import ImportResult  # noqa: PLC0415
    from core.studies.results import load_result  # noqa: PLC0415

    load_result(path, ImportResult)


def _plain(path: Path) -> bytes:
    from core.frames.tables.compression import open_bytes  # noqa: PLC0415

    with open_bytes(path) as stream:
        parts = []
        while part := stream.read(1 << 20):
            parts.append(part)
    data = b"".join(parts)
    if len(data) > _MOST and b"\0" not in data[:4096] and data[:1] not in {b"{", b"["}:
        data = data[: data.rindex(b"\n", 0, _MOST) + 1]
    return data


def _named(path: Path) -> str:
    name = path.name
    for suffix in (".gz", ".bz2"):
        name = name.removesuffix(suffix)
    return name


def _of(*patterns: str) -> Callable[[], Examples]:
    """Return the files of the tests' formats that match, decompressed."""

    def examples() -> Examples:
        files = sorted({path for pattern in patterns for path in FORMATS.glob(pattern)})
        return {_named(path): _plain(path) for path in files if path.is_file()}

    return examples


def _csv_of(rows: list[dict[str, Any]]) -> bytes:
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(rows).to_csv(index=False).encode()


@cache
def _rows() -> list[dict[str, Any]]:
    """Return frames of rock salts as rows of a table."""
    from pymatgen.core import Lattice, Structure  # noqa: PLC0415

    rows = []
    for number, formula in enumerate(("NaCl", "LiF", "MgO", "KBr", "LiCl", "CaO")):
        symbols = re.findall("[A-Z][a-z]?", formula)
        structure = Structure.from_spacegroup(
            "Fm-3m", Lattice.cubic(5 + number / 10), symbols, [[0, 0, 0], [0.5, 0.5, 0.5]]
        ).get_primitive_structure()
        rows.append(
            {
                "material_id": f"m{number}",
                "formula": formula,
                "structure": _without_empty(structure.as_dict()),
                "energy_pbe": -3.0 - number / 7,
                "energy_r2scan": -5.0 - number / 9,
                "forces": [[0.0, 0.01, 0.0], [0.0, -0.01, 0.0]],
                "stress": [[0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]],
                "magmoms": [0.0, 0.1],
            }
        )
    return rows


def _without_empty(document: Any) -> Any:
    """Return a document without empty dictionaries, which Parquet cannot hold."""
    if isinstance(document, dict):
        inner = {key: _without_empty(value) for key, value in document.items()}
        return {key: value for key, value in inner.items() if value != {}}
    return [_without_empty(value) for value in document] if isinstance(document, list) else document


def _structure_texts() -> dict[str, Callable[[dict[str, Any]], str]]:
    from pymatgen.core import Structure  # noqa: PLC0415

    return {
        "json": json.dumps,
        "repr": str,
        "cif": lambda row: Structure.from_dict(row).to(fmt="cif"),
        "poscar": lambda row: Structure.from_dict(row).to(fmt="poscar"),
    }


def _tables() -> Examples:
    examples = _of("tables/*.csv*", "databases/*.csv*")()
    for kind, text in _structure_texts().items():
        rows = [row | {"structure": text(row["structure"])} for row in _rows()]
        examples[f"frames_{kind}.csv"] = _csv_of(rows)
    examples["pairs.csv"] = _csv_of(
        [{key: row[key] for key in ("material_id", "formula", "energy_pbe", "energy_r2scan")}
         for row in _rows()]
    )  # fmt: skip
    return examples


def _parquets() -> Examples:
    tables = {"pairs": [{key: value for key, value in row.items() if key in {
        "material_id", "formula", "energy_pbe", "energy_r2scan"}} for row in _rows()]}  # fmt: skip
    tables["json"] = [row | {"structure": json.dumps(row["structure"])} for row in _rows()]
    tables["nested"] = _rows()
    tables["sites"] = [
        {
            "id": row["material_id"],
            "species": [site["label"] for site in row["structure"]["sites"]],
            "positions": [site["xyz"] for site in row["structure"]["sites"]],
            "cell": row["structure"]["lattice"]["matrix"],
            "energy": row["energy_pbe"],
            "forces": row["forces"],
        }
        for row in _rows()
    ]
    tables["lemat"] = [
        {
            "immutable_id": row["material_id"],
            "species_at_sites": [site["label"] for site in row["structure"]["sites"]],
            "cartesian_site_positions": [site["xyz"] for site in row["structure"]["sites"]],
            "lattice_vectors": row["structure"]["lattice"]["matrix"],
            "energy": row["energy_pbe"],
            "forces": row["forces"],
            "stress_tensor": row["stress"],
            "functional": "pbe",
        }
        for row in _rows()
    ]
    examples = {}
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), file := io.BytesIO())
        examples[f"{name}.parquet"] = file.getvalue()
    return examples


def _workbooks() -> Examples:
    import pandas as pd  # noqa: PLC0415

    rows = [row | {"structure": json.dumps(row["structure"])} for row in _rows()]
    pd.DataFrame(rows).drop(columns=["forces", "stress", "magmoms"]).to_excel(
        file := io.BytesIO(), index=False
    )
    return {"frames.xlsx": file.getvalue()}


def _structure_examples() -> Examples:
    texts = _structure_texts()
    row = _rows()[0]["structure"]
    examples = {"a.cif": texts["cif"](row).encode(), "POSCAR": texts["poscar"](row).encode()}
    examples |= _of("extxyz/sevennet_hfo2.extxyz")()
    with_moments = examples["a.cif"].decode() + (
        "_space_group_magn.transform_BNS_Pp_abc 'a,b,c;0,0,0'\n_space_group_magn.number_BNS 1.1\n"
        "loop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\nNa0 1.0\n"
    )
    return examples | {"m.mcif": with_moments.encode(), "m.cif": with_moments.encode()}


def _model_examples() -> Examples:
    path = home() / "model.pth.tar"
    save_model(path, new_model(0), {"functional": "PBE"})
    return {path.name: path.read_bytes()}


def _atomref_examples() -> Examples:
    saved = DATA / "home-0.1.0" / "atomrefs" / "old-atomref.json"
    csv = b"symbol,energy,functional\nH,-1.1,r2SCAN\nO,-2.5,r2SCAN\nFe,-8,r2SCAN\n"
    nested = b'{"r2SCAN": {"H": -1.1, "O": "-2.5"}, "PBE": {"H": -1}}'
    return {
        "a.json": saved.read_bytes(),
        "b.json": b'{"H": -1.1, "O": -2.5, "Fe": -8}',
        "c.json": nested,
        "d.csv": csv,
    }


def _point_examples() -> Examples:
    rows = [{"n_frames": n, "error": 100 / n**0.5, "seed": s} for n in (10, 30, 90) for s in (0, 1)]
    pq.write_table(pa.Table.from_pylist(rows), file := io.BytesIO())
    return {"points.csv": _csv_of(rows), "points.parquet": file.getvalue()}


def _zip_of(folder: Path) -> bytes:
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size < _MOST:
                archive.write(path, path.relative_to(folder))
    return file.getvalue()


def _folder_examples() -> Examples:
    folders = ("mlff/deepmd_npy", "databases/jarvis_id_prop", "mp_r2scan/relax")
    return {f"{name.rpartition('/')[2]}.zip": _zip_of(FORMATS / name) for name in folders}


def _archive_examples() -> Examples:
    rows = _rows()
    np.savez(
        file := io.BytesIO(),
        R=np.array([[site["xyz"] for site in row["structure"]["sites"]] for row in rows]),
        z=np.array([11, 17]),
        E=np.array([row["energy_pbe"] for row in rows]),
        F=np.array([row["forces"] for row in rows]),
    )
    return {"md.npz": file.getvalue()}


def _result_examples() -> Examples:
    from core.studies.imports import ImportResult  # noqa: PLC0415
    from core.studies.results import save_result  # noqa: PLC0415

    path = home() / "result.npz"
    save_result(path, ImportResult(name="x", n=3, description="Three rows.", findings=["none"]))
    return {path.name: path.read_bytes()}


READERS: dict[str, Reader] = {
    "table": Reader(_import, _tables),
    "parquet": Reader(_import, _parquets),
    "excel": Reader(_import, _workbooks),
    "extended-xyz": Reader(_import, _of("extxyz/*", "mptrj/*.extxyz*")),
    "json": Reader(
        _import,
        _of("mptrj/*.json*", "matpes/*", "mp_r2scan/*.json", "pymatgen/*", "databases/*.json*"),
    ),
    "vasp": Reader(_import, _of("vasp/*.xml*", "vasp/*OUTCAR*", "mp_r2scan/relax/*")),
    "ase": Reader(_import, _of("ase/*", "codes/*")),
    "training-sets": Reader(_import, _of("mlff/*.hdf5", "mlff/*.gz", "mlff/*.data")),
    "npz": Reader(_import, _archive_examples),
    "folder": Reader(_folder, _folder_examples),
    "structures": Reader(_structures, _structure_examples),
    "checkpoint": Reader(_model, _model_examples),
    "atomref": Reader(_atomref, _atomref_examples),
    "elements": Reader(_elements, _atomref_examples),
    "points": Reader(_points, _point_examples),
    "result": Reader(_result, _result_examples),
    "lab": Reader(_lab, lambda: {"lab.zip": _zip_of(DATA / "home-0.1.0")}),
}
"""Name to reader."""
