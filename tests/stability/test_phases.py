"""Phases of data sets, and energies that never meet in one hull."""

import numpy as np
import pandas as pd
import pytest

from core.elements import fractions_from_formulas
from core.errors import LabError
from core.frames.pairs import PairSet
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames
from core.stability.phases import (
    EnergySource,
    Phases,
    of_materials,
    phases_of,
    with_their_systems,
)


def frame(name, material, numbers, energy, size=3.0):
    n = len(numbers)
    return Frame(
        frame_id=name,
        material_id=material,
        atomic_numbers=np.array(numbers),
        frac_coords=np.arange(3 * n).reshape(n, 3) / (3 * n),
        lattice=np.eye(3) * size,
        energy_per_atom=energy,
    )


def test_of_a_material_the_frame_of_lowest_energy_is_the_phase(tmp_path):
    frames = [
        frame("a", "m-1", [3, 8], -1.0),
        frame("b", "m-2", [3], None),
        frame("c", "m-1", [3, 8], -2.0),
        frame("d", "m-1", [3, 3, 8], -3.0),
        frame("e", "m-3", [8], -1.0, size=20.0),
    ]
    card = Card(name="x", kind="frames", functional="PBE", corrections="none", labels="some-model")
    write_frames(tmp_path / "x", card, frames)
    phases = phases_of(data := open_frames(tmp_path / "x"))
    assert phases.ids.tolist() == ["m-1 Li2O2", "m-2", "m-1 Li2O", "m-3"]
    assert phases.rows.tolist() == [2, 1, 3, 4]
    assert phases.energies[[0, 2]].tolist() == [-2.0, -3.0]
    assert phases.reasons.tolist() == ["", "it has no energy", "", "an isolated atom is no phase"]
    assert phases.systems.tolist() == ["Li-O", "Li", "Li-O", "O"]
    assert phases.source == EnergySource(
        functional="PBE", corrections="none", labels="some-model", relaxation="as given"
    )
    # Row 0 is another frame of the first material, whose phases have rows 2 and 3.
    assert of_materials(phases, data, np.array([0])).tolist() == [True, False, True, False]
    assert not of_materials(phases, data, np.array([], dtype=int)).any()
    with pytest.raises(LabError, match="leave out --column"):
        phases_of(data, "energy")


def test_of_pairs_one_column_is_taken():
    columns = [
        EnergyColumn(column="one", functional="PBE", corrections="none"),
        EnergyColumn(column="two", functional="r2SCAN", corrections="none"),
    ]
    table = pd.DataFrame(
        {
            "material_id": ["a", "a", "b"],
            "formula": ["LiO", "LiO", "Li2O"],
            "one": [1.0, 2.0, 3.0],
            "two": [-1.0, -2.0, np.nan],
        }
    )
    data = PairSet(Card(name="x", kind="pairs", energies=columns), table)
    phases = phases_of(data)
    assert phases.source.functional == "r2SCAN"
    assert phases.rows.tolist() == [1, 2]
    assert phases_of(data, "one").energies.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"functional": "r2SCAN"}, "two functionals (PBE; r2SCAN)"),
        ({"corrections": "MP2020"}, "two corrections"),
        ({"labels": "a-model"}, "two origins of labels"),
        ({"model": "ab"}, "two models"),
        ({"relaxation": "fmax 0.1"}, "two relaxations"),
    ],
    ids=["functional", "corrections", "labels", "model", "relaxation"],
)
def test_two_sources_never_meet_in_one_hull(other, what):
    usual = {"functional": "PBE", "corrections": "none"}
    one = Phases.of(["Li"], fractions_from_formulas(["Li"]), np.zeros(1), EnergySource(**usual))
    with pytest.raises(LabError) as error:
        one.joined(one.with_energies(np.zeros(1), EnergySource(**(usual | other))))
    assert str(error.value).startswith(f"One hull cannot hold energies of {what}")
    spelled = EnergySource(**(usual | {"functional": "pbe"}))
    assert len(one.joined(one.with_energies(np.zeros(1), spelled))) == 2


def test_phases_in_the_systems_of_chosen_ones():
    formulas = ["Li", "Fe", "LiO", "FeO", "LiFeO2", "NaCl", "Na"]
    chosen = np.array([False, False, False, True, False, True, False])
    found = with_their_systems(fractions_from_formulas(formulas), chosen)
    assert found.tolist() == [False, True, False, True, False, True, True]
