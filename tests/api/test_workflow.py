"""A run as a job of jobflow: it trains when the workflow comes to it, and hands on its model."""

from pathlib import Path
from types import SimpleNamespace

import pytest

workflow = pytest.importorskip("core.api.workflow", reason="needs jobflow", exc_type=ImportError)


def test_a_run_is_a_job_whose_output_others_use(monkeypatch):
    asked = []

    def train(dataset, **settings):
        asked.append((dataset, settings))
        status = SimpleNamespace(state="finished", test={"n_frames": 3})
        best = Path("best.pth.tar")
        return SimpleNamespace(id="run-1", best_checkpoint=best, status=lambda: status)

    monkeypatch.setattr(workflow, "train", train)
    job = workflow.train_job("mine", method="residual", epochs=2)
    assert asked == []
    assert type(job).__name__ == "Job"
    output = job.function(*job.function_args, **job.function_kwargs)
    assert asked == [("mine", {"method": "residual", "epochs": 2, "wait": True})]
    assert output["model"] == "best.pth.tar"
    assert output["test"] == {"n_frames": 3}
