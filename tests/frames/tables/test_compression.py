"""Compressed files are read by what they begin with, whole or broken."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.frames.tables.compression import BrokenStreamError, head_of, open_bytes, plain_suffix

DATA = np.random.default_rng(0).bytes(200_000)


def _pyarrow(codec: str):
    def compress(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as file:
            file.write(data)
        return sink.getvalue().to_pybytes()

    return compress


COMPRESS = {
    "none": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": _pyarrow("zstd"),
    "lz4": _pyarrow("lz4"),
}


@pytest.mark.parametrize("codec", COMPRESS)
def test_contents_are_read_whatever_the_name(codec: str, tmp_path: Path):
    path = tmp_path / "name.of.no.meaning"
    path.write_bytes(COMPRESS[codec](DATA))
    parts = []
    with open_bytes(path) as stream:
        while part := stream.read(1 << 16):
            parts.append(part)
            assert 0 < stream.share <= 1
    assert b"".join(parts) == DATA
    assert head_of(path, 1000) == DATA[:1000]


@pytest.mark.parametrize("codec", [codec for codec in COMPRESS if codec != "none"])
def test_a_file_that_breaks_off_is_read_so_far_and_says_so(codec: str, tmp_path: Path):
    path = tmp_path / "half"
    compressed = COMPRESS[codec](DATA)
    path.write_bytes(compressed[: len(compressed) // 2])
    parts: list[bytes] = []
    with open_bytes(path) as stream, pytest.raises(BrokenStreamError, match=r"breaks off|damaged"):
        parts.extend(iter(lambda: stream.read(1 << 12), b""))
    assert DATA.startswith(b"".join(parts))


def test_two_compressed_files_in_one_are_read_as_one(tmp_path: Path):
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two"))
    assert head_of(path) == b"one two"


def test_names_lose_the_suffix_of_their_compression():
    assert plain_suffix(Path("Data.JSON.gz")) == ".json"
    assert plain_suffix(Path("a.extxyz")) == ".extxyz"
