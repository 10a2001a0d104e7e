"""Frames in extended XYZ, and what is read of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.frames.schema import Card, Frame
from core.frames.sources.extended_xyz import ExtendedXyz
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

DATA = Path(__file__).parents[2] / "data" / "formats" / "extxyz"
CELL = 'Lattice="4.0 0.0 0.0 0.0 4.0 0.0 0.0 0.0 4.0"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"
ATOMS = "Na 0.0 0.0 0.0 0.1 0.2 0.3\nCl 2.0 2.0 2.0 -0.1 -0.2 -0.3\n"
GOOD = f"2\n{CELL} {COLUMNS} energy=-6.0\n{ATOMS}"

Write = Callable[[str | bytes], Path]


def reader(path: Path, **settings: Any) -> RecordFrames:
    source = open_source(path)
    assert isinstance(source, ExtendedXyz)
    return RecordFrames(source, **settings)


def frames(path: Path, **settings: Any) -> list[Frame]:
    return list(reader(path, **settings).frames(silent))


def frame(path: Path, **settings: Any) -> Frame:
    (only,) = frames(path, **settings)
    return only


def refused(path: Path, **settings: Any) -> tuple[int, list[str]]:
    """Return how many frames are taken, and the reasons of those that are not."""
    table = reader(path, **settings)
    n = len(list(table.frames(silent)))
    report = table.describe(Card(name="x", kind="frames", n=n)).report
    assert report is not None
    return n, [f"{one.where}: {one.why}" for one in report.refused]
