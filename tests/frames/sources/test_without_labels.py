"""Files of the field that hold no labels say in one sentence what they are and what to give."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from core.errors import LabError
from core.frames.sources.importing import open_input
from core.frames.sources.opening import open_source

WRITTEN_BY_ASE = {
    "a.cif": ("cif", "CIF"),
    "a.vasp": ("vasp", "a POSCAR"),
    "a.cfg": ("cfg", "AtomEye"),
    "a.pdb": ("proteindatabank", "PDB"),
    "a.gen": ("gen", "DFTB+"),
    "a.lmp": ("lammps-data", "LAMMPS"),
    "a.struct": ("struct", "WIEN2k"),
}


@pytest.mark.parametrize("name", WRITTEN_BY_ASE)
def test_structures_that_ase_writes_have_no_energies(tmp_path: Path, name: str):
    form, kind = WRITTEN_BY_ASE[name]
    write(tmp_path / name, bulk("NaCl", "rocksalt", a=5.6, cubic=True), format=form)
    with pytest.raises(LabError) as error:
        open_source(tmp_path / name)
    assert kind in str(error.value)
    assert "no energies" in str(error.value)
    assert "\n" not in str(error.value)


TEXTS = {
    "dump.lammpstrj": ("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\n", "LAMMPS"),
    "log.lammps": ("LAMMPS (2 Aug 2023)\nunits metal\n", "LAMMPS"),
    "geometry.in": ("#\n# by hand\n\nlattice_vector 0 2.8 2.8\natom 0 0 0 Na\n", "FHI-aims"),
    "a.cell": ("%BLOCK LATTICE_CART\n0 2.8 2.8\n2.8 0 2.8\n2.8 2.8 0\n", "CASTEP"),
    "siesta.out": ("Siesta Version  : 4.1.5\nArchitecture    : x86\n", "Siesta"),
    "pw.in": (" &CONTROL\n calculation = 'scf'\n/\n", "Quantum ESPRESSO"),
    "INFO.OUT": ("===\n| EXCITING OXYGEN started      =\n", "exciting"),
    "scf.log": ("  ABACUS v3.4.1\n", "ABACUS"),
    "onetep.out": (" ONETEP 6\n%block lattice_cart\n0 2 2\n%endblock lattice_cart\n", "ONETEP"),
    "cpmd.out": (" VERSION 4.3\n The CPMD consortium\n", "CPMD"),
    "nmr.magres": ("#$magres-abinitio-v1.0\n", "magres"),
    "vasp.out": (" running on 4 cores\n vasp.6.3.0 18Jan22 complex\n", "OUTCAR beside it"),
    "other.out": ("Some, code\n1 2 3\n", "of no form that is read: write its frames"),
    "job.gjf": ("%chk=a.chk\n%mem=1GB\n#p PBEPBE/6-31G\n", "Gaussian"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_inputs_and_outputs_that_are_not_read_say_so(tmp_path: Path, name: str):
    text, code = TEXTS[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(LabError, match=code):
        open_source(tmp_path / name)


def test_an_array_of_numpy_and_a_folder_say_what_to_give(tmp_path: Path):
    np.save(tmp_path / "energy.npy", np.zeros(3))
    with pytest.raises(LabError, match=r"one array of numpy.*\.npz"):
        open_source(tmp_path / "energy.npy")
    with pytest.raises(LabError, match=r"is a folder without.*--glob"):
        open_source(tmp_path)


ORDINARY = {
    "numbers.txt": "n\te_pbe\te_r2scan\n1\t-2\t-3\n2\t-2\t-3\n3\t-2\t-3\n4\t-1\t-2\n",
    "commented.dat": "# of 2024\nformula\tenergy_pbe\te_r2scan\nNaCl\t-3\t-9\nLi\t-2\t-2\n",
    "codes.csv": "formula,energy_pbe,energy_r2scan,code\nNaCl,-3.4,-9.3,Siesta Version 4\n",
    "cif.csv": 'cif,energy\n"data_x\n_cell_length_a 3\n_cell_length_b 3\n",-3.4\n',
}


@pytest.mark.parametrize("name", ORDINARY)
def test_tables_are_still_tables(tmp_path: Path, name: str):
    (tmp_path / name).write_text(ORDINARY[name])
    assert open_input(tmp_path / name).table is not None
