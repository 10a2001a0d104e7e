"""Files that other people's tools wrote give the values that others read from them.

`tests/data/formats/expected.json` was computed with the tools of each form; sources and licences
stand beside it in LICENSES.md.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Composition

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.frames.sources.importing import import_dataset, open_input, plan_import
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.tables.guessing import Kind
from core.progress import silent

FORMATS = Path(__file__).parents[2] / "data" / "formats"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FORMATS / "expected.json").read_text())
EXPECTED["mlff/deepmd_npy"] = EXPECTED["mlff/deepmd_npy/set.000/energy.npy"]
SETTINGS: dict[str, dict[str, Any]] = {
    "extxyz/sevennet_hfo2.extxyz": {"functional": "PBE"},
    "extxyz/janus_NaCl-results.extxyz": {},
    "extxyz/janus_mlip_train.xyz": {"functional": "PBE"},
    "extxyz/mace_regression_train_excerpt.xyz": {},
    "extxyz/metatrain_carbon_reduced_100.xyz": {"functional": "LDA"},
    # expected.json has the numbers as they are in the file, which are Hartree.
    "extxyz/metatrain_qm9_reduced_100.xyz": {"mapping": {"energy": "U0"}},
    "extxyz/mlip_SPICE_small_with_charges.xyz": {"functional": "ωB97M-V"},
    "extxyz/mlip_small_aspirin_with_charge_spin.xyz": {},
    "ase/fairchem_atoms_models.json": {"functional": "RPBE"},
    "ase/fairchem_structure_0001.traj": {},
    "ase/hfo2.aselmdb": {"functional": "PBE"},
    "ase/pydmclab_chgnet_md.traj": {},
    "codes/aims_Si_geomopt.out.gz": {"functional": "LDA"},
    "codes/qe_TiO2_opt_pw.out": {"functional": "PBE-D3"},
    "mlff/deepmd_npy": {},
    "mlff/mlearn_MTP_train.cfgs": {"elements": ("Mo",)},
    "mlff/n2p2_input.data": {},
    "mptrj/small_materials_test.extxyz": {"functional": "GGA/GGA+U"},
    "mptrj/MPtrj_fragment.json": {},
    "mp_r2scan/chgnet_parse_r2scan.json": {"functional": "r2SCAN"},
    "matpes/MatPES-PBE-Element-Refs.json.gz": {},
    "matpes/MatPES-r2SCAN-Element-Refs.json.gz": {},
    "matpes/MatPES-PBE-fragment.json": {},
    "matpes/MatPES-R2SCAN-fragment.json.gz": {},
    "matpes/MatPES-R2SCAN-fragment.jsonl": {},
    "matpes/matpes-20240214_999484_73.json": {},
    "pymatgen/alexandria_part_1.json.bz2": {"functional": "PBE"},
    "pymatgen/emmet_task_doc_mp-2766060.json.gz": {"functional": "PBEsol"},
    "pymatgen/fairchem_calc_compounds_omat.json": {"functional": "GGA/GGA+U"},
    "pymatgen/pydmclab_query_Ca-Al-F.json": {"functional": "GGA/GGA+U"},
    "pymatgen/r2scan_computed_structure_entries.json": {"functional": "r2SCAN"},
    "databases/jarvis_alignn_ff_id_prop.json": {"functional": "optB88-vdW"},
    # expected.json leaves the stress out, for the file does not state its unit.
    "databases/matgl_nacl_training_set.json.gz": {"mapping": {"stress": ""}},
    "mlff/mlearn_MTP_data.json": {"functional": "PBE"},
    "mp_r2scan/relax/vasprun.xml.gz": {"functional": "r2SCAN"},
    "mp_r2scan/relax/OUTCAR.gz": {"functional": "r2SCAN"},
    "vasp/chgnet_no-magmoms/vasprun.xml.gz": {"functional": "PBE-TS"},
    "vasp/chgnet_with-magmoms/OUTCAR.gz": {"functional": "PBE-D3"},
    "vasp/emmet_magnetic_run/OUTCAR.gz": {"functional": "RPBE"},
    "vasp/emmet_magnetic_run/vasprun.xml.gz": {"functional": "RPBE"},
    "vasp/fairchem_27998_vasprun.xml": {"functional": "RPBE"},
    "vasp/nomad_dftu_single.OUTCAR.gz": {"functional": "PBE+U"},
    "vasp/nomad_vasprun.xml.broken.gz": {"functional": "PBE"},
    # Steps at NELM are left out otherwise.
    "vasp/parsevasp_OUTCAR.nelm-breach-partial.gz": {"with_unconverged": True},
    "vasp/parsevasp_OUTCAR.unfinished.gz": {"functional": "PBE"},
    "vasp/parsevasp_basicrelax.xml.gz": {"functional": "PBE"},
    "vasp/parsevasp_basicspin.xml.gz": {"functional": "GGA/GGA+U"},
    "vasp/parsevasp_overflow.xml.gz": {
        "functional": "PBEsol",
        "with_unconverged": True,
    },
    "vasp/pydmclab_AlN.OUTCAR.gz": {"functional": "PBE"},
    "vasp/pydmclab_LiF.vasprun.xml.gz": {"functional": "PBE"},
    "vasp/sevennet/OUTCAR_1": {"functional": "SCAN"},
    "vasp/sevennet/OUTCAR_2": {"functional": "SCAN"},
}
"""How each file is read, as a user would say it."""


def read(name: str) -> list[Frame]:
    path = FORMATS / name
    source = open_source(path if path.exists() else FORMATS / f"{name}.gz")
    assert source is not None
    settings = dict(SETTINGS[name])
    source.elements = settings.pop("elements", ())
    source.choose("all", with_unconverged=settings.pop("with_unconverged", False))
    return list(RecordFrames(source, **settings).frames(silent))


def atoms_in(formula: str) -> Counter[int]:
    return Counter({element.Z: int(n) for element, n in Composition(formula).items()})


def voigt(stress: np.ndarray) -> np.ndarray:
    return stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


@pytest.mark.parametrize("name", SETTINGS)
def test_frames_have_the_values_of_other_readers(name: str):
    expected = EXPECTED[name]
    frames = read(name)
    assert len(frames) == expected["n_frames"]
    for label in ("forces", "stress"):
        assert sum(getattr(f, label) is not None for f in frames) == expected[f"n_with_{label}"]
    for number, right in expected["frames"].items():
        frame = frames[int(number)]
        formula = right["formula"].replace("X", "Mo")  # of MTP, which has types only
        assert Counter(frame.atomic_numbers.tolist()) == atoms_in(formula)
        energy = frame.energy_per_atom
        if corrected := right.get("energy_per_atom(corrected)"):
            assert energy == pytest.approx(corrected, abs=1e-6)
            energy = frame.uncorrected_energy_per_atom
        assert energy == pytest.approx(right["E_per_atom_eV"], abs=1e-6)
        if "max_F_eV_per_A" in right:
            assert frame.forces is not None
            largest = np.linalg.norm(frame.forces, axis=1).max()
            assert largest == pytest.approx(right["max_F_eV_per_A"], abs=2e-6)
        if stress := right.get("stress_GPa_xx_yy_zz_yz_xz_xy"):
            assert frame.stress is not None
            np.testing.assert_allclose(voigt(frame.stress), stress, atol=2e-5)


TABLES: dict[str, tuple[Kind, int, dict[str, float]]] = {
    "tables/rxnnet_main.csv.gz": ("pairs", 300, {"e_r2scan": -11.25375068}),
    "tables/rxnnet_main.xlsx": ("pairs", 60, {"e_gga_gga_u": -6.47881926}),
    "pymatgen/mp-elemental-reference-entries.json.gz": (
        "energies",
        89,
        {"uncorrected_energy_per_atom": -0.02593678},
    ),
}
"""Kind, rows and energies of the first row of files that hold no structures."""


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_values_of_other_readers(name: str):
    kind, n, energies = TABLES[name]
    found = open_input(FORMATS / name)
    assert found.kind == kind
    settings = {} if kind == "pairs" else {"functional": "GGA/GGA+U"}
    assert import_dataset(FORMATS / name, kind, name="table", **settings).n == n
    row = open_dataset("table").table().iloc[0]
    for column, energy in energies.items():
        assert row[column] == pytest.approx(energy, abs=1e-8)


REFUSED = {
    "tables/bartel2019_npj_reference-energies.csv": "one row per element",
    "tables/mace_mp_vasp_e0.json": "energies of elements",
    "tables/pydmclab_mus_from_dmc.json.gz": "energies of elements",
    "databases/wbm_megnet_IS2RE_head.csv.gz": "formation energies",
    "databases/jarvis_id_prop": "no key that looks like a total energy",
}
"""Files without total energies, and what is said of them."""


@pytest.mark.parametrize("name", REFUSED)
def test_files_without_energies_are_refused_in_a_sentence(name: str):
    with pytest.raises(LabError, match=REFUSED[name]) as error:
        plan_import(FORMATS / name, "energies")
    assert "\n" not in str(error.value)
