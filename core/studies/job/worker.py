"""One study in a detached process: python -m core.studies.job.worker DIRECTORY."""

import sys
from pathlib import Path

from core.boxed import go_on_watched, leave
from core.errors import LabError
from core.files import disk_error_message
from core.home import keep_compiled_code
from core.process import lower_priority


def main(path: Path) -> int:
    """Compute the study of a job's directory; return the process's exit status."""
    # The process that watches this one imports none of these.
    from core.studies.catalog import study_of  # noqa: PLC0415
    from core.studies.job.directory import Job, Question  # noqa: PLC0415
    from core.studies.job.local import status_reporter  # noqa: PLC0415

    question = Question.read(path)
    job = Job(study_of(question.kind, question.settings), path)
    # The starting process holds the lock until it has recorded this one as the job's own.
    with job.locked():
        pass
    try:
        job.save(job.study.compute(status_reporter(job)))
    except LabError as error:
        message = str(error)
    except OSError as error:
        message = disk_error_message(error)
    except MemoryError:
        message = "Not enough memory; choose fewer materials."
    else:
        return 0
    _fail(path, message)
    return 2


def _fail(path: Path, message: str) -> None:
    """Record why there is no result."""
    from core.studies.catalog import study_of  # noqa: PLC0415
    from core.studies.job.directory import Job, Question  # noqa: PLC0415

    question = Question.read(path)
    job = Job(study_of(question.kind, question.settings), path)
    job.write(job.status().model_copy(update={"state": "failed", "message": message}))


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    keep_compiled_code()
    go_on_watched(lambda problem: _fail(directory, problem))
    lower_priority()
    leave(main(directory))
