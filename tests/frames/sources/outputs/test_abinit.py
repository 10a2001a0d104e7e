"""ABINIT's outputs, in the layout of its own tests (https://github.com/abinit/abinit, tests)."""

from pathlib import Path

import numpy as np
import pytest
from ase import units

from core.errors import LabError
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

HEAD = """.Version 9.6.2 of ABINIT
.(MPI version, prepared for a x86_64_linux_gnu9.3 computer)

== DATASET  1 ==================================================================
-   mpi_nproc: 1, omp_nthreads: -1 (-1 if OMP is not activated)
"""
RESULTS = """== END DATASET(S) ==============================================================
================================================================================

 -outvars: echo values of variables after computation  --------
            acell      1.0000000000E+01  1.1000000000E+01  1.2000000000E+01 Bohr
              amu      6.94100000E+00  1.59994000E+01
             ecut      8.00000000E+00 Hartree
           etotal     -1.4000000000E+01
            fcart      1.0000000000E-02 -2.0000000000E-02  3.0000000000E-02
                      -2.0000000000E-02  1.0000000000E-02  0.0000000000E+00
                       1.0000000000E-02  1.0000000000E-02 -3.0000000000E-02
-          fftalg         512
              ixc          11
              kpt      0.00000000E+00  0.00000000E+00  0.00000000E+00
                       outvar_i_n : Printing only first  50 k-points.
            natom           3
           ntypat           2
            rprim      1.0000000000E+00  0.0000000000E+00  0.0000000000E+00
                       1.0000000000E-01  1.0000000000E+00  0.0000000000E+00
                       0.0000000000E+00  0.0000000000E+00  1.0000000000E+00
           strten      1.0000000000E-04  2.0000000000E-04  3.0000000000E-04
                       4.0000000000E-05  5.0000000000E-05  6.0000000000E-05
            typat      1  1  2
             xred      0.0000000000E+00  0.0000000000E+00  0.0000000000E+00
                       5.0000000000E-01  5.0000000000E-01  0.0000000000E+00
                       5.0000000000E-01  0.0000000000E+00  5.0000000000E-01
            znucl        3.00000    8.00000

================================================================================
"""


def records_of(tmp_path: Path, text: str) -> RecordFrames:
    path = tmp_path / "run.abo"
    path.write_text(text)
    source = open_source(path)
    assert source is not None
    assert source.form == "abinit"
    return RecordFrames(source)


def test_a_functional_that_is_the_default_is_not_echoed(tmp_path: Path):
    default = " LDA: new Teter (4/93) with spin-polarized option - ixc=1\n"
    text = HEAD + default + RESULTS.replace("              ixc          11\n", "")
    assert records_of(tmp_path, text).functionals == {"LDA": 1}
    assert not records_of(tmp_path, text.replace(default, "")).functionals


def test_the_last_state_is_read_in_atomic_units(tmp_path: Path):
    records = records_of(tmp_path, HEAD + RESULTS)
    (frame,) = records.frames(silent)
    assert records.functionals == {"PBE": 1}
    assert frame.atomic_numbers.tolist() == [3, 3, 8]
    assert frame.energy_per_atom == pytest.approx(-14 * units.Ha / 3, rel=1e-7)
    rows = np.array([[10, 0, 0], [1.1, 11, 0], [0, 0, 12]]) * units.Bohr
    np.testing.assert_allclose(frame.lattice, rows, rtol=1e-6)
    np.testing.assert_allclose(
        frame.forces[1], np.array([-0.02, 0.01, 0]) * units.Ha / units.Bohr, rtol=1e-6
    )
    gpa = 1e-4 * units.Ha / units.Bohr**3 / units.GPa
    right = np.array([[1, 0.6, 0.5], [0.6, 2, 0.4], [0.5, 0.4, 3]]) * gpa
    np.testing.assert_allclose(frame.stress, right, rtol=1e-5)


def test_data_sets_have_values_of_their_own_and_shared_ones(tmp_path: Path):
    text = RESULTS.replace(
        "           etotal     -1.4000000000E+01\n",
        "           etotal1    -1.4000000000E+01\n           etotal2    -1.5000000000E+01\n"
        "           etotal3     2.6000000000E+01\n           rfphon1           0\n"
        "           rfphon2           0\n           rfphon3           1\n",
    )
    records = records_of(tmp_path, HEAD + text)
    frames = list(records.frames(silent))
    assert [f.energy_per_atom for f in frames] == pytest.approx(
        [-14 * units.Ha / 3, -15 * units.Ha / 3], rel=1e-7
    )
    assert "ground state" in records._refused[0].why


BROKEN = {
    "breaks off": (HEAD, "", "before it wrote its results"),
    "unconverged": (
        HEAD + " nstep= 30 was not enough SCF cycles to converge;\n",
        RESULTS,
        "converge",
    ),
    "bands": (HEAD, RESULTS.replace("ixc          11", "iscf          -2"), "ground state"),
    "no energy": (HEAD, RESULTS.replace("etotal", "eother"), "no total energy"),
    "NaN": (HEAD, RESULTS.replace("-1.4000000000E+01", "NaN"), "etotal is not finite"),
    "an element": (HEAD, RESULTS.replace("8.00000\n", "98.00000\n"), "beyond"),
    "types": (HEAD, RESULTS.replace("1  1  2", "1  1  3"), "no elements"),
    "atoms": (HEAD, RESULTS.replace("natom           3", "natom           4"), "types|right count"),
    "stars": (HEAD, RESULTS.replace("-3.0000000000E-02", "*****************"), "right count"),
    "no atoms": (HEAD, RESULTS.replace("natom           3", "natom           0"), "no count"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_output_is_refused_in_a_sentence(tmp_path: Path, how: str):
    head, results, why = BROKEN[how]
    with pytest.raises(LabError, match=why) as error:
        list(records_of(tmp_path, head + results).frames(silent))
    assert "\n" not in str(error.value)
