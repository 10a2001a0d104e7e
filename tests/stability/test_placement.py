"""Structures among known phases, against pymatgen's phase diagram of the same energies."""

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from core.elements import fractions_from_formulas
from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames
from core.stability import placement
from core.stability.of_model import ModelEnergies
from core.stability.phases import EnergySource
from core.stability.placement import place
from core.transfer.source_model import SourceModel

KNOWN = {"Na": -1.3, "Cl": -1.8, "NaCl": -3.3, "Na3Cl": -2.0, "NaCl3": -2.6, "Mg": -1.5}
GIVEN = {
    "NaCl": -3.2,
    "Na2Cl": -2.9,
    "Na4Cl": -2.0,
    "Cl": -1.7,
    "MgCl": -2.0,
    "Fe": -8.0,
}


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """The model's energies are those above; the elements are its own."""
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    card = Card(name="x", kind="frames", functional="unknown", corrections="unknown")
    rows = fractions_from_formulas(list(KNOWN))
    frames = []
    for (name, energy), row in zip(KNOWN.items(), rows, strict=True):
        numbers = np.repeat(np.arange(1, 95), np.rint(12 * row).astype(int))
        coords = np.random.default_rng(0).random((len(numbers), 3))
        frames.append(
            Frame(
                frame_id=name,
                material_id=name,
                atomic_numbers=numbers,
                frac_coords=coords,
                lattice=5 * np.eye(3),
                energy_per_atom=energy,
            )
        )
    write_frames(tmp_path / "x", card, frames)
    data = open_frames(tmp_path / "x")
    monkeypatch.setattr(
        placement,
        "energies_as_given",
        lambda _model, data, rows, _progress: (data.energies()[rows], np.full(len(rows), "")),
    )
    monkeypatch.setattr(
        ModelEnergies, "source", property(lambda _: EnergySource(functional="unknown", labels="m"))
    )
    values = np.array(list(GIVEN.values()))
    return place(
        ModelEnergies(model=SourceModel(), name="m"),
        data,
        list(GIVEN),
        fractions_from_formulas(list(GIVEN)),
        values,
    )


def test_formation_and_hull_are_pymatgens(placed):
    entries = [
        PDEntry(Composition(name), e * Composition(name).num_atoms) for name, e in KNOWN.items()
    ]
    diagram = PhaseDiagram([entry for entry in entries if "Mg" not in entry.name])
    for row, (name, energy) in enumerate(GIVEN.items()):
        if {"Mg", "Fe"} & {str(one) for one in Composition(name)}:
            continue
        entry = PDEntry(Composition(name), energy * Composition(name).num_atoms)
        hull = diagram.get_hull_energy_per_atom(entry.composition)
        assert placed.above_hull[row] == pytest.approx(energy - hull, abs=1e-8)
        assert placed.formation[row] == pytest.approx(
            diagram.get_form_energy_per_atom(entry), abs=1e-8
        )
    assert placed.above_hull[1] < 0, "Na2Cl lies below the known phases"
    assert placed.competing[0] == "NaCl"
    assert placed.competing[1] == "0.667 NaCl + 0.333 Na"
    assert placed.n_phases.tolist() == [5, 5, 5, 1, 2, 0]


def test_structures_do_not_compete_with_each_other(placed):
    # With Na2Cl, which lies far below, among the phases, Na4Cl would lie above the hull.
    assert placed.above_hull[2] == pytest.approx(-2.0 - (0.6 * -1.3 + 0.4 * -3.3))
    assert -2.0 < 0.4 * -1.3 + 0.6 * -2.9 + 0.3


def test_without_an_elements_energy_there_is_no_place(placed):
    assert np.isfinite(placed.above_hull[4])
    assert placed.why[5] == ""
    assert placed.above_hull[5] == 0.0, "the only phase of its element is its hull"
    assert replace(placed).elements.startswith("each source's own")
