"""Files that are never read: pickles in any dress, which would run, and binaries in compression."""

import re
import zipfile
from pathlib import Path
from typing import Final

from core.errors import LabError
from core.frames.sources.atoms.gpaw_old import is_old_restart
from core.frames.sources.atoms.lmdb_databases import first_value
from core.frames.sources.atoms.lmdb_file import is_lmdb
from core.frames.tables.compression import compression_of, head_of
from core.sealed import UNREADABLE

_PICKLE: Final = re.compile(
    rb"\x80[\x02-\x05]|[}\]]q\x00|\(?[dl]p[0-9]+\n|c[a-z_.]+\n\w+\n(?:p[0-9]|q\x00|\()"
    rb"|PickleTrajectory"  # of ASE before version 3.10
)
_BINARIES: Final = (b"- of Ulm", b"AFFormat", b"SQLite format 3", b"\x89HDF\r\n")
_DANGER: Final = "which can run any program when it is read, so it is never opened here"


def refuse_pickles(path: Path) -> None:
    """Refuse a file or folder that is, or contains, Python pickles.

    Raises:
        LabError: if it does.
    """
    for one in [path / "data.mdb", *sorted(path.glob("*.lmdb"))[:1]] if path.is_dir() else [path]:
        head = head_of(one, 64)
        if _PICKLE.match(head):
            raise LabError(
                f"{one.name} is a Python pickle, {_DANGER}; load it yourself and write the frames "
                "with ase.io.write('frames.extxyz', …), or a table with DataFrame.to_parquet."
            )
        if head.startswith(b"PK\3\4") and _holds_pickle(one):
            raise LabError(
                f"{one.name} is a file of torch.save, {_DANGER}; load it yourself and write the "
                "frames with ase.io.write('frames.extxyz', …)."
            )
        if is_lmdb(head) and (value := first_value(one)) is not None and _PICKLE.match(value):
            raise LabError(
                f"{one.name} is LMDB with a Python pickle per entry, {_DANGER}; load the data set "
                "with the tool it belongs to and write it with ase.io.write('frames.extxyz', …)."
            )


def refuse_archives(path: Path) -> None:
    """Refuse a tar archive, compressed or not, whose first file would be taken for the whole.

    Raises:
        LabError: if it is one.
    """
    if head_of(path, 262)[257:] == b"ustar" and not is_old_restart(path):
        raise LabError(f"{path.name} is an archive (tar); unpack it and name the files in it.")


def refuse_compressed_binaries(path: Path) -> None:
    """Refuse a compressed file of a form that is read from many places, not from front to back.

    Raises:
        LabError: if it is one.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        compression = compression_of(file.read(6))
    if compression and (head_of(path, 32).startswith(_BINARIES) or is_lmdb(head_of(path, 32))):
        raise LabError(f"{path.name} is compressed with {compression}; decompress it first.")


def _holds_pickle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist()[:1000])
    except UNREADABLE:
        return False
