"""Export of a data set, or of some of its rows, in a form that the file's name says."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import LabError
from core.files import disk_errors, whole_path
from core.frames.export.ase_db import write_ase_db
from core.frames.export.extxyz import write_extxyz
from core.frames.export.mptrj import write_mptrj
from core.frames.export.pair_tables import write_pairs_csv, write_pairs_parquet
from core.frames.export.parquet import write_parquet
from core.frames.pairs import PairSet
from core.frames.schema import Card, Frame
from core.frames.store import FrameSet
from core.progress import Progress, report, silent

_EVERY = 256


@dataclass(kw_only=True, frozen=True)
class Form:
    """A form of file.

    Attributes:
        suffix: end of the file's name.
        title: its name for people.
        also: other ends of names that mean the same.
        write: writes frames to a new file; None where they have no such form.
        write_pairs: writes rows of pairs to a new file; None where they have no such form.
        by_material: whether the frames of a material must follow each other.
    """

    suffix: str
    title: str
    also: tuple[str, ...] = ()
    write: Callable[[Path, Card, Iterable[Frame]], None] | None = None
    write_pairs: Callable[[Path, PairSet, np.ndarray, Progress], None] | None = None
    by_material: bool = False


FRAME_FORMS: tuple[Form, ...] = (
    Form(suffix=".extxyz", title="Extended XYZ", also=(".xyz",), write=write_extxyz),
    Form(suffix=".parquet", title="Parquet", write=write_parquet),
    Form(suffix=".json", title="JSON of MPtrj and CHGNet", write=write_mptrj, by_material=True),
    Form(suffix=".db", title="ASE database", write=write_ase_db),
)
"""Forms of data sets of frames."""

PAIR_FORMS: tuple[Form, ...] = (
    Form(suffix=".csv", title="CSV", write_pairs=write_pairs_csv),
    Form(suffix=".parquet", title="Parquet", write_pairs=write_pairs_parquet),
)
"""Forms of data sets of pairs."""


def export_dataset(
    data: FrameSet | PairSet,
    path: Path,
    rows: np.ndarray | None = None,
    *,
    progress: Progress = silent,
) -> int:
    """Write rows of a data set to a new file, which appears whole or not at all.

    Args:
        data: frames or pairs.
        path: a new file; the end of its name says the form.
        rows: rows in the order in which they are written, (n,); None for all. MPtrj's form keeps
            the frames of a material together.
        progress: receives the share that is done.

    Returns:
        Number of rows written.

    Raises:
        LabError: if the form is not known, the file exists, or the disk is full.
    """
    form = form_of(data.card, path)
    if path.exists():
        raise LabError(f"{path}: exists already; name a new file.")
    chosen = np.arange(len(data)) if rows is None else np.asarray(rows)
    if not len(chosen):
        raise LabError(f"{data.card.name}: no row was chosen; choose at least one.")
    with disk_errors(path), whole_path(path) as partial:
        if isinstance(data, PairSet):
            if form.write_pairs is not None:
                form.write_pairs(partial, data, chosen, progress)
        elif form.write is not None:
            if form.by_material:
                materials = pd.factorize(data.material_ids()[chosen])[0]
                chosen = chosen[np.argsort(materials, kind="stable")]
            form.write(partial, data.card, _frames(data, chosen, progress))
    return len(chosen)


def form_of(card: Card, path: Path) -> Form:
    """Return the form that a file's name says.

    Raises:
        LabError: if a data set of this kind has no such form.
    """
    forms = FRAME_FORMS if card.kind == "frames" else PAIR_FORMS
    for form in forms:
        if path.name.lower().endswith((form.suffix, *form.also)):
            return form
    known = ", ".join(f"{form.suffix} ({form.title})" for form in forms)
    raise LabError(f"{path.name}: the form of {card.kind} follows from the name's end: {known}.")


def _frames(data: FrameSet, rows: np.ndarray, progress: Progress) -> Iterator[Frame]:
    for done, row in enumerate(rows.tolist()):
        if done % _EVERY == 0:
            report(progress, done, len(rows), "Frames written")
        yield data.frame(row)
