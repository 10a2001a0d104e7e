"""An archive carries its digest, and every flipped bit of it is told."""

import io
import zipfile

import numpy as np
import pytest

from core import sealed as module
from core.errors import LabError
from core.sealed import check_seal, sealed


@pytest.fixture
def archive() -> bytes:
    np.savez(buffer := io.BytesIO(), x=np.arange(30.0), name="x")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(module, "_SOUND", set())


def test_other_readers_pass_over_the_digest(archive, tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(sealed(archive))
    assert b"blake2b:" in path.read_bytes()
    check_seal(path, "compute it again")
    assert zipfile.ZipFile(path).testzip() is None
    assert np.load(path)["x"].tolist() == list(range(30))


def test_an_archive_without_a_digest_is_taken(archive, tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(archive)
    assert b"blake2b:" not in path.read_bytes()
    check_seal(path, "compute it again")


def test_every_flipped_bit_is_told(archive, tmp_path):
    path = tmp_path / "x.npz"
    content = sealed(archive)
    for bit in [*range(0, 8 * len(content), 37), *range(8 * len(content) - 500, 8 * len(content))]:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(LabError, match=r"x\.npz is damaged; compute it again\."):
            check_seal(path, "compute it again")


def test_what_breaks_off_is_left_to_its_reader(archive, tmp_path):
    path = tmp_path / "x.npz"
    for n in (0, 1, 21, 22, 40, len(archive) // 2):
        path.write_bytes(sealed(archive)[:n])
        check_seal(path, "compute it again")
