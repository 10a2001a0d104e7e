"""Extended XYZ broken in many ways: the other frames are read."""

import gzip

import numpy as np
import pytest

from tests.frames.sources.xyz_frames import (
    CELL,
    COLUMNS,
    GOOD,
    Write,
    refused,
)

BROKEN = {
    "too many atoms stated": (GOOD.replace("2\n", "3\n", 1), "atoms has"),
    "far too many atoms stated": (GOOD.replace("2\n", "20\n", 1), "it states 20 atoms"),
    "a million million atoms": (GOOD.replace("2\n", "1000000000000\n", 1), "more than 1,000,000"),
    "too few atoms stated": (GOOD.replace("2\n", "1\n", 1), "more lines follow"),
    "no atoms": (f"0\n{CELL} {COLUMNS} energy=1\n", "has no atoms"),
    "a line too short": (GOOD.replace(" -0.3\n", "\n"), "line 2 of its atoms has 6 of 7 columns"),
    "words for positions": (GOOD.replace("2.0 2.0 2.0", "2.0 two 2.0"), "positions are not three"),
    "positions of NaN": (GOOD.replace("2.0 2.0", "nan 2.0"), "not finite"),
    "stars for forces": (GOOD.replace("-0.3", "******"), "forces cannot be read"),
    "a force of NaN": (GOOD.replace("-0.3", "nan"), "forces is not finite"),
    "no such element": (GOOD.replace("Cl", "Xx"), "'Xx', which is not an element"),
    "an element beyond Pu": (GOOD.replace("Cl", "Cf"), "'Cf', which is not an element"),
    "a flat cell": (GOOD.replace("0.0 4.0 0.0", "4.0 0.0 0.0"), "has no volume"),
    "a cell of two vectors": (GOOD.replace('"4.0 ', '"'), "Lattice is not nine numbers"),
    "energy in words": (GOOD.replace("-6.0", "unconverged"), "energy is not a number"),
    "no energy": (GOOD.replace("energy=-6.0", ""), "no energy"),
    "energy without a value": (GOOD.replace("-6.0", ""), "no energy"),
    "infinite energy": (GOOD.replace("-6.0", "inf"), "not finite"),
    "Properties cut off": (GOOD.replace("forces:R:3", "forces:R"), "name:type:columns"),
    "Properties of no type": (GOOD.replace("forces:R:3", "forces:Q:3"), "at 'forces'"),
    "Properties without species": (GOOD.replace("species", "thing"), "no column of species"),
    "very many keys": (
        GOOD.replace("Properties", " ".join(f"k{i}={i}" for i in range(1001)) + " Properties"),
        "more than 1,000 keys",
    ),
    "a billion columns": (GOOD.replace("forces:R:3", "forces:R:1000000000"), "name:type:columns"),
    "stress of five": (GOOD.replace("energy", 'stress="1 2 3 4 5" energy'), "shape of the stress"),
    "words between": (f"and so on\nand on\n{GOOD}", "does not begin with a number"),
    "binary between": ("\x00\x01\x02\xff\n", "does not begin with a number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_frame_is_left_out_and_the_others_are_read(name: str, write: Write):
    text, why = BROKEN[name]
    n, reasons = refused(write(GOOD * 2 + text + GOOD * 3))
    n_after = 1 if name == "words between" else 0
    assert n == 5 + n_after
    assert len(reasons) == 1
    assert why in reasons[0]
    assert "(line 9) of frames.xyz" in reasons[0]


@pytest.mark.parametrize("cut", [1, 20, 100, len(GOOD) - 8])
def test_a_file_that_breaks_off_gives_what_is_whole(cut: int, write: Write):
    n, reasons = refused(write(GOOD * 2 + GOOD[:cut]))
    assert n == 2
    assert len(reasons) == 1


def test_a_compressed_file_that_breaks_off_gives_what_is_whole(write: Write):
    rng = np.random.default_rng(0)
    text = "".join(GOOD.replace("-6.0", f"{rng.normal()}") for _ in range(500))
    data = gzip.compress(text.encode())
    n, reasons = refused(write(data[: len(data) // 2]))
    assert 100 < n < 400
    assert "the gzip file breaks off" in reasons[-1]
