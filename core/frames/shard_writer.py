"""The writer of a directory's shards, which can go on where another process was ended."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.errors import LabError
from core.frames.checksums import Checksums, open_checked
from core.frames.layout import SCHEMA, to_batch
from core.frames.schema import Frame, problems_of
from core.frames.shards import shard_paths

BATCH_ROWS = 4096
SHARD_ROWS = 16 * BATCH_ROWS

_MAGIC = 8
"""Bytes of an Arrow file before what is a stream as well, which has no end where it was cut off."""


class ShardWriter:
    """Writer of frames into shards, which keeps one record batch in memory and hashes its output.

    Attributes:
        digest: SHA-256 of everything written so far.
        checksums: those of the shards written so far.
        n_written: number of frames that are in the shards.
        first_refused: the first frame that was refused, and why; empty without one.
    """

    def __init__(
        self,
        directory: Path,
        *,
        stem: str,
        shard_rows: int = SHARD_ROWS,
        refuse: Callable[[Frame, str], None] | None = None,
    ) -> None:
        self.n_written = 0
        self.first_refused = ""
        self._refuse = refuse
        self._directory = directory
        self._stem = stem
        self._shard_rows = shard_rows
        self._batch_rows = min(BATCH_ROWS, shard_rows)
        self._waiting: list[Frame | pa.RecordBatch] = []
        self._n_waiting = 0
        self._frame_ids: set[str] = set()
        self._material_ids: set[str] = set()
        self.digest = hashlib.sha256()
        self.checksums = Checksums()
        self._rows_in_shard = 0
        self._n_shards = 0
        self._sink: pa.OSFile | None = None
        self._ipc: pa.ipc.RecordBatchFileWriter | None = None

    @property
    def n(self) -> int:
        """Number of frames added so far, without those that were refused."""
        return self.n_written + self._n_waiting

    @property
    def n_materials(self) -> int:
        """Number of distinct material ids so far."""
        return len(self._material_ids)

    def add(self, frame: Frame) -> None:
        """Add a frame; with the next ones it is checked, or handed to `refuse` with the reason.

        Raises:
            LabError: if a frame is invalid and nobody takes it, or its id is not unique.
        """
        self._wait(frame, 1)

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Add many frames at once, which are known to be valid.

        Args:
            batch: rows of the layout `SCHEMA`.

        Raises:
            LabError: if an id is not unique.
        """
        while batch.num_rows:
            rows = batch.slice(0, self._batch_rows - self._n_waiting)
            self._wait(rows, rows.num_rows)
            batch = batch.slice(rows.num_rows)

    def finish(self) -> str:
        """Write the remaining frames and return the SHA-256 of all shards in order."""
        self._check()
        self._flush()
        self._close_shard()
        return self.digest.hexdigest()

    def abandon(self) -> None:
        """Close the open shard after an error."""
        if self._sink is not None:
            self._sink.close()

    def written(self) -> dict[str, Any]:
        """Return what is in the shards, and the checked rows that are not, for `go_on`."""
        self._check()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SCHEMA) as stream:
            for batch in self._waiting:
                stream.write_batch(batch)
        return {
            "n_closed": self._n_shards - (self._ipc is not None),
            "rows_in_shard": self._rows_in_shard,
            "sums": self.checksums.of,
            "waiting": sink.getvalue().to_pybytes(),
        }

    def go_on(self, written: Mapping[str, Any]) -> None:
        """Go on where another writer of this directory was when it returned `written`.

        Raises:
            LabError: if its shards are damaged.
        """
        paths = shard_paths(self._directory, self._stem)
        closed, rest = paths[: written["n_closed"]], paths[written["n_closed"] :]
        for path in closed:
            self.checksums.add(path, self.digest)
            if self.checksums.of[path.name] != written["sums"].get(path.name):
                raise LabError(f"{path} is damaged.")
            for batch in open_checked(path, SCHEMA):
                self._take(batch.whole())
        self._n_shards = written["n_closed"]
        n = self.n_written + written["rows_in_shard"]
        before = [path.rename(path.with_suffix(".before")) for path in rest]
        if len(closed) < self._n_shards or (written["rows_in_shard"] and not before):
            raise LabError(f"{self._directory} lacks a file.")
        for batch in _unfinished(before[0]) if before else ():
            if self.n_written < n:
                self._take(batch)
                self._write(batch)
        if self.n_written != n:
            raise LabError(f"{self._directory} is damaged.")
        for path in before:
            path.unlink()
        for batch in pa.ipc.open_stream(written["waiting"]):
            self.add_batch(batch)

    def _wait(self, rows: Frame | pa.RecordBatch, n: int) -> None:
        self._waiting.append(rows)
        self._n_waiting += n
        if self._n_waiting >= self._batch_rows:
            self._check()
        # Invalid frames take no rows, so that record batches have the same rows wherever one began.
        if self._n_waiting >= self._batch_rows:
            self._flush()

    def _check(self) -> None:
        """Check the frames that wait to be written, and refuse those that cannot be stored."""
        waiting: list[pa.RecordBatch] = []
        for is_batch, run in groupby(self._waiting, lambda rows: isinstance(rows, pa.RecordBatch)):
            rows = list(run)
            waiting += rows if is_batch else self._sound(rows)
        self._waiting = list(waiting)
        self._n_waiting = sum(batch.num_rows for batch in waiting)

    def _flush(self) -> None:
        waiting, self._waiting, self._n_waiting = self._waiting, [], 0
        if not waiting:
            return
        # A copy, in which nothing of other rows stands behind a slice.
        batch = pa.concat_batches(waiting)
        self._take(batch)
        self._write(batch)

    def _take(self, batch: pa.RecordBatch) -> None:
        """Count rows and their ids."""
        for frame_id in batch.column("frame_id").to_pylist():
            if frame_id in self._frame_ids:
                raise LabError(f"Frame id {frame_id} is not unique; give every frame its own id.")
            self._frame_ids.add(frame_id)
        self._material_ids.update(batch.column("material_id").to_pylist())
        self.n_written += batch.num_rows

    def _sound(self, frames: list[Frame]) -> list[pa.RecordBatch]:
        """Return the frames that can be stored as a record batch, if any, and refuse the others."""
        problems = problems_of(frames)
        for place, problem in problems.items():
            frame = frames[place]
            if self._refuse is None:
                raise LabError(f"Frame {frame.frame_id} {problem}; correct it or leave it out.")
            self.first_refused = self.first_refused or f"frame {frame.frame_id} {problem}"
            self._refuse(frame, problem)
        sound = [frame for place, frame in enumerate(frames) if place not in problems]
        return [to_batch(sound)] if sound else []

    def _write(self, batch: pa.RecordBatch) -> None:
        if self._ipc is None:
            self._path = self._directory / f"{self._stem}-{self._n_shards:05d}.arrow"
            self._sink = pa.OSFile(str(self._path), "wb")
            self._ipc = pa.ipc.new_file(self._sink, SCHEMA)
            self._n_shards += 1
        self._ipc.write_batch(batch)
        self._rows_in_shard += batch.num_rows
        if self._rows_in_shard >= self._shard_rows:
            self._close_shard()

    def _close_shard(self) -> None:
        if self._ipc is not None and self._sink is not None:
            self._ipc.close()
            self._sink.close()
            self.checksums.add(self._path, self.digest)
            self._ipc = self._sink = None
            self._rows_in_shard = 0


def _unfinished(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of an Arrow file that was not closed, as far as they are whole."""
    with pa.OSFile(str(path)) as file:
        file.seek(_MAGIC)
        try:
            yield from pa.ipc.open_stream(file)
        except pa.ArrowException:
            return
