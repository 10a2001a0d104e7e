"""Every form with eight kinds of damage: what is whole is taken, the rest is told in a sentence."""

import bz2
import gzip
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ase.io.ulm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ase.io.trajectory import write_atoms

from core.errors import LabError
from core.frames.registry import list_datasets
from core.frames.sources.importing import import_dataset, open_input
from core.frames.sources.opening import SOURCES, open_source
from core.home import datasets_dir
from tests.frames.ended_import import salts
from tests.frames.sources.atoms.test_gpaw_old import written as old_gpw
from tests.frames.sources.json_files.documents import DOCUMENT, STRUCTURE
from tests.frames.sources.json_files.test_databases import aflow, archive, fitsnap, optimade
from tests.frames.sources.outputs.test_abinit import HEAD as ABINIT_HEAD
from tests.frames.sources.outputs.test_abinit import RESULTS
from tests.frames.sources.outputs.test_ml_ab import CONFIGURATION, HEAD
from tests.frames.sources.outputs.test_vaspout import opened as vaspout
from tests.frames.sources.test_parquet_sets import colabfit_row, lemat_row, matpes_row
from tests.frames.sources.training_sets.test_npz import SGDML
from tests.frames.sources.training_sets.test_xsf import TEXT as XSF

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
    "aims-output": ("aims.out", copied("codes/aims_Si_geomopt.out.gz")),
    "matpes": ("a.json", copied("matpes/MatPES-PBE-fragment.json.gz")),
    "mptrj": ("a.json", copied("mptrj/MPtrj_fragment.json.gz")),
    "chgnet-parse": ("a.json", copied("mp_r2scan/chgnet_parse_r2scan.json")),
    "deepmd-hdf5": ("a.hdf5", copied("mlff/deepmd_hdf5.hdf5")),
    "hdf5": ("a.hdf5", copied("mlff/mlip_spice2.hdf5")),
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
}


def cut(share: float, content: bytes) -> bytes:
    return content[: int(len(content) * share)]


def zeroed(share: float, content: bytes) -> bytes:
    place = int(len(content) * share)
    n = min(64, len(content) // 4)
    return content[:place] + bytes(n) + content[place + n :]


def stars(content: bytes) -> bytes:
    """Overwrite a number in the middle as Fortran does where it does not fit."""
    place = len(content) // 2
    match = re.compile(rb"-?\d+\.\d+").search(content, place)
    if match is None:
        return content[:place] + b"*****" + content[place + 5 :]
    return content[: match.start()] + b"*" * len(match[0]) + content[match.end() :]


def without_a_line(content: bytes) -> bytes:
    lines = content.split(b"\n")
    del lines[len(lines) // 2]
    return b"\n".join(lines)


def shifted(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + content[half + 7 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut at a tenth": partial(cut, 0.1),
    "cut at the half": partial(cut, 0.5),
    "cut before its end": partial(cut, 0.97),
    "zeros near its beginning": partial(zeroed, 0.2),
    "zeros near its end": partial(zeroed, 0.8),
    "stars": stars,
    "without a line": without_a_line,
    "without seven bytes": shifted,
    "not in UTF-8": lambda content: content.replace(b"e", b"\xff", 7),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


def functional_of(path: Path) -> str:
    source = open_input(path)
    try:
        return source.functional({}, "frames")
    except LabError:
        return "PBE"


def test_every_form_of_one_file_is_tried():
    several = {"vasp-folder", "deepmd", "id-prop", "structure_list"}
    like_others = {"castep-castep", "castep-md", "castep-geom", "gpaw-out", "orca-output"}
    like_others |= {"gaussian-out", "nwchem-out", "mtp", "mlearn", "trajectory"}
    like_others |= {"json-columns", "parquet-sites"}
    assert {source.form for source in SOURCES} - several - like_others == set(EXAMPLES)


@pytest.mark.parametrize("form", EXAMPLES)
def test_damage_is_told_and_loses_nothing(form, tmp_path):
    name, make = EXAMPLES[form]
    path = tmp_path / "files" / name
    path.parent.mkdir()
    make(path)
    source = open_source(path)
    assert source is not None
    assert source.form == form
    content = path.read_bytes()
    functional = functional_of(path)
    n_whole = import_dataset(path, "frames", name="whole", functional=functional).n
    before = {file: file.read_bytes() for file in datasets_dir().rglob("*") if file.is_file()}
    for number, damage in enumerate(DAMAGES.values()):
        path.write_bytes(damage(content))
        try:
            card = import_dataset(path, "frames", name=f"d{number}", functional=functional)
        except LabError as error:
            said = str(error)
            assert re.fullmatch(r"[^\n]{20,600}[.)]", said), (number, said)
            # The exception of a library would be one that nobody has thought of.
            assert not re.search(r"cannot be read \([A-Z]\w+: ", said), (number, said)
            continue
        assert card.n <= n_whole
        assert card.report is not None
        for refusal in card.report.refused:
            assert "\n" not in refusal.where + refusal.why
        shutil.rmtree(datasets_dir() / f"d{number}")
    after = {file: file.read_bytes() for file in datasets_dir().rglob("*") if file.is_file()}
    assert after == before
    assert [info.card.name for info in list_datasets() if not info.embedded] == ["whole"]
