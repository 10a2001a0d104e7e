"""Training data of VASP's force fields, in the layout of https://www.vasp.at/wiki (ML_AB)."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

STARS, EQUALS, STROKES = "*" * 50, "=" * 50, "-" * 50
HEAD = f""" 1.0 Version
{STARS}
     The number of configurations
{STROKES}
          2
{STARS}
     The atom types in the data file
{STROKES}
     Pb I  C
     N  H
{STARS}
     Basis set for Pb
{STROKES}
          1      1
"""
CONFIGURATION = f"""{STARS}
     Configuration num.      1
{EQUALS}
     System name
{STROKES}
     Forces of Li2O
{EQUALS}
     The number of atom types
{STROKES}
       2
{EQUALS}
     The number of atoms
{STROKES}
          3
{STARS}
     Atom types and atom numbers
{STROKES}
     Li      2
     O       1
{EQUALS}
     CTIFOR
{STROKES}
   7.2153124269575984E-003
{EQUALS}
     Primitive lattice vectors (ang.)
{STROKES}
   4.00000000000000       0.000000000000000E+000  0.000000000000000E+000
   0.10000000000000       5.00000000000000       0.000000000000000E+000
   0.00000000000000       0.000000000000000E+000  6.00000000000000
{EQUALS}
     Atomic positions (ang.)
{STROKES}
   0.00000000000000       0.00000000000000       0.00000000000000
   2.00000000000000       2.50000000000000       0.00000000000000
   2.00000000000000       0.00000000000000       3.00000000000000
{EQUALS}
     Total energy (eV)
{STROKES}
  -14.4062448669000
{EQUALS}
     Forces (eV ang.^-1)
{STROKES}
   2.660349497586850E-002 -4.547882666592111E-003  0.190783123263071
   0.130884508367191       0.299290099652476       1.596358887670635E-002
  -0.157488003343060      -0.294742216985884      -0.206746712139777
{EQUALS}
     Stress (kbar)
{STROKES}
     XX YY ZZ
{STROKES}
   -12.6559383536223       -8.82753684858342       -13.1791695209263
{STROKES}
     XY YZ ZX
{STROKES}
   -1.91691819690402        2.12274173946129       0.103818583636094
"""


def read(path: Path) -> tuple[list, list]:
    source = open_source(path)
    assert source is not None
    assert source.form == "ml-ab"
    records = RecordFrames(source)
    return list(records.frames(silent)), records._refused


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_configurations_are_read_with_vasps_units(tmp_path: Path, ending: str):
    path = tmp_path / "ML_ABN.gz"
    text = (HEAD + 2 * CONFIGURATION).replace("\n", ending)
    path.write_bytes(gzip.compress(text.encode()))
    frames, refused = read(path)
    assert len(frames) == 2
    assert not refused
    frame = frames[1]
    assert frame.atomic_numbers.tolist() == [3, 3, 8]
    assert frame.energy_per_atom == pytest.approx(-14.4062448669 / 3)
    np.testing.assert_allclose(frame.lattice[1], [0.1, 5, 0])
    np.testing.assert_allclose(
        frame.frac_coords @ frame.lattice, [[0, 0, 0], [2, 2.5, 0], [2, 0, 3]]
    )
    np.testing.assert_allclose(frame.forces[1], [0.130884508, 0.2992901, 0.0159635889])
    right = [
        [1.26559, 0.19169, -0.01038],
        [0.19169, 0.88275, -0.21227],
        [-0.01038, -0.21227, 1.31792],
    ]
    np.testing.assert_allclose(frame.stress, right, atol=1e-5)


BROKEN = {
    "no energy": (f"     Total energy (eV)\n{STROKES}\n  -14.4062448669000\n", "", "total energy"),
    "stars": ("-14.4062448669000", "*****************", r"\*\*\*\*"),
    "few positions": (
        "   2.00000000000000       0.00000000000000       3.00000000000000\n",
        "",
        "3 atoms",
    ),
    "few forces": (
        "  -0.157488003343060      -0.294742216985884      -0.206746712139777\n",
        "",
        "2 forces",
    ),
    "an element": ("     Li      2", "     Qq      2", "'Qq'"),
    "no numbers": ("     Li      2", "     Li", "no numbers"),
    "text": ("2.660349497586850E-002", "x", "forces are not numbers"),
    "no cell": ("     Primitive lattice vectors (ang.)", "     Lattice", "no lattice"),
    "infinite": ("2.660349497586850E-002", "Infinity", "not finite"),
    "huge": ("     Li      2", "     Li      200000000", "no numbers"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_configuration_is_left_out_and_the_others_are_taken(tmp_path: Path, how: str):
    old, new, why = BROKEN[how]
    broken = CONFIGURATION.replace(old, new)
    assert broken != CONFIGURATION
    path = tmp_path / "ML_AB"
    path.write_text(HEAD + CONFIGURATION + broken + CONFIGURATION)
    frames, refused = read(path)
    assert len(frames) == 2
    assert len(refused) == 1
    assert refused[0].where == "configuration 2 of ML_AB"
    assert re.search(why, refused[0].why)


def test_a_file_that_breaks_off_gives_its_whole_configurations(tmp_path: Path):
    path = tmp_path / "ML_AB"
    path.write_text((HEAD + 2 * CONFIGURATION)[:-700])
    frames, refused = read(path)
    assert len(frames) == 1
    assert len(refused) == 1
