"""Files that readers read well, before they are damaged."""

import io
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.home import home
from core.potential.models import new_model, save_model

DATA = Path(__file__).parents[1] / "data"
FORMATS = DATA / "formats"
_MOST = 300_000
"""Bytes of an example; larger ones are cut at a line."""

Examples = dict[str, bytes]
"""Name to content."""


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


def of(*patterns: str) -> Callable[[], Examples]:
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
    from tests.salts import rock_salt  # noqa: PLC0415

    rows = []
    for number, formula in enumerate(("NaCl", "LiF", "MgO", "KBr", "LiCl", "CaO")):
        symbols = re.findall("[A-Z][a-z]?", formula)
        structure = rock_salt(5 + number / 10, *symbols).get_primitive_structure()
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


def tables() -> Examples:
    examples = of("tables/*.csv*", "databases/*.csv*")()
    for kind, text in _structure_texts().items():
        rows = [row | {"structure": text(row["structure"])} for row in _rows()]
        examples[f"frames_{kind}.csv"] = _csv_of(rows)
    examples["pairs.csv"] = _csv_of(
        [{key: row[key] for key in ("material_id", "formula", "energy_pbe", "energy_r2scan")}
         for row in _rows()]
    )  # fmt: skip
    return examples


def parquets() -> Examples:
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


def workbooks() -> Examples:
    import pandas as pd  # noqa: PLC0415

    rows = [row | {"structure": json.dumps(row["structure"])} for row in _rows()]
    pd.DataFrame(rows).drop(columns=["forces", "stress", "magmoms"]).to_excel(
        file := io.BytesIO(), index=False
    )
    return {"frames.xlsx": file.getvalue()}


def structure_examples() -> Examples:
    texts = _structure_texts()
    row = _rows()[0]["structure"]
    examples = {"a.cif": texts["cif"](row).encode(), "POSCAR": texts["poscar"](row).encode()}
    examples |= of("extxyz/sevennet_hfo2.extxyz")()
    with_moments = examples["a.cif"].decode() + (
        "_space_group_magn.transform_BNS_Pp_abc 'a,b,c;0,0,0'\n_space_group_magn.number_BNS 1.1\n"
        "loop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\nNa0 1.0\n"
    )
    return examples | {"m.mcif": with_moments.encode(), "m.cif": with_moments.encode()}


def model_examples() -> Examples:
    path = home() / "model.pth.tar"
    save_model(path, new_model(0), {"functional": "PBE"})
    return {path.name: path.read_bytes()}


def atomref_examples() -> Examples:
    saved = DATA / "home-0.1.0" / "atomrefs" / "old-atomref.json"
    csv = b"symbol,energy,functional\nH,-1.1,r2SCAN\nO,-2.5,r2SCAN\nFe,-8,r2SCAN\n"
    nested = b'{"r2SCAN": {"H": -1.1, "O": "-2.5"}, "PBE": {"H": -1}}'
    return {
        "a.json": saved.read_bytes(),
        "b.json": b'{"H": -1.1, "O": -2.5, "Fe": -8}',
        "c.json": nested,
        "d.csv": csv,
    }


def point_examples() -> Examples:
    rows = [{"n_frames": n, "error": 100 / n**0.5, "seed": s} for n in (10, 30, 90) for s in (0, 1)]
    pq.write_table(pa.Table.from_pylist(rows), file := io.BytesIO())
    return {"points.csv": _csv_of(rows), "points.parquet": file.getvalue()}


def zip_of(folder: Path) -> bytes:
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size < _MOST:
                archive.write(path, path.relative_to(folder))
    return file.getvalue()


def folder_examples() -> Examples:
    folders = ("mlff/deepmd_npy", "databases/jarvis_id_prop", "mp_r2scan/relax")
    return {f"{name.rpartition('/')[2]}.zip": zip_of(FORMATS / name) for name in folders}


def archive_examples() -> Examples:
    rows = _rows()
    np.savez(
        file := io.BytesIO(),
        R=np.array([[site["xyz"] for site in row["structure"]["sites"]] for row in rows]),
        z=np.array([11, 17]),
        E=np.array([row["energy_pbe"] for row in rows]),
        F=np.array([row["forces"] for row in rows]),
    )
    return {"md.npz": file.getvalue()}


def result_examples() -> Examples:
    from core.studies.imports import ImportResult  # noqa: PLC0415
    from core.studies.results import save_result  # noqa: PLC0415

    path = home() / "result.npz"
    save_result(path, ImportResult(name="x", n=3, description="Three rows.", findings=["none"]))
    return {path.name: path.read_bytes()}
