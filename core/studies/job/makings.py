"""The jobs that make files and data sets of a data set."""

from pathlib import Path

from core.studies.job.directory import Job
from core.studies.job.local import start
from core.studies.making import Made, MakingStudy


def launch(study: MakingStudy) -> Job:
    """Start the job of a study.

    Raises:
        LabError: if what is known before the work does not allow it, or it cannot be started.
    """
    study.check()
    job = Job.of(study)
    start(job)
    return job


def exported_file(made: Made) -> Path | None:
    """Return an exported file that is still there."""
    path = Path(made.file)
    return path if made.file and path.is_file() else None
