"""A small file of every form, to be damaged."""

import bz2
import gzip
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import ase.io.ulm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ase.io.trajectory import write_atoms

from core.elements import SYMBOLS
from core.frames.tables.guessing import Kind
from tests.frames.ended_import import salts
from tests.frames.sources.atoms import outputs
from tests.frames.sources.atoms.test_cp2k_trajectory import INPUT as CP2K_INPUT
from tests.frames.sources.atoms.test_cp2k_trajectory import STEPS as CP2K_STEPS
from tests.frames.sources.atoms.test_cp2k_trajectory import write as write_cp2k
from tests.frames.sources.atoms.test_gpaw_old import written as old_gpw
from tests.frames.sources.json_files.documents import DOCUMENT, FORCES, STRUCTURE
from tests.frames.sources.json_files.test_databases import aflow, archive, fitsnap, optimade
from tests.frames.sources.outputs.test_abinit import HEAD as ABINIT_HEAD
from tests.frames.sources.outputs.test_abinit import RESULTS
from tests.frames.sources.outputs.test_ml_ab import CONFIGURATION, HEAD
from tests.frames.sources.outputs.test_vaspout import opened as vaspout
from tests.frames.sources.test_parquet_sets import colabfit_row, lemat_row, matpes_row
from tests.frames.sources.training_sets.test_h5md import write as h5md
from tests.frames.sources.training_sets.test_npz import SGDML
from tests.frames.sources.training_sets.test_table_sites import ROW as TABLE_ROW
from tests.frames.sources.training_sets.test_table_sites import written as table_sites
from tests.frames.sources.training_sets.test_text_forms import CFG
from tests.frames.sources.training_sets.test_xsf import TEXT as XSF
from tests.frames.vasp.files import MadeStep, outcar, vasprun

FORMATS = Path(__file__).parents[2] / "data" / "formats"
Make = Callable[[Path], object]


def copied(name: str) -> Make:
    """Return what writes one of the files of other tools, without its compression."""

    def make(path: Path) -> None:
        content = (FORMATS / name).read_bytes()
        opens = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(Path(name).suffix, bytes)
        path.write_bytes(opens(content))

    return make


def text(content: str) -> Make:
    return lambda path: path.write_text(content)


def documents(*values: object) -> Make:
    return text(json.dumps(values[0] if len(values) == 1 else values, indent=1))


def parquet(row: dict) -> Make:
    return lambda path: pq.write_table(pa.Table.from_pylist([row] * 4), path)


def gpaw(path: Path) -> None:
    (atoms,) = salts(1)
    with ase.io.ulm.Writer(path, mode="w", tag="gpaw") as writer:
        write_atoms(writer.child("atoms"), atoms)
        writer.child("results").write(energy=-7.0, forces=np.zeros((2, 3)))
        writer.child("parameters").write(xc="PBE")


SITES = {
    "numbers": [11, 17],
    "positions": STRUCTURE.cart_coords.tolist(),
    "cell": STRUCTURE.lattice.matrix.tolist(),
    "pbc": [True] * 3,
    "energy": -7.0,
}
TRAJECTORY = {
    "@module": "pymatgen.core.trajectory",
    "@class": "Trajectory",
    "species": ["Na", "Cl"],
    "lattice": STRUCTURE.lattice.matrix.tolist(),
    "coords": [STRUCTURE.frac_coords.tolist()] * 3,
    "frame_properties": [{"energy": -7.0 - step, "forces": FORCES} for step in range(3)],
}
MLEARN = {
    "structure": STRUCTURE.as_dict(),
    "outputs": {
        "energy": -7.0,
        "forces": FORCES,
        "virial_stress": [30.0, 20.0, 10.0, 3.0, 2.0, 1.0],
    },
    "group": "test",
}
ROWS = [
    f"mp-{n},{element}O,{-8.0 - n / 10:.5f},{-9.0 - n / 5:.5f}"
    for n, element in enumerate(SYMBOLS[10:30])
]
PAIRS = "\n".join(["material_id,formula,energy_per_atom_pbe,energy_per_atom_r2scan", *ROWS, ""])
ENERGIES = "\n".join(["id,formula,energy_per_atom", *(row.rpartition(",")[0] for row in ROWS), ""])
FRAMES = pd.DataFrame(
    {
        "id": ["a", "b", "c"],
        "structure": [json.dumps(STRUCTURE.as_dict())] * 3,
        "energy": [-7.0, -8.0, -9.0],
        "forces": [json.dumps(FORCES)] * 3,
    }
).to_csv(index=False)


def packed(compression: str) -> Make:
    """Return what writes a table compressed by Arrow."""

    def make(path: Path) -> None:
        with pa.CompressedOutputStream(path, compression) as stream:
            stream.write(PAIRS.encode())

    return make


def tabled(write: str, content: str = PAIRS) -> Make:
    """Return what writes a table by one of pandas' writers."""

    def make(path: Path) -> None:
        getattr(pd.read_csv(io.StringIO(content)), write)(path, index=False)

    return make


def vasp_folder(path: Path) -> list[Path]:
    """Write three calculations, of which one is a vasprun.xml and two are OUTCARs."""
    files = [path / "a" / "vasprun.xml", path / "b" / "OUTCAR", path / "c" / "OUTCAR"]
    for file, written in zip(files, [vasprun, outcar, outcar], strict=True):
        file.parent.mkdir(parents=True)
        file.write_text(written([MadeStep(), MadeStep(zero=-11.0)]))
    return files[:2]


def structure_list(path: Path) -> list[Path]:
    """Write a list of two OUTCARs beside it."""
    path.mkdir()
    (path / "structure_list").write_text("[LiF]\nOUTCAR_{1..2} :\n")
    for number in (1, 2):
        (path / f"OUTCAR_{number}").write_text(outcar([MadeStep(zero=-10.0 - number)] * 2))
    return [path / "structure_list", path / "OUTCAR_1"]


def deepmd_folder(path: Path) -> list[Path]:
    """Copy a folder of DeePMD's arrays."""
    shutil.copytree(FORMATS / "mlff" / "deepmd_npy", path)
    return [path / name for name in ("type.raw", "set.000/box.npy", "set.000/force.npy")]


def id_prop_folder(path: Path) -> list[Path]:
    """Copy a folder of structures with a table of targets."""
    shutil.copytree(FORMATS / "databases" / "jarvis_id_prop", path)
    return [path / "id_prop.csv", path / "POSCAR-JVASP-10.vasp"]


def cp2k_folder(path: Path) -> list[Path]:
    """Write a trajectory with its forces and the input that has its cell."""
    path.mkdir()
    written = write_cp2k(path, {"pos": CP2K_STEPS, "frc": CP2K_STEPS}, water_inp=CP2K_INPUT)
    return [written, path / "water-frc-1.xyz", path / "water.inp"]


EXAMPLES: dict[str, tuple[str, Make]] = {
    "extxyz": ("set.xyz", copied("extxyz/sevennet_hfo2.extxyz")),
    "vaspout": ("vaspout.h5", vaspout),
    "ml-ab": ("ML_AB", text(HEAD + CONFIGURATION)),
    "vasp": ("OUTCAR", copied("vasp/emmet_magnetic_run/OUTCAR.gz")),
    "abinit": ("run.abo", text(ABINIT_HEAD + RESULTS)),
    "traj": ("a.traj", copied("ase/fairchem_structure_0001.traj")),
    "gpw": ("a.gpw", gpaw),
    "gpw-0": ("old.gpw", old_gpw),
    "ase-db": ("a.db", copied("ase/schnetpack_test_qm9.db")),
    "ase-json": ("a.json", copied("ase/fairchem_atoms_models.json")),
    "aselmdb": ("a.aselmdb", copied("ase/hfo2.aselmdb")),
    "cp2k": ("cp2k.out", copied("codes/cp2k_si_bulk8.out.gz")),
    "espresso-out": ("pw.out", copied("codes/qe_TiO2_opt_pw.out.gz")),
    "espresso-xml": ("pw.xml", copied("codes/qe_TiO2_data-file-schema.xml.gz")),
    "aims-output": ("aims.out", copied("codes/aims_Si_geomopt.out.gz")),
    "matpes": ("a.json", copied("matpes/MatPES-PBE-fragment.json.gz")),
    "mptrj": ("a.json", copied("mptrj/MPtrj_fragment.json.gz")),
    "chgnet-parse": ("a.json", copied("mp_r2scan/chgnet_parse_r2scan.json")),
    "deepmd-hdf5": ("a.hdf5", copied("mlff/deepmd_hdf5.hdf5")),
    "hdf5": ("a.hdf5", copied("mlff/mlip_spice2.hdf5")),
    "h5md": ("a.h5", h5md),
    "table-sites": ("a.csv", lambda path: table_sites(path, [TABLE_ROW] * 4)),
    "n2p2": ("input.data", copied("mlff/n2p2_input.data")),
    "npz": ("a.npz", lambda path: np.savez(path, **SGDML)),
    "xsf": ("a.xsf", text(XSF)),
    "entries": ("a.json", copied("pymatgen/r2scan_computed_structure_entries.json")),
    "tasks": ("a.json", copied("pymatgen/emmet_task_doc_mp-2766060.json.gz")),
    "jarvis": ("a.json", copied("databases/jarvis_alignn_ff_id_prop.json.gz")),
    "pydmclab": ("a.json", copied("pymatgen/pydmclab_query_Ca-Al-F.json.gz")),
    "optimade": (
        "a.json",
        documents({"data": [optimade()] * 2, "meta": {"api_version": "1"}}),
    ),
    "nomad": ("a.json", documents(archive())),
    "aflow": ("a.json", documents([aflow(), aflow()])),
    "fitsnap": ("a.json", text(fitsnap("bar", [[1.0, 0, 0], [0, 2, 0], [0, 0, 3]]))),
    "lemat": ("a.parquet", parquet(lemat_row())),
    "lemat-json": ("a.json", documents([lemat_row()] * 3)),
    "colabfit": ("a.parquet", parquet(colabfit_row())),
    "matpes-parquet": ("a.parquet", parquet(matpes_row())),
    "json": ("a.json", documents([DOCUMENT] * 3)),
    "json-sites": ("a.json", documents([SITES] * 3)),
    "json-columns": (
        "a.json",
        documents({"structures": [STRUCTURE.as_dict()] * 3, "energies": [-7.0] * 3}),
    ),
    "trajectory": ("a.json", documents(TRAJECTORY)),
    "mlearn": ("a.json", documents([MLEARN] * 3)),
    "parquet-sites": ("a.parquet", parquet(SITES)),
    "mtp": ("train.cfg", text(CFG * 3)),
    "castep-castep": ("a.castep", text(outputs.castep())),
    "castep-md": ("a.md", text(outputs.castep_steps("castep-md"))),
    "castep-geom": ("a.geom", text(outputs.castep_steps("castep-geom"))),
    "gpaw-out": ("a.txt", text(outputs.gpaw())),
    "orca-output": ("a.out", text(outputs.orca())),
    "gaussian-out": ("a.log", text(outputs.gaussian())),
    "nwchem-out": ("a.nwo", text(outputs.nwchem())),
}
FOLDERS: dict[str, Callable[[Path], list[Path]]] = {
    "vasp-folder": vasp_folder,
    "structure_list": structure_list,
    "deepmd": deepmd_folder,
    "id-prop": id_prop_folder,
    "cp2k-xyz": cp2k_folder,
}
"""Forms of several files, and what writes them and returns those that are damaged."""
TABLES: dict[str, tuple[str, Kind, Make]] = {
    "pairs in CSV": ("a.csv", "pairs", text(PAIRS)),
    "pairs in Parquet": ("a.parquet", "pairs", tabled("to_parquet")),
    "pairs in Excel": ("a.xlsx", "pairs", tabled("to_excel")),
    "pairs in gzip": ("a.csv.gz", "pairs", packed("gzip")),
    "pairs in zstd": (
        "a.csv.zst",
        "pairs",
        packed("zstd"),
    ),
    "frames in CSV": ("a.csv", "frames", text(FRAMES)),
    "frames in Parquet": ("a.parquet", "frames", tabled("to_parquet", FRAMES)),
    "energies in CSV": ("a.csv", "energies", text(ENERGIES)),
}
