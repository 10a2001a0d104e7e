"""The jobs that make files and data sets of a data set."""

import shutil
from pathlib import Path

from core.errors import LabError
from core.home import cache_dir
from core.studies.catalog import study_of
from core.studies.job.directory import Job, Question
from core.studies.job.local import start
from core.studies.making import KINDS, Made, MakingStudy


def launch(study: MakingStudy) -> Job:
    """Start the job of a study.

    Raises:
        LabError: if what is known before the work does not allow it, or it cannot be started.
    """
    study.check()
    job = Job.of(study)
    start(job)
    return job


def making_jobs(dataset: str) -> list[Job]:
    """Return the jobs on a data set that nobody has dismissed, the latest first."""
    jobs = []
    for kind in KINDS:
        for path in (cache_dir() / "studies").glob(f"{kind}-*/study.json"):
            try:
                question = Question.read(path.parent)
                study = study_of(question.kind, question.settings)
            except LabError:
                continue  # of another version
            if dataset in study.datasets:
                jobs.append(Job(study, path.parent))
    return sorted(jobs, key=_requested, reverse=True)


def dismiss(job: Job) -> None:
    """Forget a job that has ended; what it made stays."""
    if job.status().state != "running":
        shutil.rmtree(job.path, ignore_errors=True)


def exported_file(made: Made) -> Path | None:
    """Return an exported file that is still there."""
    path = Path(made.file)
    return path if made.file and path.is_file() else None


def _requested(job: Job) -> float:
    return job.study.requested if isinstance(job.study, MakingStudy) else 0.0
