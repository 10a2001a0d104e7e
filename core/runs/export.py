"""Taking a run's model out of the lab."""

import shutil
import tempfile
from pathlib import Path

from core.errors import LabError
from core.runs.directory import Run
from core.runs.storage import disk_errors_told


def export_checkpoint(run: Run, path: Path) -> None:
    """Copy a run's best checkpoint, which stock `CHGNet.from_file` loads.

    Args:
        run: a run that has at least one validated epoch.
        path: the new file; it appears whole or not at all, and replaces no other.

    Raises:
        LabError: if there is no checkpoint yet, the file exists, or it cannot be written.
    """
    status = run.status()
    if not run.best_checkpoint.is_file():
        raise LabError(
            f"{run.id}: is {status.state} and has no validated epoch to export; let it train first."
        )
    if path.exists():
        raise LabError(f"{path}: exists already; name a new file.")
    with disk_errors_told(path), tempfile.TemporaryDirectory(dir=path.absolute().parent) as draft:
        copy = Path(shutil.copyfile(run.best_checkpoint, Path(draft) / path.name))
        copy.replace(path)
