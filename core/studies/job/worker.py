"""One study in a detached process: python -m core.studies.job.worker DIRECTORY."""

import sys
from pathlib import Path

from core.errors import LabError
from core.files import disk_error_message
from core.home import keep_compiled_code
from core.studies.catalog import study_of
from core.studies.job.directory import Job, Question
from core.studies.job.local import lower_priority, status_reporter


def main(path: Path) -> int:
    """Compute the study of a job's directory; return the process's exit status."""
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
    job.write(job.status().model_copy(update={"state": "failed", "message": message}))
    return 2


if __name__ == "__main__":
    keep_compiled_code()
    lower_priority()
    sys.exit(main(Path(sys.argv[1])))
