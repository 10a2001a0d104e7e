"""Why a run failed, in one sentence with the remedy."""

from core.errors import LabError
from core.files import disk_error_message, disk_is_full
from core.runs.record.directory import Run


def failure_message(error: Exception, run: Run) -> str:
    """Return one sentence on why a run failed and what to do.

    Args:
        error: the exception that ended the training.
        run: the run.
    """
    if isinstance(error, LabError):
        return str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return disk_error_message(cause, run.path)
        cause = cause.__cause__ or cause.__context__
    if disk_is_full(run.path):
        return f"{run.path}: the disk is full; free some space, then resume the run."
    reason = (str(error).splitlines() or [""])[0].rstrip(".")
    return f"Training stopped on an unexpected {type(error).__name__} ({reason}); see log.txt."
