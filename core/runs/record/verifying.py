"""Reading every file of a run, to see whether it is as it was written."""

from pathlib import Path

import orjson

from core.errors import LabError
from core.runs.record.directory import Run
from core.sealed import check_seal, is_whole

_ARCHIVES = (".pt", ".tar", ".npz")
_REMEDY = "resume or repeat the run"


def verify(run: Run) -> tuple[list[Path], list[str]]:
    """Compare checkpoints and errors of frames with their digests, and read all records.

    Args:
        run: the run.

    Returns:
        The files, and what is damaged as sentences.
    """
    files, damaged = [], []
    for path in sorted(run.path.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        files.append(path)
        try:
            if path.suffix in _ARCHIVES:
                _check_archive(path)
            elif path.suffix in {".json", ".jsonl"}:
                _check_json(path)
        except LabError as error:
            damaged.append(str(error))
    return files, damaged


def _check_archive(path: Path) -> None:
    check_seal(path, _REMEDY)
    # Those of older versions have no other checksums than the archive's own.
    if not is_whole(path):
        raise LabError(f"{path} is damaged; {_REMEDY}.")


def _check_json(path: Path) -> None:
    lines = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
    # Of events, the last line may have been cut by a power failure; it is then written again.
    for number, line in enumerate(lines, 1):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict) and not (path.suffix == ".jsonl" and number == len(lines)):
            raise LabError(f"{path} is damaged in line {number}; other lines are still read.")
