"""One flipped bit in any file of a data set is told, and never reaches Arrow."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from core.errors import LabError
from core.frames import checksums
from core.frames.pairs import open_pairs, write_pairs
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames

N = 40


def frame(i: int) -> Frame:
    rng = np.random.default_rng(i)
    n = 1 + i % 5
    return Frame(
        frame_id=f"f{i}",
        material_id=f"m{i // 2}",
        atomic_numbers=rng.integers(1, 95, n),
        frac_coords=rng.random((n, 3)),
        lattice=5 * np.eye(3) + rng.random((3, 3)),
        energy_per_atom=float(rng.normal()),
        forces=rng.normal(size=(n, 3)) if i % 3 else None,
        stress=rng.normal(size=(3, 3)) if i % 4 else None,
        magmoms=rng.random(n) if i % 2 else None,
    )


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "frames"
    write_frames(path, Card(name="frames", kind="frames"), map(frame, range(N)), shard_size=16)
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "pairs"
    table = pd.DataFrame(
        {
            "material_id": [f"m{i}" for i in range(9)],
            "formula": ["NaCl"] * 9,
            "pbe": np.linspace(-3, -2, 9),
            "r2scan": np.linspace(-9, -8, 9),
        }
    )
    energies = [EnergyColumn(column=name, functional=name) for name in ("pbe", "r2scan")]
    card = Card(name="pairs", kind="pairs", energies=energies)
    write_pairs(path, card, table, [frame(i) if i % 2 else None for i in range(9)])
    return path


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(checksums, "_SOUND", set())


def read_frames(path: Path) -> list[Frame]:
    data = open_frames(path)
    return data.frames(range(len(data)))


def read_pairs(path: Path) -> list[Frame | None]:
    data = open_pairs(path)
    data.energy("pbe"), data.energy("r2scan")
    return data.frames(range(len(data)))


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def assert_every_flip_is_told(path: Path, name: str, read, n: int) -> None:
    """Flip bits at even distances, of which the last is among the last bytes."""
    content = (path / name).read_bytes()
    for bit in np.linspace(0, 8 * len(content) - 1, n).astype(int).tolist():
        (path / name).write_bytes(flipped(content, bit))
        checksums._SOUND.clear()
        with pytest.raises(LabError, match=rf"{re.escape(name)}.*damaged"):
            read(path)


@pytest.mark.parametrize("name", ["frames-00000.arrow", "frames-00002.arrow"])
def test_every_flipped_bit_of_a_shard_is_told(frames, tmp_path, name):
    path = Path(shutil.copytree(frames, tmp_path / "frames"))
    assert_every_flip_is_told(path, name, read_frames, 150)


@pytest.mark.parametrize("name", ["pairs.arrow", "structures-00000.arrow"])
def test_every_flipped_bit_of_pairs_is_told(pairs, tmp_path, name):
    path = Path(shutil.copytree(pairs, tmp_path / "pairs"))
    assert_every_flip_is_told(path, name, read_pairs, 100)


def test_every_flipped_bit_of_the_checksums_is_told(frames, tmp_path):
    path = Path(shutil.copytree(frames, tmp_path / "frames"))
    content = (path / "checksums.json").read_bytes()
    for bit in np.linspace(0, 8 * len(content) - 1, 150).astype(int).tolist():
        (path / "checksums.json").write_bytes(flipped(content, bit))
        checksums._SOUND.clear()
        with pytest.raises(LabError, match="damaged"):
            read_frames(path)


@pytest.mark.parametrize("name", ["frames-00000.arrow", "frames-00001.arrow"])
def test_a_data_set_of_an_older_version_is_compared_with_its_card(frames, tmp_path, name):
    path = Path(shutil.copytree(frames, tmp_path / "frames"))
    (path / "checksums.json").unlink()
    assert len(read_frames(path)) == N
    assert_every_flip_is_told(path, name, read_frames, 60)
    for shard in path.glob("frames-*.arrow"):
        shard.unlink()
    with pytest.raises(LabError, match="lacks a file; import the data set again"):
        read_frames(path)


def test_what_is_not_damaged_can_be_read(frames, tmp_path):
    path = Path(shutil.copytree(frames, tmp_path / "frames"))
    # The forces of the second shard, found as Arrow finds them.
    shard = path / "frames-00001.arrow"
    reader = pa.ipc.open_file(shard)
    forces = reader.get_batch(0).column("forces").flatten().flatten().to_numpy()
    content = shard.read_bytes()
    shard.write_bytes(flipped(content, 8 * content.index(forces.tobytes())))
    data = open_frames(path)
    assert data.energies().tolist() == [frame(i).energy_per_atom for i in range(N)]
    assert data.frame(0).frame_id == "f0"
    with pytest.raises(LabError, match=r"column forces of 16 rows \(part 1 of 1\); other columns"):
        data.frame(20)
    with pytest.raises(LabError, match="column forces"):
        list(data.batches())


def test_a_shard_is_compared_once(frames, monkeypatch):
    read_frames(frames)
    known = set(checksums._SOUND)
    monkeypatch.setattr(checksums.zlib, "crc32", None)
    assert len(read_frames(frames)) == N
    assert known == checksums._SOUND
