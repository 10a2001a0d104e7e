"""Files that could run programs are refused by what they hold, whatever they are called."""

import gzip
import pickle
from pathlib import Path

import lmdb
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.frames.sources.never_read import refuse_pickles
from core.frames.sources.opening import open_source

FORMATS = Path(__file__).parents[2] / "data" / "formats"


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_a_pickle_named_traj_is_refused(tmp_path: Path):
    # ase.io.pickletrajectory: the name of the format before the pickles.
    (tmp_path / "PICKLE.traj").write_bytes(b"PickleTrajectory" + pickle.dumps({"version": 1}, 2))
    with pytest.raises(LabError, match=r"PICKLE.traj is a Python pickle.*never opened"):
        open_source(tmp_path / "PICKLE.traj")
    with pytest.raises(LabError, match=r"PICKLE.traj is a Python pickle.*never opened"):
        open_source(FORMATS / "ase" / "pydmclab_chgnet_traj_PICKLE.traj")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["a.pkl", "a.extxyz", "a.pkl.gz", "a.db"])
def test_pickles_are_refused_under_any_name(name: str, protocol: int, tmp_path: Path):
    for value in (_Bomb(), {"a": _Bomb()}, [_Bomb()], np.arange(3)):
        data = pickle.dumps(value, protocol=protocol)
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        with pytest.raises(LabError, match="Python pickle"):
            open_source(path)


def test_pickles_in_lmdb_and_torch_files_are_refused(tmp_path: Path):
    path = tmp_path / "data.0000.lmdb"
    with (
        lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 20) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(b"0", pickle.dumps({"a": _Bomb()}))
    for one in (path, tmp_path):
        with pytest.raises(LabError, match=r"data\.0000\.lmdb is LMDB with a Python pickle"):
            open_source(one)
    torch.save({"a": 1}, tmp_path / "frames.pt")
    with pytest.raises(LabError, match=r"frames\.pt is a file of torch\.save"):
        open_source(tmp_path / "frames.pt")


def test_compressed_binaries_are_to_be_decompressed(tmp_path: Path):
    for name in ("hfo2.aselmdb", "schnetpack_test_qm9.db", "fairchem_structure_0001.traj"):
        path = tmp_path / f"{name}.gz"
        path.write_bytes(gzip.compress((FORMATS / "ase" / name).read_bytes()))
        with pytest.raises(LabError, match="is compressed with gzip; decompress it first"):
            open_source(path)


@pytest.mark.parametrize(
    "text",
    ["cubic\n1\n4 0 0\n0 4 0\n0 0 4\nNa\n1\nDirect\n0 0 0\n", "cif\ndata\n", "c\nd\ne\n"],
)
def test_text_is_not_taken_for_a_pickle(text: str, tmp_path: Path):
    path = tmp_path / "text"
    path.write_text(text)
    refuse_pickles(path)
