"""The jobs that download open data sets."""

from core.frames.catalogue.downloads import delete, downloaded
from core.frames.catalogue.entries import Entry
from core.studies.download import DownloadStudy
from core.studies.job.directory import Job


def download_job(entry: Entry) -> Job:
    """Return the job that downloads a data set.

    What it computes are files, so it counts as done only while they are there.
    """
    job = Job.of(DownloadStudy(entry=entry.key))
    if job.is_done and not downloaded(entry).is_complete:
        _forget(job)
    return job


def delete_download(entry: Entry) -> None:
    """Delete what has been downloaded of a data set, also unfinished.

    Raises:
        LabError: if there is nothing, it is being downloaded, or it cannot be deleted.
    """
    delete(entry)
    _forget(Job.of(DownloadStudy(entry=entry.key)))


def _forget(job: Job) -> None:
    for name in ("result.npz", "status.json"):
        (job.path / name).unlink(missing_ok=True)
