"""What a cluster says of a run: where it waits, and the output of its job."""

from core.files import last_lines
from core.runs.launchers.choice import launcher_of
from core.runs.record.directory import Run, job_state
from core.runs.record.status import Status


def waiting_text(run: Run, status: Status) -> str:
    """Return one or two sentences on a queued run of a cluster.

    Args:
        run: the run.
        status: its status.
    """
    text = run.recorded().message or "Starting."
    state = job_state(status)
    if state.phase == "unknown":
        return f"{text} {state.reason}."
    if state.phase != "waiting" or status.job is None:
        return text
    place = "" if state.position is None else f" Place in the cluster's queue: {state.position}."
    why = "" if state.reason in {"", "None"} else f" It waits for: {state.reason}."
    return text + place + why


def job_log(status: Status, n: int) -> list[str]:
    """Return the last lines of the output of a run's job; none on this machine.

    Args:
        status: the run's.
        n: largest number of lines.
    """
    if status.on is None or status.handle is None:
        return []
    files = launcher_of(status.on).logs(status.handle)
    return [line for file in files for line in last_lines(file, n)][-n:] if n > 0 else []
