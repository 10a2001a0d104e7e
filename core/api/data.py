"""Data sets: list, open, import, check."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from core.checks.diagnosis import Diagnosis
from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.frames.registry import catalog, list_datasets, open_dataset
from core.frames.sources.importing import Paths, import_dataset, open_input
from core.frames.store import FrameSet
from core.frames.tables.guessing import Kind
from core.progress import Progress, silent
from core.studies.check import CheckStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here


def datasets() -> pd.DataFrame:
    """List the data sets of the lab: the embedded ones, then your own.

    Returns:
        One row per data set: `name`, `title`, `kind` (frames, pairs or energies), `functional`, `n`
        rows, `n_materials`, `labels` ("DFT" or "model") and `embedded`.

    Examples:
        >>> import core
        >>> core.datasets().set_index("name")["n"]["mp-frames-r2scan"].item()
        2399
    """
    return catalog(list_datasets())


def open_data(name: str) -> FrameSet | PairSet:
    """Open a data set.

    Args:
        name: its name.

    Returns:
        Frames (`FrameSet`) or pairs of energies (`PairSet`). Both have a length, a `card` that says
        what the data are, `table()` with one row per frame or material, `fractions()` (n, 94), and
        `frames(rows)` with the structures of some rows. A `FrameSet` also has `energies()`
        (n,) eV/atom and `split()` with the rows for training, validation and test.

    Raises:
        LabError: if there is no such data set, or one of its files is damaged.

    Examples:
        >>> import core
        >>> data = core.open_data("mp-frames-r2scan")
        >>> data.card.functional, data.card.labels
        ('r2SCAN', 'chgnet-r2scan')
        >>> len(data.split().train), len(data.split().validation), len(data.split().test)
        (1919, 240, 240)
    """
    return open_dataset(name)


def import_data(
    path: Paths,
    *,
    name: str,
    kind: Kind | None = None,
    functional: str | Mapping[str, str] | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> FrameSet | PairSet:
    """Import a file or folder as a data set, in any form that `atomref import` takes.

    Args:
        path: a file or folder, or several of one form.
        name: name of the new data set.
        kind: what a table becomes: "pairs", "frames" or "energies"; None guesses it.
        functional: of frames and energies, their functional; of pairs, column to functional. None
            takes what the file says.
        mapping: field to column or key, where the guess is wrong.
        units: field to unit, where the file does not say it, such as `{"energy": "eV/cell"}`.
        progress: called with the share that is done and what is being done.

    Returns:
        The data set, as `open_data` returns it. Its `card.description` says what was taken and
        assumed, its `card.report` which rows were left out, and why.

    Raises:
        LabError: if nothing can be imported, or the name is taken; nothing is stored then.

    Examples:
        >>> import core, pathlib
        >>> rows = ["formula,energy_per_atom", "LiF,-5.2", "NaCl,-3.9", "MgO,-6.4"]
        >>> _ = pathlib.Path("energies.csv").write_text(chr(10).join(rows))
        >>> data = core.import_data("energies.csv", name="few", functional="r2SCAN")
        >>> data.card.n
        3
    """
    fields = dict(mapping or {})
    found = open_input(path)
    by_column = isinstance(functional, Mapping)
    chosen = kind or found.implied_kind(
        fields, names_one=isinstance(functional, str), names_columns=by_column
    )
    settings: dict[str, Any] = {"mapping": fields, "units": dict(units or {})}
    if chosen == "pairs":
        settings["functionals"] = dict(functional) if isinstance(functional, Mapping) else {}
    else:
        settings["functional"] = (
            functional if isinstance(functional, str) else found.functional(fields, chosen)
        )
    import_dataset(path, chosen, name=name, progress=progress, **settings)
    return open_dataset(name)


def check(
    dataset: str, *, model: str | Path = "chgnet-0.3.0", progress: Progress = silent
) -> list[Finding]:
    """Look for what would ruin a fine-tuning on a data set of frames.

    Args:
        dataset: its name.
        model: the pretrained model: a released one, a run, or a checkpoint file.
        progress: called with the share that is done and what is being done.

    Returns:
        What was found, the most severe first. Each finding has a `kind`, a `severity` ("error",
        "warning" or "info"), a `text` with what to do, and where known its `cost` in meV/atom.

    Raises:
        LabError: if there is no such data set of frames, or no such model.
    """
    study = CheckStudy(dataset=dataset, model=str(model))
    diagnosis: Diagnosis = compute_here(Job.of(study), progress)
    return diagnosis.findings()
