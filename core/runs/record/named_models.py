"""RUN|MODEL: models by the names that users give."""

from pathlib import Path

from core.boxed import reading
from core.errors import LabError
from core.potential.released import MODELS
from core.runs.record.listing import find_run, list_runs


def checkpoint_of(name: str) -> str:
    """Return what `core.potential.models.load_model` loads for a name of a model.

    Args:
        name: a released model, a checkpoint file, or a run (its id or its directory), for its best
            checkpoint.

    Returns:
        The released model's name, or the path of a checkpoint.

    Raises:
        LabError: if it is none of these, or the run has no checkpoint yet.
    """
    if name in MODELS or Path(name).is_file():
        return name
    try:
        run = find_run(name)
    except LabError as error:
        raise LabError(
            f"{name}: is neither a run nor a checkpoint file; give one of these, or one of "
            f"{', '.join(MODELS)}."
        ) from error
    if not run.best_checkpoint.is_file():
        raise LabError(f"{run.id}: has no validated epoch yet; let it train first.")
    return str(run.best_checkpoint)


def functional_of_checkpoint(path: str) -> str:
    """Return the functional that a checkpoint file predicts, after loading all of it.

    Raises:
        LabError: if it is no CHGNet checkpoint.
    """
    # Pages and commands that only name models do not wait for torch.
    from core.potential.models import load_model, source_functional  # noqa: PLC0415

    with reading(path):
        load_model(path)
        return source_functional(path)


def runs_with_models() -> list[str]:
    """Return the ids of the runs that have a best checkpoint, newest first.

    Raises:
        LabError: if the runs directory cannot be read.
    """
    return [run.id for run in list_runs() if run.best_checkpoint.is_file()]
