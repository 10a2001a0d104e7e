"""The study of a run's errors: named by the run and its checkpoint, kept, and right."""

import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.potential.models import load_model, save_model
from core.progress import silent
from core.runs.process import local
from core.studies.catalog import study_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.run_errors import RunErrorsStudy
from core.training.scoring.evaluate import evaluate
from core.training.scoring.frame_errors import summary
from core.training.settings.config import RunConfig
from tests.salts import write_salts


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    monkeypatch.setattr("core.training.settings.processes.usable_cores", lambda: 1)
    write_salts(tmp_path, forces=True)
    run = local.create(RunConfig(dataset="tiny", method="frozen", threads=1))
    run.checkpoints.mkdir(exist_ok=True)
    save_model(run.best_checkpoint, load_model("chgnet-0.3.0"), {})
    return run


def test_result_is_that_of_evaluate_and_is_kept(run):
    study = study_of("run-errors", {"run": run.id, "part": "validation"})
    assert study.seconds() > 0
    assert study.datasets == ["tiny"]
    compute_here(Job.of(study), silent)
    kept = Job.of(study).result()
    data = open_dataset("tiny")
    rows = data.split().validation
    expected = evaluate(run.best_checkpoint, data, rows, device="cpu", threads=1)
    told = summary(kept.compared("energy"), "energy")
    assert told["mae"] == pytest.approx(expected["energy_mae_mev_per_atom"], rel=1e-6)
    np.testing.assert_array_equal(kept.rows, rows)
    assert kept.kinds == ["energy", "force"]
    assert kept.n_available == len(rows)


def test_a_sample_is_whole_frames_of_the_part(run):
    found = RunErrorsStudy(run=run.id, most=1).compute(silent)
    assert len(found.rows) == 1
    assert found.rows[0] in open_dataset("tiny").split().test
    assert found.n_available > 1


def test_another_checkpoint_is_another_study(run):
    study = RunErrorsStudy(run=run.id)
    key = study.key()
    save_model(run.best_checkpoint, load_model("chgnet-r2scan"), {"epoch": 2})
    assert study.key() != key
    with pytest.raises(LabError, match="no last checkpoint yet"):
        RunErrorsStudy(run=run.id, checkpoint="last").key()


def test_untrained_starts_from_the_references(run):
    # A run with frozen AtomRef begins with the source model itself.
    untrained = RunErrorsStudy(run=run.id, checkpoint="untrained").compute(silent)
    best = RunErrorsStudy(run=run.id).compute(silent)
    np.testing.assert_allclose(untrained.energy_predicted, best.energy_predicted, atol=1e-6)


def test_a_run_that_is_gone(run):
    study = RunErrorsStudy(run=run.id)
    run.update(state="cancelled")
    local.delete(run)
    with pytest.raises(LabError, match="no such run"):
        study.key()
