"""Relaxations that are kept, by structure, model and settings, in one SQLite file of the cache.

Results are written every second, so that a killed job goes on where it was. The file
may be deleted at any time; one that is damaged is begun anew, and where it cannot be used at all,
nothing is kept.
"""

import hashlib
import io
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.files import write_whole
from core.frames.schema import Frame
from core.home import cache_dir
from core.potential.relaxation.relaxed import Relaxed, Trajectory
from core.potential.relaxation.settings import RelaxSettings
from core.sealed import UNREADABLE_ARRAYS

_VERSION = 1
"""Of the method; results of another one are computed again."""
_FILE = "relaxations.sqlite"
_TABLE = (
    "create table if not exists relaxations (key blob primary key, result blob not null,"
    " trajectory blob) without rowid"
)
_PAUSE = 1.0
"""Seconds between two writes to the disk."""
_PATIENCE = 10.0
"""Seconds to wait for another process that writes, which takes it an instant."""
_LABELS = ("energy_per_atom", "forces", "stress")
_GEOMETRY = ("frac_coords", "lattice")
_PLAIN = ("state", "reason", "steps", "max_force", "volume_change")


class KeptRelaxations:
    """The kept relaxations of one model and settings.

    Args:
        file: the open file, None to keep nothing.
        model: SHA-256 of the model.
        settings: the settings.
    """

    def __init__(
        self, file: sqlite3.Connection | None, model: str, settings: RelaxSettings
    ) -> None:
        self._file = file
        self._prefix = f"{_VERSION} {model} {settings.model_dump_json()} ".encode()
        self._new: list[tuple[bytes, bytes, bytes | None]] = []
        self._written = time.monotonic()

    def key(self, given: Frame) -> bytes:
        """Return what names the relaxation of a structure."""
        digest = hashlib.sha256(self._prefix)
        for array, kind in (
            (given.atomic_numbers, np.int64),
            (given.frac_coords, np.float64),
            (given.lattice, np.float64),
            (given.pbc, np.uint8),
        ):
            digest.update(np.ascontiguousarray(array, dtype=kind).tobytes())
        return digest.digest()

    def get(self, key: bytes, given: Frame, *, with_trajectory: bool) -> Relaxed | None:
        """Return a kept result for a structure, None if there is none, or none with trajectory."""
        row = None
        if self._file is not None:
            with suppress(sqlite3.Error):
                column = "trajectory" if with_trajectory else "null"
                query = f"select result, {column} from relaxations where key = ?"  # noqa: S608
                row = self._file.execute(query, (key,)).fetchone()
        if row is None or (with_trajectory and row[1] is None):
            return None
        with suppress(*UNREADABLE_ARRAYS):
            return _unpacked(given, row[0], row[1])
        return None

    def put(self, key: bytes, relaxed: Relaxed) -> None:
        """Keep a result. A refusal is not kept: it costs nothing and may be for want of memory."""
        if relaxed.state != "refused":
            self._new.append((key, *_packed(relaxed)))

    def write(self, *, now: bool = False) -> None:
        """Write the new results, unless that was done within the last second.

        Args:
            now: write in any case.
        """
        if not self._new or not (now or time.monotonic() - self._written > _PAUSE):
            return
        if self._file is not None:
            with suppress(sqlite3.Error), self._file:
                self._file.executemany(
                    "insert or replace into relaxations values (?, ?, ?)", self._new
                )
        self._new.clear()
        self._written = time.monotonic()


@contextmanager
def kept_relaxations(model: str, settings: RelaxSettings) -> Iterator[KeptRelaxations]:
    """Open the kept relaxations of a model and settings; written when the block ends.

    Args:
        model: SHA-256 of the model.
        settings: the settings.
    """
    file = _opened(cache_dir() / _FILE)
    kept = KeptRelaxations(file, model, settings)
    if file is None:
        yield kept
        return
    with closing(file):
        try:
            yield kept
        finally:
            kept.write(now=True)


def kept_relaxation(given: Frame, model: str, settings: RelaxSettings) -> Relaxed | None:
    """Return what is kept of one structure's relaxation, None if nothing is.

    Args:
        given: the structure before it.
        model: SHA-256 of the model.
        settings: the settings.
    """
    with kept_relaxations(model, settings) as kept:
        return kept.get(kept.key(given), given, with_trajectory=False)


def _opened(path: Path) -> sqlite3.Connection | None:
    for _ in range(2):
        try:
            file = sqlite3.connect(path, timeout=_PATIENCE)
        except sqlite3.Error:
            return None
        try:
            file.execute(_TABLE)
        except sqlite3.OperationalError:  # the disk is full, or another process does not let go
            file.close()
            return None
        except sqlite3.DatabaseError:  # it is no such file
            file.close()
            with suppress(OSError):
                write_whole(path, b"")
        else:
            return file
    return None


def _packed(relaxed: Relaxed) -> tuple[bytes, bytes | None]:
    """Return a result and its trajectory as the bytes of .npz files."""
    values: dict[str, Any] = {name: getattr(relaxed, name) for name in _PLAIN}
    for name in (*_GEOMETRY, *_LABELS):
        value = getattr(relaxed.structure, name)
        if value is not None:
            values[name] = value
    way = relaxed.trajectory
    steps = None if way is None else {one.name: getattr(way, one.name) for one in fields(way)}
    return _npz(values), None if steps is None else _npz(steps)


def _unpacked(given: Frame, result: bytes, trajectory: bytes | None) -> Relaxed:
    values = _arrays(result)
    structure = replace(
        given,
        frac_coords=values["frac_coords"],
        lattice=values["lattice"],
        energy_per_atom=float(values["energy_per_atom"]) if "energy_per_atom" in values else None,
        forces=values.get("forces"),
        stress=values.get("stress"),
    )
    way = None if trajectory is None else Trajectory(**_arrays(trajectory))
    plain: dict[str, Any] = {name: values[name].item() for name in _PLAIN}
    return Relaxed(**plain, structure=structure, trajectory=way)


def _npz(values: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    return buffer.getvalue()


def _arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)
