"""Files uploaded by the browser, stored until they are imported."""

import hashlib
import re
import shutil
from io import SEEK_END, BytesIO
from pathlib import Path

from core import access
from core.files import whole_file
from core.home import cache_dir

_CHUNK = 1 << 20


def keep_upload(name: str, content: BytesIO) -> Path:
    """Store an uploaded file under its own name and return its path.

    The same content gives the same path, so that a page may call this on every rerun.

    Args:
        name: name of the file, as given by the browser; any directory in it is dropped.
        content: contents of the file.

    Raises:
        LabError: if who uploads it may not, or has uploaded too much.
    """
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    path = cache_dir() / "uploads" / digest[:16] / (Path(name).name or "upload")
    if not path.exists():
        access.check_upload(content.seek(0, SEEK_END))
        content.seek(0)
        with whole_file(path) as file:
            shutil.copyfileobj(content, file, _CHUNK)
    return path


def is_upload(path: Path) -> bool:
    """Return whether a file was stored by `keep_upload`."""
    return path.parent.parent == cache_dir() / "uploads"


def drop_upload(path: Path) -> None:
    """Delete a stored upload if it exists."""
    shutil.rmtree(path.parent, ignore_errors=True)


def suggest_name(file_name: str) -> str:
    """Derive a data set's name from a file's: lower case, without suffixes or other characters."""
    stem = Path(file_name).name.lower().removesuffix(".gz").rsplit(".", 1)[0]
    return re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._") or "upload"
