"""A run as a job of jobflow, the engine of atomate2's workflows; an extra.

from jobflow import Flow, run_locally
from core.api.workflow import train_job

run_locally(Flow([train_job("mine", method="residual", epochs=50)]))
"""

from typing import Any

from jobflow import job

from core.api.training import train


@job
def train_job(dataset: str, **settings: Any) -> dict[str, Any]:
    """Train where the workflow runs its jobs, and return what further jobs need.

    Args:
        dataset: name of a data set of the lab on that machine.
        **settings: as of `core.train`.

    Returns:
        The run's id, the file of its best model, which stock CHGNet reads, and its test errors.

    Raises:
        LabError: as `core.train`.
    """
    run = train(dataset, **settings, wait=True)
    status = run.status()
    return {
        "run": run.id,
        "state": status.state,
        "model": str(run.best_checkpoint),
        "test": status.test,
    }
