"""The viewer's input, checked with chemiscope's own writer."""

import chemiscope
import numpy as np
from ase import Atoms

from core.figures.base.structures import structure_view
from core.frames.schema import Frame


def test_equals_what_chemiscope_makes_of_the_same_atoms():
    lattice = np.array([[4.0, 0.2, 0.0], [0.0, 3.5, 0.0], [0.1, 0.0, 5.0]])
    scaled = np.array([[0.0, 0.0, 0.0], [0.5, 0.4, 0.3]])
    frame = Frame(
        frame_id="f",
        material_id="m",
        atomic_numbers=np.array([11, 17]),
        frac_coords=scaled,
        lattice=lattice,
    )
    atoms = Atoms("NaCl", scaled_positions=scaled, cell=lattice, pbc=True)
    expected = chemiscope.create_input([atoms])["structures"]
    view = structure_view([frame], {"residual": ([0.5], "eV/atom")})
    (found,) = view["structures"]
    assert found["names"] == expected[0]["names"]
    for key in ("x", "y", "z", "cell"):
        np.testing.assert_allclose(found[key], expected[0][key], atol=1e-12)
    assert view["properties"]["residual"]["units"] == "eV/atom"
