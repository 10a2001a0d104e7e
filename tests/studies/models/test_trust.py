"""How far a model can be trusted: distances from what it knows, and disagreement of seeds."""

import numpy as np
import pytest

from core.checks import domain
from core.frames.registry import open_frame_set
from core.potential.features import crystal_features
from core.potential.graph import convert
from core.potential.models import get_atomref, load_model, save_model, set_atomref
from core.progress import silent
from core.runs.process.local import create
from core.studies.models.given import given, keep
from core.studies.models.trust import TrustStudy
from core.training.settings.config import RunConfig

DATA = "mp-frames-r2scan"


@pytest.fixture(autouse=True)
def few(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(domain, "_SAMPLE", 6)


def kept(rows):
    frames = open_frame_set(DATA).frames(rows)
    return keep(given(frames, [frame.frame_id for frame in frames])), frames


def run(seed, shift):
    """A run with a model whose energies are shifted, eV/atom."""
    made = create(RunConfig(dataset=DATA, method="refit", epochs=1, seed=seed))
    model = load_model("chgnet-r2scan")
    set_atomref(model, get_atomref(model) + shift)
    made.best_checkpoint.parent.mkdir(parents=True, exist_ok=True)
    save_model(made.best_checkpoint, model, {})
    return made


def test_distances_of_runs_are_from_their_training_frames_and_seeds_disagree():
    runs = [run(0, 0.0), run(1, 0.03), run(2, -0.03)]
    name, frames = kept([0, 5, 9])
    found = TrustStudy(model=runs[0].id, structures=name).compute(silent)
    assert found.n_seeds == 3
    np.testing.assert_allclose(found.seeds, np.std([0.0, 0.03, -0.03], ddof=1), atol=1e-5)
    assert "6 of its training frames in mp-frames-r2scan" in found.domain
    data = open_frame_set(DATA)
    chosen = np.sort(np.random.default_rng(0).permutation(data.split().train)[:6])
    model = load_model("chgnet-r2scan")

    def features(those):
        return crystal_features(
            model, [convert(f.atomic_numbers, f.frac_coords, f.lattice, f.pbc) for f in those]
        ).astype(float)

    home, asked = features(data.frames(chosen)), features(frames)
    apart = np.linalg.norm(home[:, None] - home[None], axis=2) + np.diag([np.inf] * 6)
    one = np.percentile(apart.min(axis=1), 99)
    expected = np.linalg.norm(asked[:, None] - home[None], axis=2).min(axis=1) / one
    np.testing.assert_allclose(found.distances, expected, rtol=1e-3, atol=1e-4)


def test_another_seed_is_another_question_and_released_models_have_none():
    first = run(0, 0.0)
    name, _ = kept([0])
    study = TrustStudy(model=first.id, structures=name)
    before = study.key()
    run(1, 0.03)
    assert study.key() != before
    released = TrustStudy(model="chgnet-r2scan", structures=name).compute(silent)
    assert released.n_seeds == 0
    assert np.isnan(released.seeds).all()
    assert "stand in for its training set" in released.domain
