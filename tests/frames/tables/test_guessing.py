import json

import pandas as pd
import pytest

from core.frames.column_names import energy_column
from core.frames.functionals import functional_of
from core.frames.tables.frame_table import import_frames
from core.frames.tables.guessing import guess
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import pairs_from_table


@pytest.mark.parametrize(
    ("name", "functional", "corrections"),
    [
        ("energy_gga_corrected", "GGA/GGA+U", "MP2020"),
        ("energy_gga_uncorrected_rebuilt", "GGA/GGA+U", "none"),
        ("energy_r2scan", "r2SCAN", "none"),
        ("E_PBE", "PBE", "unknown"),
        ("e(r²SCAN)", "r2SCAN", "none"),
        ("SCAN energy (eV/atom)", "SCAN", "none"),
        ("energyHse06", "HSE06", "none"),
        ("r2scan (eV/atom)", "r2SCAN", "none"),
        ("PBE [Ha]", "PBE", "unknown"),
        ("energy_per_atom", "unknown", "unknown"),
        ("E_PBE [eV atom-1]", "PBE", "unknown"),
        ("E(r2SCAN)/eV atom-1", "r2SCAN", "none"),
        ("E_PBE / eV atom^{-1}", "PBE", "unknown"),
        ("E_PBE-1/2 (eV/atom)", "unknown", "unknown"),
        ("energy_pbe_without_mp2020_eV_per_atom", "PBE", "none"),
        ("energy_per_atom_gga_before_mp2020", "GGA/GGA+U", "none"),
        ("energy_per_atom_gga_minus_corr", "GGA/GGA+U", "none"),
        ("energy_pbe_no_corr", "PBE", "none"),
        ("energy_pbe_wo_mp2020", "PBE", "none"),
        ("energy_pbe_non_corrected", "PBE", "none"),
        ("energyPbeWithoutCorrection", "PBE", "none"),
        ("energy_pbe (not corrected)", "PBE", "none"),
        ("energy_pbe (without MP2020 corrections)", "PBE", "none"),
        ("energy_pbe (with MP2020 corrections)", "PBE", "MP2020"),
        ("energy_pbe_with_correction", "PBE", "MP2020"),
    ],
)
def test_names_of_total_energies(name, functional, corrections):
    column = energy_column(name)
    assert (column.functional, column.corrections) == (functional, corrections)


@pytest.mark.parametrize(
    "name",
    [
        "formation_energy_r2scan",
        "energy_above_hull",
        "formationenergy_id",
        "bindingenergy_ev",
        "energy_weight",
        "energy_mae",
        "formation_enthalpy_experiment",
        "cohesive_energy_per_atom",
        "fermi_energy",
        "energy_shift_pbe_r2scan",
        "uncorrected_total_energy",
        "volume_pbe",
        "bandgap_pbe (eV)",
        "forces_pbe_ev_a",
        "stress_pbe (eV/Å^3)",
        "energy_correction_pbe",
        "E_f PBE (eV/atom)",
        "E_d PBE (eV/atom)",
        "E_f_r2scan",
        "E_F (eV)",
        "E_g HSE06 (eV)",
        "r2scan",
        "formula",
        "e",
    ],
)
def test_names_of_other_things(name):
    assert energy_column(name) is None


def test_energies_that_an_entry_repeats_are_no_second_functional(write):
    names = "material_id,formula,n_sites,uncorrected_energy,uncorrected_energy_from_cse"
    found = guess(open_table(write("wbm.csv", f"{names}\nwbm-1,NaCl,2,-6.8,-6.8\n")))
    assert found.kind == "energies"
    assert found.mapping("energies")["energy"] == "uncorrected_energy"


@pytest.mark.parametrize(
    ("names", "corrected"),
    [
        ("final_energy_per_atom,e_uncorr_per_atom", 0),
        ("energy_per_atom,e_uncorrected_per_atom", 0),
        ("final_energy_per_atom,raw_energy_per_atom", 0),
        ("energy_per_atom_no_corr,energy_per_atom", 1),
        ("energy_per_atom,energy_per_atom_noncorrected", 0),
        ("energy_per_atom,energy_adjusted_per_atom", 1),
        ("energy_wo_mp_corr_per_atom,energy_with_mp_corr_per_atom", 1),
    ],
)
def test_energies_with_and_without_corrections_are_no_pair(write, names, corrected):
    found = guess(open_table(write("t.csv", f"formula,{names}\nNaCl,-3.4,-3.1\n")))
    assert (found.kind, found.target) == ("energies", None)
    assert found.mapping("energies")["energy"] == names.split(",")[corrected]
    assert found.energy(names.split(",")[corrected]).corrections == "MP2020"


def test_energies_per_atom_are_taken_beside_totals_for_each_functional(write):
    names = "nsites,energy_pbe,energy_pbe_per_atom,energy_r2scan,energy_r2scan_per_atom"
    path = write("t.csv", f"formula,{names}\nNaCl,8,-27.12,-3.39,-73.2,-9.15\n")
    pairs = pairs_from_table(path)
    assert {one.column: pairs.energy(one.column)[0] for one in pairs.card.energies} == {
        "energy_pbe_per_atom": -3.39,
        "energy_r2scan_per_atom": -9.15,
    }
    assert "look like labels: energy_pbe, energy_r2scan." in pairs.card.description


@pytest.mark.parametrize(
    "name",
    [
        *("relative_energy_pbe", "isolated_atom_energy_pbe", "reference_energy_pbe"),
        *("vibrational_energy_pbe", "energy_density_pbe", "predicted_energy_pbe"),
        *("energy_pbe_converged", "energy_pbe_count", "energy_pbe_ok"),
    ],
)
def test_the_plainest_column_of_a_functional_holds_its_energies(write, name):
    found = guess(open_table(write("t.csv", f"formula,{name},E PBE,energy_r2scan\nNaCl,1,-3,-9\n")))
    assert (found.source, found.target) == ("E PBE", "energy_r2scan")
    assert name in found.look_alikes(["formula", "E PBE", "energy_r2scan"])


def test_a_mapped_column_is_of_the_functional_in_its_name(write):
    path = write("t.csv", "formula,PBE,r2SCAN\nNaCl,-3,-9\n")
    pairs = pairs_from_table(path, mapping={"source": "PBE", "target": "r2SCAN"})
    found = [(one.functional, one.corrections) for one in pairs.card.energies]
    assert found == [("PBE", "unknown"), ("r2SCAN", "none")]


def test_functionals_in_phrases():
    assert functional_of("my r2SCAN labels") == "r2SCAN"
    assert functional_of("PBEsol") == "PBEsol"
    assert functional_of("GGA/GGA+U") == "GGA/GGA+U"
    assert functional_of("B97M") is None


def frame_of(salt_json):
    """A table as users have it: pairs, a structure for some rows, much else."""
    return pd.DataFrame(
        {
            "material_id": ["mp-1", "mp-2", "mp-3"],
            "formula": ["NaCl", "Ca(OH)2", "Fe2O3"],
            "chemistry_type": ["halide", "oxide", "oxide"],
            "energy_gga_corrected": [-3.4, -5.0, -6.7],
            "energy_gga_uncorrected": [-3.3, -4.9, -6.5],
            "energy_r2scan": [-11.0, -9.0, -15.0],
            "formation_energy_r2scan": [-1.0, -2.0, -3.0],
            "is_magnetic": [False, False, True],
            "structure_json": [None, salt_json, None],
            "structure_source": [None, "somewhere", None],
        }
    )


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_a_users_table_needs_no_help(tmp_path, salt_json, suffix):
    path = tmp_path / f"table.{suffix}"
    frame = frame_of(salt_json)
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    guessed = guess(open_table(path))
    assert guessed.columns == list(frame)
    assert guessed.kind == "pairs"
    assert guessed.mapping("pairs") == {
        "material_id": "material_id",
        "formula": "formula",
        "structure": "structure_json",
        "source": "energy_gga_corrected",
        "target": "energy_r2scan",
    }
    assert [column.column for column in guessed.energies] == [
        "energy_gga_corrected",
        "energy_gga_uncorrected",
        "energy_r2scan",
    ]
    assert guessed.mapping("frames", "r2scan") == {
        "material_id": "material_id",
        "structure": "structure_json",
        "energy": "energy_r2scan",
        "formula": "formula",
    }
    of_gga = guessed.mapping("frames", "GGA")
    assert of_gga["energy"] == "energy_gga_corrected"
    assert of_gga["uncorrected_energy"] == "energy_gga_uncorrected"
    assert "energy" not in guessed.mapping("frames", "HSE06")


def test_labels_make_a_table_of_frames(tmp_path, salt_json):
    path = tmp_path / "frames.csv"
    pd.DataFrame(
        {
            "frame_id": ["a"],
            "mp_id": ["mp-1"],
            "structure": [salt_json],
            "energy_per_atom": [-3.0],
            "force": [json.dumps([[0, 0, 0], [0, 0, 0]])],
            "stress": [json.dumps([[0] * 3] * 3)],
            "magmom": ["[0, 0]"],
            "bandgap": [5.0],
        }
    ).to_csv(path, index=False)
    guessed = guess(open_table(path))
    assert guessed.kind == "frames"
    # The name does not say which functional, so the user's word is taken.
    assert guessed.mapping("frames", "r2SCAN") == {
        "frame_id": "frame_id",
        "material_id": "mp_id",
        "structure": "structure",
        "energy": "energy_per_atom",
        "forces": "force",
        "stress": "stress",
        "magmoms": "magmom",
        "bandgap": "bandgap",
    }


def test_columns_whose_functional_is_unknown_keep_the_files_order(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("formula,energy_a,energy_b\nNaCl,-1,-2\n")
    guessed = guess(open_table(path))
    assert (guessed.source, guessed.target) == ("energy_a", "energy_b")


def test_one_energy_in_two_extents_is_no_pair(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("formula,energy,energy_per_atom,energy_Ha\nNaCl,-6,-3,-0.2\n")
    guessed = guess(open_table(path))
    assert (guessed.kind, guessed.target) == ("energies", None)
    assert guessed.mapping("energies", "PBE")["energy"] == "energy_per_atom"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("initial_structure", "final_structure"), "final_structure"),
        (("structure_unrelaxed", "cif_relaxed"), "cif_relaxed"),
        (("inputStructure", "structure"), "structure"),
        (("structure", "final_structure"), "structure"),
        (("initial_structure",), "initial_structure"),
    ],
)
def test_the_structure_that_a_relaxation_began_with_comes_last(tmp_path, salt_json, names, chosen):
    path = tmp_path / "t.parquet"
    row = {**dict.fromkeys(names, salt_json), "energy_per_atom": -3.0}
    pd.DataFrame([row]).to_parquet(path)
    assert guess(open_table(path)).mapping("frames", "PBE")["structure"] == chosen


def test_the_plain_energy_is_taken_beside_others(tmp_path, salt_json):
    path = tmp_path / "t.parquet"
    names = ("structure", "free_energy", "energy", "chgnet_energy")
    pd.DataFrame({name: [salt_json if name == "structure" else -7.0] for name in names}).to_parquet(
        path
    )
    guessed = guess(open_table(path))
    assert guessed.mapping("frames", "PBE")["energy"] == "energy"
    assert guessed.look_alikes(["structure", "energy"]) == ["free_energy", "chgnet_energy"]


def test_functionals_of_rows_are_not_asked_where_the_energies_name_theirs(tmp_path, salt_json):
    path = tmp_path / "t.parquet"
    columns = {
        "structure": salt_json,
        "energy_gga": -1.0,
        "energy_r2scan": -2.0,
        "run_type": "GGA+U",
    }
    pd.DataFrame({key: [value] for key, value in columns.items()}).to_parquet(path)
    guessed = guess(open_table(path))
    assert "functional" not in guessed.mapping("frames", "r2SCAN")
    assert guessed.mapping("frames", "r2SCAN")["energy"] == "energy_r2scan"


@pytest.mark.parametrize(
    ("name", "values", "is_one"),
    [
        ("level", ["PBE", "r2SCAN"], True),
        ("dft", ["PBE-D3(BJ)", "PBE"], True),
        ("level", ["PBE", "PBE"], False),
        ("level", ["PBE relaxation of mine", "r2SCAN"], False),
        ("relaxed_with", ["PBE", "r2SCAN"], False),
    ],
)
def test_a_column_of_any_name_that_holds_functionals(write, name, values, is_one):
    rows = "".join(f"NaCl,-3,{value}\n" for value in values)
    guessed = guess(open_table(write("t.csv", f"formula,energy,{name}\n{rows}")))
    assert guessed.fields.get("functional") == (name if is_one else None)


@pytest.mark.parametrize(
    "name",
    [
        *("materialId", "entryId", "materials_id", "Calc ID", "compound_id", "icsd", "ICSD"),
        *("sample_id", "structId", "original_mp_id", "parent_id", "trajectory_id", "path"),
        *("folder", "MaterialID", "mpId", "fileName", "taskId", "materialid", "Directory"),
        *("mol_id", "refcode", "icsd_number"),
    ],
)
def test_ids_in_every_spelling_keep_frames_together(tmp_path, salt_json, name):
    path = tmp_path / "t.parquet"
    table = {name: ["7", "7", "8"], "structure": [salt_json] * 3, "energyPerAtom": [-3.0] * 3}
    pd.DataFrame(table).to_parquet(path)
    card = import_frames(path, name="x", functional="PBE")
    assert card.n_materials == 2
    assert "No ids were found" not in card.description
    assert "eV/atom)" in card.description  # energyPerAtom says its unit


def test_an_id_with_gaps_is_no_id(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("icsd,formula,energy_pbe,energy_r2scan\n12,NaCl,-3,-9\n,KCl,-3,-9\n")
    assert "material_id" not in guess(open_table(path)).fields


def test_gga_beside_gga_u_is_without_u(write):
    path = write("u.csv", "formula,GGA energy,GGA+U energy,r2SCAN energy\nNaCl,-3,-3.1,-9\n")
    found = {one.column: one.functional for one in guess(open_table(path)).energies}
    assert found == {"GGA energy": "GGA", "GGA+U energy": "GGA+U", "r2SCAN energy": "r2SCAN"}
