"""Cells in numbers beside pymatgen's lattice, and one kept relaxation read back."""

import numpy as np
import pytest
from pymatgen.core import Lattice

from core.frames.schema import Frame
from core.potential.relaxation.cells import cell_table
from core.potential.relaxation.kept import kept_relaxation, kept_relaxations
from core.potential.relaxation.relaxed import Relaxed
from core.potential.relaxation.settings import RelaxSettings


def frame(lattice):
    return Frame(
        frame_id="a",
        material_id="a",
        atomic_numbers=np.array([11, 17]),
        frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
        lattice=lattice.matrix,
    )


GIVEN = frame(Lattice.from_parameters(3.0, 4.0, 5.0, 80.0, 95.0, 110.0))


def test_cells_before_and_after_are_pymatgens():
    after = Lattice.from_parameters(3.3, 4.0, 5.0, 80.0, 95.0, 110.0)
    table = cell_table(GIVEN, frame(after))
    lattice = Lattice(GIVEN.lattice)
    expected = [*lattice.parameters, lattice.volume / 2]
    assert table["given"].tolist() == pytest.approx(expected)
    assert table["relaxed"].tolist() == pytest.approx([*after.parameters, after.volume / 2])
    assert table["change"].iloc[0] == pytest.approx(0.1)
    assert cell_table(GIVEN)["relaxed"].isna().all()


def test_a_kept_relaxation_is_found_by_structure_model_and_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    settings = RelaxSettings()
    assert kept_relaxation(GIVEN, "model", settings) is None
    with kept_relaxations("model", settings) as kept:
        relaxed = Relaxed(state="converged", reason="", structure=GIVEN, steps=7, max_force=0.05)
        kept.put(kept.key(GIVEN), relaxed)
    found = kept_relaxation(GIVEN, "model", settings)
    assert found is not None
    assert found.steps == 7
    assert kept_relaxation(GIVEN, "another", settings) is None
    assert kept_relaxation(GIVEN, "model", RelaxSettings(fmax=0.2)) is None
