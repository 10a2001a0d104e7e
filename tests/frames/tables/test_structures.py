import json

import numpy as np
import pytest
from ase import Atoms
from ase.io.jsonio import encode
from pymatgen.core import Lattice, Structure

from core.frames.tables.structures import looks_like_structure, parse_structure
from core.frames.tables.tabular import CellError


@pytest.mark.parametrize("form", ["dict", "json", "cif", "poscar"])
def test_every_form_agrees_with_pymatgen(salt, form):
    salt.perturb(0.1)
    value = {
        "dict": salt.as_dict,
        "json": lambda: json.dumps(salt.as_dict()),
        "cif": lambda: salt.to(fmt="cif", symprec=None),
        "poscar": lambda: salt.to(fmt="poscar"),
    }[form]()
    assert looks_like_structure(value)
    cell = parse_structure(value)
    read = Structure(cell.lattice, cell.atomic_numbers, cell.frac_coords)
    assert list(cell.atomic_numbers) == [11, 17]
    assert np.allclose(read.lattice.parameters, salt.lattice.parameters, atol=1e-5)
    assert np.allclose(read.distance_matrix, salt.distance_matrix, atol=1e-5)


def jarvis(atoms, *, cartesian):
    """Return what Atoms.to_dict of jarvis-tools writes."""
    coords = atoms.get_positions() if cartesian else atoms.get_scaled_positions()
    return {
        "lattice_mat": atoms.cell.tolist(),
        "coords": coords.tolist(),
        "elements": atoms.get_chemical_symbols(),
        "abc": atoms.cell.lengths().tolist(),
        "angles": atoms.cell.angles().tolist(),
        "cartesian": cartesian,
        "props": ["", ""],
    }


@pytest.mark.parametrize(
    "form",
    [
        Atoms.todict,
        lambda atoms: repr(atoms.todict()),
        lambda atoms: encode(atoms.todict()),
        lambda atoms: json.dumps({k: v.tolist() for k, v in atoms.todict().items()}),
        lambda atoms: repr({**atoms.todict(), "cell": atoms.cell}),
        lambda atoms: json.dumps(jarvis(atoms, cartesian=False)),
        lambda atoms: repr(jarvis(atoms, cartesian=True)),
        lambda atoms: jarvis(atoms, cartesian=True),
    ],
)
def test_dictionaries_of_ase_and_jarvis(salt, form):
    salt.perturb(0.1)
    atoms = salt.to_ase_atoms()
    atoms = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
    value = form(atoms)
    assert looks_like_structure(value)
    cell = parse_structure(value)
    assert cell.atomic_numbers.tolist() == [11, 17]
    assert np.allclose(cell.lattice, salt.lattice.matrix, atol=1e-6)
    assert np.allclose(cell.frac_coords @ cell.lattice, salt.cart_coords, atol=1e-6)


def test_a_dictionary_of_ase_without_a_cell_is_a_molecule():
    atoms = Atoms("HF", [[0, 0, 0], [0, 0, 0.9]])
    cell = parse_structure(repr(atoms.todict()))
    assert cell.is_molecule
    assert Structure(cell.lattice, ["H", "F"], cell.frac_coords).get_distance(0, 1) == (
        pytest.approx(0.9)
    )


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"positions": [[0, 0, 0]]}, "wrong shape"),
        ({"positions": "x"}, "coordinates cannot be read"),
        ({"cell": [[1, 0, 0], [1, 0, 0], [0, 0, 1]]}, "no volume"),
        ({"numbers": [11, 0]}, "atomic number 0"),
        ({"numbers": None}, "wrong shape"),
        ({"pbc": [True]}, "pbc are not three values"),
    ],
)
def test_broken_dictionaries_of_ase_are_refused(part, problem):
    whole = {"numbers": [11, 17], "positions": [[0] * 3, [1] * 3], "cell": [3, 3, 3]}
    with pytest.raises(CellError, match=problem):
        parse_structure({**whole, **part})


def test_oxidation_states_do_not_matter(salt):
    salt.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    assert list(parse_structure(salt.as_dict()).atomic_numbers) == [11, 17]
    assert list(parse_structure(salt.to(fmt="cif")).atomic_numbers) == [11, 17]


@pytest.mark.parametrize("fmt", ["json", "cif"])
def test_disorder_is_refused(disordered, fmt):
    with pytest.raises(match="disordered"):
        parse_structure(disordered.to(fmt=fmt))


@pytest.mark.parametrize("fmt", ["json", "cif"])
def test_elements_beyond_pu_are_refused(fmt):
    curium = Structure(Lattice.cubic(3), ["Cm"], [[0, 0, 0]])
    with pytest.raises(match="contains Cm, which is not an element from H to Pu"):
        parse_structure(curium.to(fmt=fmt))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("{}", "lacks lattice.matrix"),
        ('{"lattice": {"matrix": [[1,0],[0,1]]}, "sites": []}', "wrong shape"),
        ('{"lattice": {"matrix": [["x",0,0],[0,1,0],[0,0,1]]}, "sites": []}', "are not numbers"),
        ('{"lattice": {"matrix": [[1,0,0],[0,1,0],[0,0,1]]}, "sites": []}', "no atoms"),
        ("rock salt", "neither a dictionary of pymatgen, ASE or JARVIS nor CIF nor POSCAR"),
        ("data_x\n_cell_length_a 4\n", "cannot be read as CIF"),
        ("x\n1.0\n1 0 0\n0 1 0\n0 0 1\nNa\nmany\n", "cannot be read as POSCAR"),
    ],
)
def test_what_is_no_structure_is_refused(text, problem):
    with pytest.raises(match=problem):
        parse_structure(text)


def test_flat_cell_is_refused(salt):
    document = salt.as_dict()
    document["lattice"]["matrix"][2] = document["lattice"]["matrix"][1]
    with pytest.raises(match="no volume"):
        parse_structure(document)
    document = salt.as_dict()
    document["sites"][0]["abc"][0] = float("nan")
    with pytest.raises(match="not finite"):
        parse_structure(document)


@pytest.mark.parametrize("value", [None, 3, "NaCl", "{}", "a\nb\nc", "1\n2\n3\n4\n5\n6"])
def test_other_cells_do_not_look_like_structures(value):
    assert not looks_like_structure(value)


ZINCBLENDE = "GaAs\n5.65\n0 .5 .5\n.5 0 .5\n.5 .5 0\n{}1 1\nDirect\n0 0 0{}\n.25 .25 .25{}\n"


@pytest.mark.parametrize("names", [("Ga As\n", "", ""), ("", " Ga", " As")])
def test_a_poscar_that_names_its_elements(names):
    assert list(parse_structure(ZINCBLENDE.format(*names)).atomic_numbers) == [31, 33]


def test_a_poscar_without_names_is_refused():
    with pytest.raises(match="does not name its elements"):
        parse_structure(ZINCBLENDE.format("", "", ""))


@pytest.mark.parametrize("names", ["Ga As O", "Ga"])
def test_a_poscar_names_each_element_with_a_number_of_atoms(names):
    n = len(names.split())
    with pytest.raises(match=rf"names {n} elements \({names}\) and states .* for 2 \(1 1\)"):
        parse_structure(ZINCBLENDE.format(f"{names}\n", "", ""))


def test_a_poscar_whose_names_have_a_comment():
    text = ZINCBLENDE.format("Ga As ! two elements\n", "", "")
    assert list(parse_structure(text).atomic_numbers) == [31, 33]


KEY = "_chemical_formula_sum"


def test_a_cif_whose_sites_contradict_its_formula_is_refused(salt):
    text = salt.to(fmt="cif", symprec=None)
    assert f"{KEY}   'Na1 Cl1'" in text
    assert parse_structure(text).notes == ()
    for other in ("'Na1 Cl2'", "'K1 Cl1'", "'Na1 Cl1 O1'"):
        with pytest.raises(match="the CIF contradicts itself: the formula is"):
            parse_structure(
                text.replace("_chemical_formula_sum   'Na1 Cl1'", f"_chemical_formula_sum {other}")
            )


def test_isotopes_are_their_element():
    water = Structure(Lattice.cubic(4), ["D", "T", "O"], [[0, 0, 0], [0.5] * 3, [0.2] * 3])
    for value in (water.as_dict(), water.to(fmt="poscar"), water.to(fmt="cif", symprec=None)):
        assert sorted(parse_structure(value).atomic_numbers) == [1, 1, 8]


def molecule(side, pbc):
    lattice = Lattice([[side, 0, 0], [0, side, 0], [0, 0, side]], pbc=pbc)
    return Structure(lattice, ["H", "H"], [[0.75, 0, 0], [0, 0, 0]], coords_are_cartesian=True)


def test_open_directions_need_vacuum():
    for pbc in ((False,) * 3, (False, True, True)):
        with pytest.raises(match=r"not periodic along a.* 5\.75 Å apart"):
            parse_structure(molecule(6.5, pbc).as_dict())
    cell = parse_structure(molecule(7, (False,) * 3).as_dict())
    assert cell.is_molecule
    assert "not periodic in every direction" in cell.notes[0]
    assert not parse_structure(molecule(6.5, (True, False, True)).as_dict()).is_molecule
    assert parse_structure(molecule(3, (True,) * 3).as_dict()).notes == ()


def test_a_space_group_that_cannot_be_read_is_refused(salt):
    text = salt.to(fmt="cif", symprec=None)
    head, _, tail = text.partition("loop_\n _symmetry_equiv_pos_site_id")
    rest = tail.partition("loop_\n")[2]
    parse_structure(f"{head}loop_\n{rest}")
    with pytest.raises(match="space group cannot be read"):
        parse_structure(f"{head}loop_\n{rest}".replace("'P 1'", "'Q 17 z'").replace("_Int_", "_X_"))
