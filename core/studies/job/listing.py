"""Jobs that make something and stay listed until they are dismissed."""

import shutil
from collections.abc import Iterable

from core import access
from core.errors import LabError
from core.home import cache_dir
from core.studies.catalog import study_of
from core.studies.job.directory import Job, Question
from core.studies.study import OneTimeStudy


def jobs_of(kinds: Iterable[str], dataset: str | None = None) -> list[Job]:
    """Return the jobs of some kinds that were started and not dismissed, the latest first.

    Args:
        kinds: kinds of studies that are done anew each time.
        dataset: only those that read this data set.
    """
    found: list[tuple[float, Job]] = []
    for kind in kinds:
        for path in (cache_dir() / "studies").glob(f"{kind}-*/study.json"):
            try:
                question = Question.read(path.parent)
                study = study_of(question.kind, question.settings)
            except LabError:
                continue  # of another version
            job = Job(study, path.parent)
            wanted = dataset is None or dataset in study.datasets
            # What is done at once, in the process of the page, has no process of its own.
            if wanted and isinstance(study, OneTimeStudy) and job.status().state != "new":
                found.append((study.requested, job))
    return [job for _, job in sorted(found, key=lambda one: one[0], reverse=True)]


def dismiss(job: Job) -> None:
    """Forget a job that has ended, with what was kept for it alone; what it made stays."""
    if (status := job.status()).state == "running":
        return
    access.require("launch", f"dismiss {job.path.name}", owner=status.started_by)
    if isinstance(job.study, OneTimeStudy):
        job.study.clean_up()
    forget(job)


def forget(job: Job) -> None:
    """Forget a job, but keep what it may be repeated with."""
    shutil.rmtree(job.path, ignore_errors=True)
