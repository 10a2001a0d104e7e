"""The jobs that import files."""

import shutil

from core.errors import LabError
from core.home import cache_dir
from core.studies.catalog import study_of
from core.studies.imports import ImportStudy
from core.studies.job.directory import Job, Question


def import_jobs() -> list[Job]:
    """Return the jobs of imports that nobody has dismissed, the latest first."""
    jobs = []
    for path in (cache_dir() / "studies").glob(f"{ImportStudy.kind}-*/study.json"):
        try:
            question = Question.read(path.parent)
            study = study_of(question.kind, question.settings)
        except LabError:
            continue  # of another version
        job = Job(study, path.parent)
        # What is imported at once has no process and no panel.
        if job.status().state != "new":
            jobs.append(job)
    return sorted(jobs, key=_requested, reverse=True)


def dismiss(job: Job) -> None:
    """Forget an import that has ended, with the files that were uploaded for it."""
    if job.status().state == "running":
        return
    if isinstance(job.study, ImportStudy):
        job.study.clean_up()
    forget(job)


def forget(job: Job) -> None:
    """Forget an import, but keep the files that were uploaded for it."""
    shutil.rmtree(job.path, ignore_errors=True)


def _requested(job: Job) -> float:
    return job.study.requested if isinstance(job.study, ImportStudy) else 0.0
