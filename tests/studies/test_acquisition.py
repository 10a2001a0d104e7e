"""The study of what to compute next: right, kept, and refused where it cannot be."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure
from scipy.spatial.distance import cdist

from core.acquisition.materials import candidates, training_materials
from core.errors import LabError
from core.frames.pairs import write_pairs
from core.frames.registry import open_dataset
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import write_frames
from core.potential.models import (
    get_atomref,
    load_model,
    model_fingerprint,
    save_model,
    set_atomref,
)
from core.potential.tangent.rows import GROUPS
from core.progress import silent
from core.runs.process import local
from core.runs.record.listing import find_run
from core.scaling.cost import Cost
from core.studies.acquisition import NextStudy
from core.studies.catalog import study_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.training.settings.config import RunConfig
from core.transfer import features
from core.transfer.features import features_of
from core.transfer.uncertainty import Uncertainty, uncertainty_path

PAIRS = [(11, 17), (19, 17), (12, 8), (11, 9), (3, 9), (20, 8), (19, 9), (3, 17), (12, 16)]
POOL = [(11, 17), (13, 7), (26, 8), (37, 35), (54,), (12, 8), (22, 6), (11, 17, 8)]


def cell(numbers, edge):
    places = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]])[: len(numbers)]
    return {
        "atomic_numbers": np.array(numbers, dtype=np.uint8),
        "frac_coords": places,
        "lattice": np.eye(3) * edge,
    }


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setattr("core.training.settings.processes.usable_cores", lambda: 1)
    frames = (
        Frame(
            frame_id=f"f{number}",
            material_id=f"m{number % 9}",
            **cell(pair, 3.4 + 0.02 * number),
            energy_per_atom=-10.0 - pair[0] / 10,
        )
        for number, pair in enumerate(PAIRS * 2)
    )
    card = Card(name="salts", kind="frames", functional="r2SCAN", labels="dft")
    write_frames(tmp_path / "datasets" / "salts", card, frames)
    structures = [
        Frame(frame_id=f"p{number}", material_id=f"p{number}", **cell(numbers, 3.6))
        for number, numbers in enumerate(POOL)
    ]
    # One without a structure, one that the data set has, and one whose atoms have no neighbour.
    structures[5] = None
    structures[7] = Frame(frame_id="x", material_id="p7", **cell((2,), 30.0))
    names = ["m0", *(f"p{number}" for number in range(1, 8))]
    formulas = ["NaCl", "AlN", "FeO", "RbBr", "Xe", "MgO", "TiC", "He"]
    column = EnergyColumn(column="energy", functional="PBE")
    card = Card(name="pool", kind="pairs", energies=[column])
    table = {"material_id": names, "formula": formulas, "energy": np.full(8, -1.0)}
    write_pairs(tmp_path / "datasets" / "pool", card, pd.DataFrame(table), structures)
    return tmp_path


def make_run(shift, dataset="salts"):
    """A run whose best model is the released one with another AtomRef of aluminium."""
    run = local.create(RunConfig(dataset=dataset, method="frozen", threads=1))
    run.checkpoints.mkdir(exist_ok=True)
    model = load_model("chgnet-0.3.0")
    energies = get_atomref(model)
    energies[12] += shift
    set_atomref(model, energies)
    save_model(run.best_checkpoint, model, {})
    return run.id


def test_candidates_are_what_is_new_and_has_a_structure(home):
    data, pool = open_dataset("salts"), open_dataset("pool")
    training = training_materials(data)
    train = data.material_ids()[data.split().train]
    assert sorted(training.ids) == sorted(set(train))
    found = candidates(pool, data, most_atoms=2)
    assert found.candidates.ids.tolist() == ["p1", "p2", "p3", "p4", "p6", "p7"]
    assert (found.n_known, found.n_too_large, found.n_without_structure) == (1, 0, 1)
    assert candidates(pool, data, most_atoms=1).n_too_large == 4
    with pytest.raises(LabError, match="no material is left"):
        candidates(data, data, most_atoms=60)
    assert len(training_materials(pool).rows) == 8


def test_by_composition_is_kept_and_counts_elements(home):
    study = study_of("next", {"dataset": "salts", "pool": "pool", "n": 3})
    assert study.seconds() < 6
    result = compute_here(Job.of(study), silent)
    kept = Job.of(study).result()
    table = kept.table()
    assert table.equals(result.table())
    assert list(table.columns) == ["material_id", "formula", "n_atoms", "reason", "composition"]
    assert len(set(table["formula"]) & {"AlN", "FeO", "RbBr", "TiC"}) == 3
    np.testing.assert_array_equal(table["n_atoms"], [len(POOL[row]) for row in kept.rows])
    hours = kept.table(Cost(per_atom3=0.5))["core_hours"]
    np.testing.assert_allclose(hours, [0.5 * len(POOL[row]) ** 3 for row in kept.rows])
    elements = kept.element_table().set_index("symbol")
    assert elements.loc["Al", ["materials", "candidates"]].tolist() == [0, 1]
    data = open_dataset("salts")
    training = data.fractions()[training_materials(data).rows]
    assert elements.loc["Cl", "materials"] == (training[:, 16] > 0).sum()
    assert elements["error_mev_per_atom"].isna().all()
    assert sum(kept.chemistries["materials"]) == kept.n_training


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_by_features_takes_the_farthest_and_computes_once(home, monkeypatch):
    study = NextStudy(dataset="salts", pool="pool", n=4, by="features")
    found = study.compute(silent)
    model = load_model("chgnet-0.3.0")

    def stock(data, rows):
        some = [
            Structure(one.lattice, one.atomic_numbers, one.frac_coords) for one in data.frames(rows)
        ]
        told = model.predict_structure(some, task="e", return_crystal_feas=True)
        return np.array(
            [one["crystal_fea"] / len(own) for one, own in zip(told, some, strict=True)]
        )

    data, pool = open_dataset("salts"), open_dataset("pool")
    rows = np.array([1, 2, 3, 4, 6])
    distance = cdist(stock(pool, rows), stock(data, training_materials(data).rows)).min(axis=1)
    assert found.rows[0] == rows[distance.argmax()]
    assert found.table()["distance"][0] == pytest.approx(distance.max(), abs=1e-3)
    # Helium without a neighbour has no features and is never chosen by them.
    assert 7 not in found.rows
    monkeypatch.setattr(features, "crystal_features", None)
    assert study.compute(silent).rows.tolist() == found.rows.tolist()


def test_a_damaged_cache_is_one_that_is_not_there(home):
    pool = open_dataset("pool")
    rows = np.array([1, 7])
    first = features_of(pool, "chgnet-0.3.0", rows)
    assert np.isfinite(first[0]).all()
    assert np.isnan(first[1]).all()
    (file,) = (home / "cache").rglob("features/*/*.npz")
    file.write_bytes(b"nothing")
    np.testing.assert_array_equal(features_of(pool, "chgnet-0.3.0", rows), first)


def test_by_disagreement_and_errors_of_runs(home):
    runs = (make_run(0.0), make_run(0.3), make_run(-0.3))
    found = NextStudy(dataset="salts", pool="pool", n=2, by="disagreement", runs=runs).compute(
        silent
    )
    # Half of aluminium nitride is aluminium: ±0.15 eV/atom and 0; all else agrees.
    chosen = found.table()
    assert chosen["formula"].tolist() == ["AlN"]
    assert chosen["disagreement_mev_per_atom"][0] == pytest.approx(150, abs=0.1)
    data = open_dataset("salts")
    test = data.split().test
    model = load_model("chgnet-0.3.0")
    errors = []
    for one in data.frames(test):
        structure = Structure(one.lattice, one.atomic_numbers, one.frac_coords)
        energy = float(model.predict_structure(structure, task="e")["e"])
        errors.append(1000 * abs(energy - one.energy_per_atom))
    table = found.element_table().set_index("symbol")
    for symbol, place in (("Na", 10), ("Cl", 16), ("F", 8), ("O", 7)):
        held = data.fractions()[test][:, place] > 0
        assert table.loc[symbol, "test_frames"] == held.sum()
        if held.any():
            expected = np.array(errors)[held].mean()
            assert table.loc[symbol, "error_mev_per_atom"] == pytest.approx(expected, rel=1e-3)


def test_balanced_takes_all_that_can_be_had(home):
    alone = NextStudy(dataset="salts", pool="pool", n=6, by="balanced").compute(silent)
    assert np.isfinite(alone.table()["composition"]).all()
    assert "disagreement_mev_per_atom" not in alone.table()
    assert len(alone.rows) == 6
    runs = (make_run(0.0), make_run(0.3))
    study = NextStudy(dataset="salts", pool="pool", n=1, by="balanced", runs=runs)
    found = study.compute(silent)
    assert len(found.table()["disagreement_mev_per_atom"]) == 1
    assert found.table()["reason"][0].count(";") == 2
    assert study.seconds() > NextStudy(dataset="salts", pool="pool", by="balanced").seconds()


def test_another_model_is_another_study(home):
    run = make_run(0.0)
    study = NextStudy(dataset="salts", pool="pool", by="features", model=run)
    before = study.key()
    save_model(find_run(run).best_checkpoint, load_model("chgnet-r2scan"), {"e": 1})
    assert study.key() != before


def test_runs_that_do_not_fit(home):
    with pytest.raises(LabError, match="at least two runs"):
        NextStudy(dataset="salts", pool="pool", by="disagreement", runs=(make_run(0.0),)).key()
    other = make_run(0.0, dataset="mp-frames-gga")
    with pytest.raises(LabError, match="was trained on mp-frames-gga"):
        NextStudy(dataset="salts", pool="pool", runs=(other,)).compute(silent)


def test_by_expected_gain_takes_what_the_posterior_does_not_know(home):
    """References alone uncertain, that of rubidium most."""
    run = find_run(make_run(0.0))
    with pytest.raises(LabError, match="has no uncertainty"):
        NextStudy(dataset="salts", pool="pool", by="uncertainty", runs=(run.id,)).compute(silent)
    model = load_model(run.best_checkpoint)
    names = [name for group in GROUPS.values() for name in group]
    references = 0.01 * np.random.default_rng(0).normal(size=(30, 94))
    references[:, 36] *= 50
    Uncertainty(
        parameters={name: np.zeros((30, model.get_parameter(name).numel())) for name in names},
        references=references,
        noise=0.02,
        left_out=np.zeros(1),
        materials=np.zeros(1, int),
        model=model_fingerprint(model),
    ).save(uncertainty_path(run.best_checkpoint))
    study = NextStudy(dataset="salts", pool="pool", n=2, by="uncertainty", runs=(run.id,))
    found = study.compute(silent).table()
    assert found["formula"][0] == "RbBr"
    assert found["gain"][0] > 10 * found["gain"][1]
    assert "uncertain by" in found["reason"][0]
    with pytest.raises(LabError, match="needs a run of the method linearised"):
        NextStudy(dataset="salts", pool="pool", by="uncertainty").compute(silent)
