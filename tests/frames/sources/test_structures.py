import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from core.frames.sources.structures import looks_like_structure, parse_structure


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
        ("rock salt", "neither a pymatgen dictionary nor CIF nor POSCAR"),
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
