"""The study of relaxations: a data set's materials or files, kept, ended and gone on with."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.potential.models import load_model
from core.potential.relaxation.relax import relax
from core.potential.relaxation.settings import RelaxSettings
from core.progress import silent
from core.studies.catalog import study_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.relaxation import RelaxationStudy

SETTINGS = RelaxSettings(steps=2)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def frame(name, edge, energy, material=None):
    atoms = bulk("Cu", a=edge)
    return Frame(
        frame_id=name,
        material_id=material or name,
        atomic_numbers=atoms.numbers,
        frac_coords=atoms.get_scaled_positions(),
        lattice=atoms.cell.array,
        energy_per_atom=energy,
    )


@pytest.fixture
def copper(home):
    frames = [
        frame("a", 3.6, -3.0),
        frame("b-high", 3.5, -2.9, material="b"),
        frame("b-low", 3.7, -3.1, material="b"),
        frame("far", 12.0, -1.0),
    ]
    card = Card(name="copper", kind="frames", functional="PBE", labels="dft")
    write_frames(home / "datasets" / "copper", card, frames)
    return frames


def test_relaxes_the_frame_of_lowest_energy_of_each_material(copper):
    study = RelaxationStudy(dataset="copper", settings=SETTINGS)
    assert study.seconds() > 0
    result = compute_here(Job.of(study), silent)
    assert result.ids.tolist() == ["a", "b", "far"]
    assert result.rows.tolist() == [0, 2, 3]
    assert result.states.tolist()[2] == "refused"
    assert "no neighbour" in result.reasons[2]
    assert result.counts()["refused"] == 1
    assert result.settings == SETTINGS.text()
    expected = relax(load_model("chgnet-0.3.0"), [copper[0], copper[2]], SETTINGS)
    for place, one in enumerate(expected):
        assert result.energies[place] == pytest.approx(one.energy, abs=1e-6)
        assert result.frame(place).energy_per_atom == pytest.approx(one.energy, abs=1e-6)
        np.testing.assert_allclose(result.frame(place).lattice, one.structure.lattice)
    assert result.frame(2).energy_per_atom is None
    assert study_of("relaxation", study.model_dump(mode="json")) == study


def test_relaxes_structures_in_files(home):
    path = home / "two.extxyz"
    write(path, [bulk("Cu", a=3.6), bulk("Al", a=4.0)])
    study = RelaxationStudy(paths=[str(path)], settings=SETTINGS)
    before = study.key()
    result = study.compute(silent)
    assert result.rows.tolist() == [-1, -1]
    assert result.ids.tolist() == [f"{index} (from 0) of {path}" for index in range(2)]
    assert result.atomic_numbers.tolist() == [29, 13]
    write(path, [bulk("Cu", a=3.61)])
    assert study.key() != before, "the file has changed"


def test_says_what_is_missing(home):
    with pytest.raises(LabError, match="no such file"):
        RelaxationStudy(paths=[str(home / "none.cif")]).key()
    for wrong in ({}, {"dataset": "copper", "paths": ["x.cif"]}):
        with pytest.raises(LabError, match="a data set, or files"):
            study_of("relaxation", wrong)
