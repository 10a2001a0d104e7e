"""A model's energies of the phases of a data set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.core import Structure

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames
from core.potential.models import get_atomref, load_model, save_model, set_atomref
from core.potential.relaxation.settings import RelaxSettings
from core.report.stability import source_of
from core.stability.model_stability import ModelStability
from core.stability.of_model import ModelEnergies, stability_of
from core.studies.results import load_result, save_result
from core.transfer.source_model import SourceModel

RELEASED = SourceModel("chgnet-0.3.0", "cpu", 1)
MODEL = ModelEnergies(model=RELEASED, name="chgnet-0.3.0")
CUBIC = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])


def frame(material: str, numbers: list[int], energy: float | None, size: float) -> Frame:
    return Frame(
        frame_id=f"{material}-{size}",
        material_id=material,
        atomic_numbers=np.array(numbers),
        frac_coords=CUBIC[: len(numbers)],
        lattice=np.eye(3) * size,
        energy_per_atom=energy,
    )


FRAMES = [
    frame("na", [11, 11], -1.3, 4.2),
    frame("cl", [17, 17], -1.8, 4.0),
    frame("nacl", [11, 17], -3.3, 3.6),
    frame("nacl", [11, 17], -3.4, 3.5),
    frame("far", [11, 17], -3.0, 30.0),
    frame("mg", [12, 12], -1.5, 3.6),
    frame("mgcl", [12, 17], -2.5, 3.5),
    frame("noe", [12, 8], None, 3.5),
    frame("atom", [10], -1.0, 20.0),
]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    card = Card(name="x", kind="frames", functional="GGA/GGA+U", corrections="MP2020")
    write_frames(tmp_path / "x", card, FRAMES)
    return open_frames(tmp_path / "x")


def test_energies_are_stock_chgnets_and_others_systems_take_no_part(data, tmp_path):
    found = stability_of(MODEL, data, np.array([2, 4]), references="own")
    assert found.reference.ids.tolist() == ["na", "cl", "nacl", "far"]
    assert found.reference.rows.tolist() == [0, 1, 3, 4]
    assert found.scored.tolist() == [False, False, True, True]
    model = load_model("chgnet-0.3.0")
    expected = [float(model.predict_structure(_structure(FRAMES[i]))["e"]) for i in (0, 1, 3)]
    assert found.model.energies[:3] == pytest.approx(expected, abs=1e-5)
    comparison = found.comparison()
    assert comparison.table["formula"].tolist() == ["NaCl"]
    (why,) = comparison.left_out["why"]
    assert "no neighbour" in why
    assert found.model.source.model != found.reference.source.model
    told = source_of(SimpleNamespace(dataset="x"), found).details
    assert f"1 of {found.n_available} compounds with structure and energy are scored" in told
    save_result(tmp_path / "result.npz", found)
    loaded = load_result(tmp_path / "result.npz", ModelStability)
    assert loaded.comparison().decomposition_mae == comparison.decomposition_mae
    assert loaded.comparison().left_out["why"].tolist() == [why]


def test_a_sample_is_the_same_every_time(data):
    rows = np.arange(len(data))
    few = [stability_of(MODEL, data, rows, references="own", most=1) for _ in range(2)]
    assert few[0].n_available == 3
    assert few[0].scored.sum() == 3
    assert few[0].comparison().left_out["why"].tolist()[-2:] == [
        "it has no energy",
        "an isolated atom is no phase",
    ]
    assert few[0].reference.ids[few[0].scored].tolist() == (
        few[1].reference.ids[few[1].scored].tolist()
    )


def test_relaxed_structures_lie_lower(data):
    given = stability_of(MODEL, data, np.array([2]), references="own")
    relaxed = stability_of(
        replace(MODEL, relaxation=RelaxSettings(steps=3)), data, np.array([2]), references="own"
    )
    known = np.isfinite(given.model.energies)
    assert (relaxed.model.energies[known] <= given.model.energies[known] + 1e-6).all()
    assert relaxed.not_converged
    assert "at most 3 steps" in relaxed.model.source.relaxation
    assert relaxed.model.reasons[~known].all()


def test_a_shift_of_elements_cancels_on_its_own_hull_only(data, tmp_path):
    model = load_model("chgnet-0.3.0")
    set_atomref(model, get_atomref(model) + np.linspace(0, 1, 94))
    path = tmp_path / "shifted.pth.tar"
    save_model(path, model, {"functional": "GGA/GGA+U", "corrections": "MP2020"})
    shifted = ModelEnergies(model=SourceModel(str(path), "cpu", 1), name="shifted")
    usual, other = (
        stability_of(one, data, np.array([2]), references="own") for one in (MODEL, shifted)
    )
    assert other.comparison().formation_mae == pytest.approx(usual.comparison().formation_mae)
    on_reference = other.comparison("on the reference hull").formation_mae
    assert abs(on_reference - usual.comparison("on the reference hull").formation_mae) > 10


def test_mistakes(data):
    with pytest.raises(LabError, match="none of the materials asked for"):
        stability_of(MODEL, data, np.array([], dtype=int))
    r2scan = ModelEnergies(model=SourceModel("chgnet-r2scan", "cpu", 1), name="chgnet-r2scan")
    with pytest.raises(LabError, match="x: The model predicts r2SCAN and the data are GGA/GGA"):
        stability_of(r2scan, data, np.arange(3))
    with pytest.raises(LabError, match=r"missing\.csv"):
        stability_of(MODEL, data, np.array([2]), references="missing.csv")


def _structure(frame):
    return Structure(frame.lattice, frame.atomic_numbers, frame.frac_coords)
