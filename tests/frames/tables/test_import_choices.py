"""Which column is what, in which unit and which functional; what is left out is said."""

import json

import numpy as np
import pandas as pd
import pytest
from ase import units

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.sources.importing import plan_import
from core.frames.tables.frame_table import import_frames
from core.frames.tables.guessing import guess
from core.frames.tables.mapping import functional_in_rows
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_energies, import_pairs, pairs_from_table

ELEMENTS = ["Li", "F", "Mg", "O"]
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
STRESS = [[1.0, 0.5, 0.25], [0.5, 2.0, 0.125], [0.25, 0.125, 3.0]]


@pytest.fixture
def frames(tmp_path, salt_json):
    """Return a function that imports one frame of rock salt from a table of more columns."""

    def imported(n=1, *, units=None, order=None, functional="r2SCAN", **columns):
        path = tmp_path / "t.parquet"
        table = {"structure": [salt_json] * n, **{k: [v] * n for k, v in columns.items()}}
        pd.DataFrame(table).to_parquet(path)
        name = f"set-{len(list(tmp_path.rglob('card.json')))}"
        card = import_frames(
            path, name=name, functional=functional, units=units, stress_order=order
        )
        return card, open_dataset(name).frames([0])[0]

    return imported


@pytest.mark.parametrize(
    "name", ["{}", "REF_{}", "dft_{}", "DFT_{}", "vasp_{}", "{}_ref", "{}_dft", "{}_r2scan"]
)
def test_prefixes_of_labels(frames, name):
    names = {name.format(label): label for label in ("energy", "forces", "stress")}
    values = {"energy": -3.0, "forces": FORCES, "stress": STRESS}
    card, frame = frames(**{column: values[label] for column, label in names.items()})
    assert frame.energy_per_atom == -3
    assert np.array_equal(frame.forces, FORCES)
    assert np.array_equal(frame.stress, STRESS)
    assert f"energy from {name.format('energy')} (eV/atom, assumed)" in card.description


def test_look_alikes_are_named(tmp_path, salt_json):
    path = tmp_path / "t.parquet"
    table = {
        "structure": salt_json,
        "energy_per_atom": -3.0,
        "forces": FORCES,
        "forces_pbe": FORCES,
        "bader_magmoms": [0.0, 0.0],
        "energy_hse": -4.0,
        "energy_ranges": "low, high",
        "energy_unit": "eV/atom",
        "formation_energy": -1.0,
        "note": "x",
    }
    pd.DataFrame({key: [value] for key, value in table.items()}).to_parquet(path)
    plan = plan_import(path, "frames", functional="r2SCAN", mapping={"energy": "energy_per_atom"})
    assert plan.mapping == {
        "structure": "structure",
        "energy": "energy_per_atom",
        "forces": "forces",
    }
    assert plan.left_out == ["forces_pbe", "bader_magmoms", "energy_hse", "energy_ranges"]
    assert plan.ignored == [*plan.left_out, "energy_unit", "formation_energy", "note"]
    assert "Not read, though they look like labels: forces_pbe, " in plan.sentences


@pytest.mark.parametrize(
    ("column", "unit", "value", "right"),
    [
        ("stress_kbar", None, [[-10 * x for x in row] for row in STRESS], STRESS),
        ("stress", "kBar", [[-10 * x for x in row] for row in STRESS], STRESS),
        ("stress (eV/Å^3)", None, [[x * units.GPa for x in row] for row in STRESS], STRESS),
        ("stress", None, [x for row in STRESS for x in row], STRESS),
        ("forces_ha_bohr", None, FORCES, np.array(FORCES) * units.Hartree / units.Bohr),
        ("forces", "-eV/Å", FORCES, -np.array(FORCES)),
        ("gradients", None, FORCES, -np.array(FORCES)),
        ("energy_Ha", None, -1.0, -units.Hartree),
        ("energy_ev_per_cell", None, -6.0, -3.0),
        ("total_energy", None, -6.0, -3.0),
        ("energy", "eV/f.u.", -6.0, -3.0),
        ("energy", "kJ/mol per cell", -2.0, -units.kJ / units.mol),
    ],
)
def test_units_of_frames(frames, column, unit, value, right):
    label = next(name for name in ("stress", "energy", "forces") if name[:5] in column + "forces")
    energy = {} if label == "energy" else {"energy_per_atom": -1.0}
    _, frame = frames(**energy, **{column: value}, units=unit and {label: unit})
    given = frame.energy_per_atom if label == "energy" else getattr(frame, label)
    assert given == pytest.approx(np.array(right), rel=1e-6)


def test_virials(frames, salt):
    virial = (-np.array(STRESS) * units.GPa * salt.volume).tolist()
    _, frame = frames(energy_per_atom=-1.0, virial=virial)
    assert frame.stress == pytest.approx(np.array(STRESS), rel=1e-6)


@pytest.mark.parametrize(("order", "places"), [("vasp", "0 4 8 1 5 2"), ("ase", "0 4 8 5 2 1")])
def test_six_numbers_need_an_order(frames, order, places):
    six = np.ravel(STRESS)[[int(place) for place in places.split()]].tolist()
    _, frame = frames(energy_per_atom=-1.0, stress=six, order=order)
    assert np.array_equal(frame.stress, STRESS)
    with pytest.raises(LabError, match=r"--stress-order vasp \(xx yy zz xy yz zx\) or ase \(xx"):
        frames(energy_per_atom=-1.0, stress=six)


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        ({"energy (furlong)": -1.0}, None, r"give it with --unit energy=UNIT \('furlong' is not"),
        ({"energy": -1.0}, {"energy": "eV/mile"}, "'eV/mile' is not a known unit of energy"),
        ({"energy": -1.0}, {"nothing": "eV"}, "neither a field nor a column"),
        ({"energy": -1.0, "forces (N)": FORCES}, None, "--unit forces=UNIT"),
    ],
)
def test_unknown_units_are_refused(frames, columns, given, message):
    with pytest.raises(LabError, match=message):
        frames(**columns, units=given)


@pytest.mark.parametrize(
    "name",
    [
        "material_id",
        "mp-id",
        "jid",
        "matpes_id",
        "task_id",
        "entry_id",
        "identifier",
        "filename",
        "name",
        "ID",
        "id",
    ],
)
def test_ids_keep_materials_together(tmp_path, salt_json, name):
    path = tmp_path / "t.parquet"
    columns = {"structure": [salt_json] * 4, "energy_per_atom": [-1.0] * 4, name: list("abab")}
    pd.DataFrame(columns).to_parquet(path)
    card = import_frames(path, name="mine", functional="PBE")
    assert (card.n, card.n_materials) == (4, 2)
    assert "No ids were found" not in card.description
    pd.DataFrame(columns).drop(columns=name).to_parquet(path)
    assert "No ids were found" in import_frames(path, name="other", functional="PBE").description


@pytest.mark.parametrize("name", ["functional", "energy_type", "run_type", "xc", "Level of theory"])
def test_rows_of_another_functional_are_left_out(tmp_path, salt_json, name):
    path = tmp_path / "t.parquet"
    functionals = ["PBE", "R2SCAN", "r2scan", "r2SCAN-D4"]
    columns = {
        "structure": [salt_json] * 4,
        "energy_per_atom": [-1.0, -2, -3, -4],
        name: functionals,
    }
    pd.DataFrame(columns).to_parquet(path)
    card = import_frames(path, name="mine", functional="r2SCAN")
    assert list(open_dataset("mine").energies()) == [-2, -3]
    assert "2 of 4 rows of t.parquet; left out: 1 in PBE and 1 in r2SCAN-D4." in card.description
    with pytest.raises(LabError, match=r"no row in HSE06; column .* names "):
        import_frames(path, name="none", functional="HSE06")
    with pytest.raises(LabError, match=r"names the functionals r2SCAN \(2 rows\), PBE \(1 rows\)"):
        functional_in_rows(open_table(path), name)


def test_other_columns_do_not_name_functionals(tmp_path, salt_json):
    path = tmp_path / "t.parquet"
    columns = {
        "structure": [salt_json],
        "energy": [-1.0],
        "method": ["VASP"],
        "energy_type": ["E0"],
    }
    pd.DataFrame(columns).to_parquet(path)
    assert "functional" not in guess(open_table(path)).fields
    assert import_frames(path, name="mine", functional="PBE").n == 1


def test_a_label_of_another_functional_is_not_taken(tmp_path, salt_json):
    path = tmp_path / "t.parquet"
    other = (-np.array(FORCES)).tolist()
    columns = {
        "energy_pbe": -1.0,
        "energy_pbe_d3": -2.0,
        "forces_pbe": other,
        "forces_pbe_d3": FORCES,
    }
    pd.DataFrame({"structure": [salt_json], **{k: [v] for k, v in columns.items()}}).to_parquet(
        path
    )
    mappings = [
        guess(open_table(path)).mapping("frames", name) for name in ("PBE", "PBE-D3", "PBE+U")
    ]
    assert [one.get("energy") for one in mappings] == ["energy_pbe", "energy_pbe_d3", None]
    assert [one.get("forces") for one in mappings] == ["forces_pbe", "forces_pbe_d3", None]


CORRECTED = "material_id,formula,energy_per_atom,uncorrected_energy_per_atom\na,NaCl,-3,-2\n"


def test_energies_with_and_without_corrections_are_no_pair(write):
    path = write("t.csv", CORRECTED)
    assert guess(open_table(path)).kind == "energies"
    both = {"source": "energy_per_atom", "target": "uncorrected_energy_per_atom"}
    for mapping in ({}, both):
        with pytest.raises(LabError, match="one functional with and without corrections"):
            import_pairs(path, name="mine", mapping=mapping)
        with pytest.raises(LabError, match="one functional with and without corrections"):
            pairs_from_table(path, mapping=mapping)
    card = import_energies(path, name="mine", functional="gga/gga+u")
    assert [(one.functional, one.corrections) for one in card.energies] == [
        ("GGA/GGA+U", "MP2020"),
        ("GGA/GGA+U", "none"),
    ]
    named = {"energy_per_atom": "PBE", "uncorrected_energy_per_atom": "r2SCAN"}
    assert import_pairs(path, name="two", mapping=both, functionals=named).n == 1


def test_energies_of_one_functional(write):
    path = write(
        "t.csv",
        "formula,energy_per_atom,energy_type\nNaCl,-3,R2SCAN\nNaCl,-9,PBE\nKCl,-4,R2SCAN\n",
    )
    card = import_energies(path, name="mine", functional="r2SCAN")
    data = open_dataset("mine")
    assert (card.kind, card.n) == ("pairs", 2)
    assert list(data.table()["formula"]) == ["NaCl", "KCl"]
    assert list(data.energy("energy_per_atom")) == [-3, -4]
    assert list(data.table()["material_id"]) == ["row-1", "row-3"]
    assert "2 of 3 rows of t.csv; left out: 1 in PBE." in card.description
    bad = write("t.csv", path.read_text().replace("KCl", "KXx"))
    with pytest.raises(LabError, match=r"^Line 4 of t.csv: the formula 'KXx'"):
        import_energies(bad, name="bad", functional="r2SCAN")


@pytest.mark.parametrize(
    ("head", "values", "right"),
    [
        ("nsites,energy_pbe_ev_per_cell,energy_r2scan_ev_per_cell", "4,-8,-12", [-2, -3]),
        ("x,energy_pbe (eV/f.u.),energy_r2scan (eV/f.u.)", "4,-8,-12", [-4, -6]),
        ("n_atoms,total_energy_pbe,total_energy_r2scan_Ha", "4,-8,-4", [-2, -units.Hartree]),
    ],
)
def test_energies_of_cells_and_formula_units(write, head, values, right):
    pairs = pairs_from_table(write("t.csv", f"formula,{head}\nNaCl,{values}\n"))
    columns = [energy.column for energy in pairs.card.energies]
    assert [pairs.energy(one)[0] for one in columns] == pytest.approx(right, rel=1e-6)


def test_the_unit_of_energies_holds_for_columns_that_state_none(write):
    path = write("t.csv", "formula,energy_pbe,energy_r2scan (eV/atom)\nNaCl,-1,-12\n")
    pairs = pairs_from_table(path, units={"energy": "Ha/f.u."})
    found = [pairs.energy(one.column)[0] for one in pairs.card.energies]
    assert found == pytest.approx([-units.Hartree / 2, -12])


def test_energies_of_cells_need_the_number_of_atoms(write, salt_json):
    text = "formula,energy_pbe_ev_per_cell,energy_r2scan\nNaCl,-8,-12\n"
    with pytest.raises(LabError, match=r"is in eV/cell, so the number of atoms .*--unit source="):
        pairs_from_table(write("t.csv", text))
    quoted = salt_json.replace('"', '""')
    text = f'structure,energy_pbe_ev_per_cell,energy_r2scan\n"{quoted}",-8,-12\n'
    pairs = pairs_from_table(write("t.csv", text))
    assert list(pairs.energy("energy_pbe_ev_per_cell")) == [-4]


@pytest.mark.parametrize("formula", ["KCl", "Na2Cl"])
def test_a_formula_that_contradicts_its_structure(write, salt_json, formula):
    quoted = salt_json.replace('"', '""')
    text = f'formula,structure,energy_pbe,energy_r2scan\n{formula},"{quoted}",-1,-2\n'
    problem = f"Line 2 of t.csv: the formula is {formula}, but the structure is NaCl"
    with pytest.raises(LabError, match=problem):
        import_pairs(write("t.csv", text), name="mine")
    if formula == "KCl":
        with pytest.raises(LabError, match=problem):
            import_frames(write("t.csv", text), name="mine", functional="PBE")
    else:
        card = import_frames(write("t.csv", text), name="mine", functional="PBE")
        assert f"in 1 rows, first in {problem[0].lower()}{problem[1:]}." in card.description


def test_arrays_and_structures_as_python_prints_them(write, salt):
    forces = np.array(FORCES)
    texts = [
        str(forces),
        repr(forces),
        repr(FORCES),
        repr(forces.astype(np.float32)),
        str(forces.tolist()),
    ]
    texts += [repr(tuple(map(tuple, FORCES)))]
    texts += [json.dumps(FORCES), repr([list(map(np.float64, row)) for row in FORCES])]
    structures = [repr(salt.as_dict()), json.dumps(salt.as_dict())]
    rows = [(structures[i % 2], -1.0, text) for i, text in enumerate(texts)]
    table = pd.DataFrame(rows, columns=["structure", "energy_pbe", "forces"])
    import_frames(write("t.csv", table.to_csv(index=False)), name="mine", functional="PBE")
    for frame in open_dataset("mine").frames(range(len(texts))):
        assert frame.forces == pytest.approx(forces, abs=1e-6)
        assert list(frame.atomic_numbers) == [11, 17]


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("forces", "[[0. 0. ... 0.]\n [0. 0. 0.]]", "numpy has left out numbers"),
        ("forces", "[[nan, 0, 0], [0, 0, 0]]", "not finite"),
        ("forces", "[__import__('os').getcwd()]", "cannot be read as JSON or as nested lists"),
        ("structure", "{'lattice': print(1), 'sites': []}", "Python's repr of more than plain"),
        ("structure", "{'lattice': 1, 'sites': " + "[" * 5000, "Python's repr of more than plain"),
        (
            "structure",
            "Full Formula (Na1 Cl1)\nReduced Formula: NaCl",
            "what Python prints for one",
        ),
        ("structure", "Atoms(symbols='NaCl', pbc=True)", "what Python prints for one"),
    ],
)
def test_what_cannot_be_read_back_is_refused(write, salt_json, column, text, message):
    row = {"structure": salt_json, "energy_pbe": -1.0, "forces": json.dumps(FORCES)} | {
        column: text
    }
    path = write("t.csv", pd.DataFrame([row]).to_csv(index=False))
    with pytest.raises(LabError, match=f"^Line 2 of t.csv: .*{message}"):
        import_frames(path, name="mine", functional="PBE", mapping={"forces": "forces"})


def test_a_table_that_is_only_compared_is_refused_if_its_energies_are_totals(tmp_path):
    rng = np.random.default_rng(0)
    counts = np.unique(rng.integers(1, 7, (40, 4)), axis=0)
    formulas = ["".join(f"{e}{n}" for e, n in zip(ELEMENTS, row, strict=True)) for row in counts]
    totals = counts @ [-2.0, -3.0, -4.0, -5.0] + rng.normal(0, 1e-3, len(counts))
    moved = totals - counts @ [4.0, 5.0, 6.0, 7.0]
    path = tmp_path / "t.csv"
    table = {"formula": formulas, "energy_pbe": totals, "energy_r2scan": moved}
    pd.DataFrame(table).to_csv(path)
    with pytest.raises(LabError, match=r"t\.csv, column 'energy_pbe'"):
        pairs_from_table(path)
    units = dict.fromkeys(("source", "target"), "eV/f.u.")
    assert len(pairs_from_table(path, units=units)) == len(formulas)


def test_a_bad_number_of_atoms_names_its_line_though_rows_are_left_out(tmp_path):
    path = tmp_path / "t.csv"
    rows = ["LiF,-9,2,PBE", "LiF,-9,2,r2SCAN", "MgO,-12,x,r2SCAN"]
    path.write_text("\n".join(["formula,energy_eV_per_cell,nsites,functional", *rows]) + "\n")
    with pytest.raises(LabError, match=r"Line 4 of t\.csv"):
        import_energies(path, name="t", functional="r2SCAN")
