"""RUN|MODEL: models by the names that users give."""

from contextlib import suppress
from pathlib import Path

from core.access import check_file
from core.boxed import reading
from core.errors import LabError
from core.frames.functionals import same_functional
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.released import MODELS
from core.runs.record.directory import Run
from core.runs.record.functionals import SIGN, functional_named, functionals_of, split_for
from core.runs.record.listing import find_run, list_runs


def checkpoint_of(name: str) -> str:
    """Return what `core.potential.models.load_model` loads for a name of a model.

    Args:
        name: a released model, a checkpoint file, or a run (its id or its directory), for its best
            checkpoint; of a run on several functionals that of the first, or as RUN@FUNCTIONAL
            that of another.

    Returns:
        The released model's name, or the path of a checkpoint.

    Raises:
        LabError: if it is none of these, or the run has no checkpoint yet.
    """
    if name in MODELS:
        return name
    if Path(name).is_file():
        check_file(name)
        return name
    run, functional = run_and_functional(name)
    checkpoint = run.best_checkpoint
    if functional is not None:
        checkpoint = functional_named(run, functional).checkpoint
    if not checkpoint.is_file():
        raise LabError(f"{run.id}: has no validated epoch yet; let it train first.")
    return str(checkpoint)


def checkpoint_for(name: str, functional: str | None) -> str:
    """Return as `checkpoint_of`, of a run on several functionals the model of one of them.

    Args:
        name: as of `checkpoint_of`; a functional named in it counts.
        functional: the one whose labels the model is compared with.

    Raises:
        LabError: as `checkpoint_of`.
    """
    if name not in MODELS and not Path(name).is_file():
        run, named = run_and_functional(name)
        if named is None and functional:
            for one in functionals_of(run):
                if same_functional(one.functional, functional) and one.checkpoint.is_file():
                    return str(one.checkpoint)
    return checkpoint_of(name)


def split_for_model(name: str, data: FrameSet) -> Split:
    """Return the split of a data set by which no test material was trained on.

    Args:
        name: as of `checkpoint_of`; of a checkpoint file it is not known what it was trained on.
        data: the data set.

    Raises:
        LabError: if there is no such run, or one of its data sets is gone.
    """
    if name in MODELS or Path(name).is_file():
        return data.split()
    return split_for(run_and_functional(name)[0], data)


def run_and_functional(name: str) -> tuple[Run, str | None]:
    """Return the run, and the functional if one is named, of RUN or RUN@FUNCTIONAL.

    Raises:
        LabError: if there is no such run.
    """
    try:
        return find_run(name), None
    except LabError as error:
        before, sign, functional = name.partition(SIGN)
        if sign and before and functional:
            with suppress(LabError):
                return find_run(before), functional
        raise LabError(
            f"{name}: is neither a run nor a checkpoint file; give one of these, or one of "
            f"{', '.join(MODELS)}."
        ) from error


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
