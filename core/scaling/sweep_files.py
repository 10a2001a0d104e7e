"""Sweeps by name, and finished sweeps saved without their models.

The results of a sweep of this lab are read from its run directories. Those of a finished sweep can
be saved as a folder of three files, as the embedded sweep is:

card.json    settings of the sweep, its data set, date, machine and software versions
points.csv   one row per run, stage and split
frames.npz   errors per evaluation frame
"""

import io
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import ValidationError

from core.csv_text import csv_text
from core.errors import LabError
from core.files import disk_errors, new_directory, write_whole
from core.home import CHECKOUT
from core.runs.groups.sweep import Sweep
from core.scaling.sweep_results import STAGES, FrameTotals, SweepAbout, SweepResults, results_of
from core.sealed import UNREADABLE_ARRAYS

_EMBEDDED = CHECKOUT / "data" / "sweeps"


class SweepEntry(NamedTuple):
    """A sweep as a list shows it."""

    name: str
    title: str
    embedded: bool


def list_results() -> list[SweepEntry]:
    """Return all sweeps: embedded ones, then those of the lab, newest first."""
    embedded = [
        SweepEntry(path.parent.name, _about(path.parent).title or path.parent.name, embedded=True)
        for path in sorted(_EMBEDDED.glob("*/card.json"))
    ]
    return embedded + [
        SweepEntry(sweep.id, sweep.name or sweep.id, embedded=False) for sweep in Sweep.load_all()
    ]


def open_results(name: str) -> SweepResults:
    """Return the results of a sweep.

    Args:
        name: name of an embedded sweep, or id of one of the lab.

    Raises:
        LabError: if no sweep has this name, or it cannot be read.
    """
    entries = {entry.name: entry for entry in list_results()}
    if name not in entries:
        listed = ", ".join(entries) or "none yet"
        raise LabError(f"{name}: no such sweep; choose from: {listed}.")
    if entries[name].embedded:
        return load_results(_EMBEDDED / name)
    return results_of(Sweep.load(name))


def open_sweep(name: str | None) -> tuple[str, SweepResults]:
    """Return the name and the results of a sweep that has some.

    Args:
        name: name of an embedded sweep, id of one of the lab, or a folder that `sweep export`
            wrote; None for the first in the list.

    Raises:
        LabError: if there is none, it cannot be read, or none of its runs has finished.
    """
    if name is None:
        name = next((entry.name for entry in list_results()), None)
    if name is None:
        raise LabError("There is no sweep yet; start one with `atomref sweep run`.")
    folder = Path(name)
    results = load_results(folder) if folder.is_dir() else open_results(name)
    if not results.methods:
        raise LabError(f"{name}: none of its runs has finished yet; wait, or resume the sweep.")
    return name, results


def save_results(results: SweepResults, folder: Path, *, title: str = "") -> None:
    """Write results as a folder of three files, which appears whole or not at all.

    Args:
        results: results of a finished sweep.
        folder: folder to create.
        title: title that readers see.

    Raises:
        LabError: if the sweep has not finished, or the folder exists or cannot be written.
    """
    if results.about.seconds is None:
        raise LabError(f"{results.about.sweep.id}: has not finished; resume it, or wait for it.")
    if folder.exists():
        raise LabError(f"{folder}: exists already; name a new folder.")
    about = results.about.model_copy(update={"title": title, "embedded": True})
    arrays = {
        f"{stage} {split} {field.name}": getattr(totals, field.name)
        for (stage, split), totals in results.frames.items()
        for field in fields(FrameTotals)
    }
    np.savez_compressed(archive := io.BytesIO(), **arrays)
    with disk_errors(folder), new_directory(folder) as draft:
        write_whole(draft / "card.json", f"{about.model_dump_json(indent=2)}\n".encode())
        write_whole(draft / "points.csv", csv_text(results.points).encode())
        write_whole(draft / "frames.npz", archive.getvalue())


def load_results(folder: Path) -> SweepResults:
    """Read what `save_results` wrote.

    Raises:
        LabError: if a file is missing or damaged.
    """
    try:
        with np.load(folder / "frames.npz", allow_pickle=False) as arrays:
            frames = {
                (stage, split): FrameTotals(
                    **{
                        field.name: arrays[f"{stage} {split} {field.name}"]
                        for field in fields(FrameTotals)
                    }
                )
                for stage, split in STAGES.values()
            }
        points = pd.read_csv(folder / "points.csv")
    except UNREADABLE_ARRAYS as error:
        raise LabError(f"{folder}: cannot be read as results of a sweep ({error}).") from error
    return SweepResults(about=_about(folder), points=points, frames=frames)


def _about(folder: Path) -> SweepAbout:
    path = folder / "card.json"
    try:
        return SweepAbout.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LabError(f"{path}: cannot be read as the card of a sweep ({error}).") from error
