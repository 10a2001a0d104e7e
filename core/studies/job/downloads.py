"""The jobs that download open data sets."""

from core import access
from core.frames.catalogue.downloads import delete, downloaded
from core.frames.catalogue.entries import Entry
from core.frames.registry import new_dataset_path
from core.studies.download import DownloadStudy
from core.studies.job.directory import Job


def download_job(entry: Entry, name: str = "") -> Job:
    """Return the job that downloads a data set.

    What it computes are files, so it counts as done only while they are there.

    Args:
        entry: the data set.
        name: name of the data set to import from it; empty to only download.

    Raises:
        LabError: if that name is invalid or taken, which is better known before the download.
    """
    if name:
        new_dataset_path(name)
    job = Job.of(DownloadStudy(entry=entry.key, name=name))
    if job.is_done and not downloaded(entry).is_complete:
        forget(job)
    return job


def delete_download(entry: Entry) -> None:
    """Delete what has been downloaded of a data set, also unfinished.

    Raises:
        LabError: if there is nothing, it is being downloaded, or it cannot be deleted.
    """
    access.require("delete", f"delete download {entry.key}")
    delete(entry)
    forget(Job.of(DownloadStudy(entry=entry.key)))


def forget(job: Job) -> None:
    """Forget how a download ended; its files stay."""
    for name in ("result.npz", "status.json"):
        (job.path / name).unlink(missing_ok=True)
