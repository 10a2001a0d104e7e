"""Everything that reads files of strangers, or files that a disk may have damaged.

A reader is a function of a path and examples of what it reads. `attempt` is called in a process
that another one watches, as the lab calls them.
"""

import contextlib
import json
import re
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.boxed import reading
from core.errors import LabError
from core.files import disk_error_message
from core.home import datasets_dir, home
from core.sealed import UNREADABLE
from tests.fuzz.examples import (
    DATA,
    Examples,
    archive_examples,
    atomref_examples,
    folder_examples,
    model_examples,
    of,
    parquets,
    point_examples,
    result_examples,
    structure_examples,
    tables,
    workbooks,
    zip_of,
)

FUNCTIONAL = "r2SCAN"


@dataclass(frozen=True)
class Reader:
    """What reads files.

    Attributes:
        read: reads a path.
        examples: returns what it reads well.
    """

    read: Callable[[Path], object]
    examples: Callable[[], Examples]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        kind: "read", "told" (one clear sentence), "vague" (a sentence that only repeats what a
            library said), or "crash".
        text: the sentence.
        place: where the exception came from, for findings to be told apart.
        seconds: processor time.
    """

    kind: str
    text: str = ""
    place: str = ""
    seconds: float = 0.0


_VAGUE = re.compile(r"cannot be read \(\w*(Error|Exception|Invalid|Interrupt|Warning)\b")


def attempt(name: str, path: str) -> Outcome:
    """Read a file with a reader, and return how it ended."""
    begin = time.process_time()
    return replace(_attempt(name, path), seconds=time.process_time() - begin)


def _attempt(name: str, path: str) -> Outcome:
    try:
        READERS[name].read(Path(path))
    except LabError as error:
        text = str(error)
        vague = "\n" in text or _VAGUE.search(text) or not text.rstrip().endswith((".", "?"))
        return Outcome("vague" if vague else "told", text, _place(error.__cause__ or error))
    except OSError as error:
        return Outcome("told", disk_error_message(error))
    except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
        return Outcome("crash", f"{type(error).__name__}: {error}", _place(error))
    return Outcome("read")


def _place(error: BaseException) -> str:
    steps = traceback.extract_tb(error.__traceback__)
    own = [step for step in steps if "/core/" in step.filename] or list(steps)
    last = own[-1] if own else None
    return f"{type(error).__name__} in {last.name}" if last else type(error).__name__


def _import(path: Path) -> None:
    """Preview, plan and import a file as each kind that it may become."""
    from core.frames.sources.importing import (  # noqa: PLC0415
        import_dataset,
        open_input,
        plan_import,
    )

    found = open_input(path)
    kind = found.kind
    mapping = found.mapping(kind)
    found.units(mapping)
    found.functionals(mapping)
    settings: dict[str, Any] = {} if kind == "pairs" else {"functional": FUNCTIONAL}
    if "structure" in mapping or (found.table and "structure" in found.table.columns):
        kind, settings = "frames", {"functional": FUNCTIONAL, "mapping": {"structure": "structure"}}
    try:
        plan_import(path, kind, **settings)
        import_dataset(path, kind, name="fuzz", **settings)
    finally:
        shutil.rmtree(datasets_dir() / "fuzz", ignore_errors=True)


def _folder(path: Path) -> None:
    """Import a folder that a zip holds."""
    import zipfile  # noqa: PLC0415

    folder = path.with_suffix(".d")
    try:
        # What zipfile raises is the fuzzer's own; no reader unpacks folders.
        with contextlib.suppress(*UNREADABLE, IndexError), zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        _import(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _structures(path: Path) -> None:
    from core.frames.sources.structure_files import read_structures  # noqa: PLC0415

    read_structures([path])


def _model(path: Path) -> None:
    from core.runs.record.named_models import functional_of_checkpoint  # noqa: PLC0415

    functional_of_checkpoint(str(path))


def _atomref(path: Path) -> None:
    from core.reference.fits.library import energies_of, read_atomref  # noqa: PLC0415

    with reading(path):
        atomref = read_atomref(path.read_bytes(), name=path.name, functional=FUNCTIONAL)
        energies_of(atomref)
        if json.loads(atomref.to_json())["n"] < 0:
            raise ValueError("a number of materials is below 0")


def _elements(path: Path) -> None:
    from core.reference.fits.element_table import (  # noqa: PLC0415
        element_energies,
        read_element_table,
    )

    with reading(path):
        element_energies(read_element_table(path), FUNCTIONAL, name=path.name)


def _points(path: Path) -> None:
    from core.scaling.points import read_points  # noqa: PLC0415

    with reading(path):
        read_points(path)


def _lab(path: Path) -> None:
    """Ask for everything in a lab, of which a zip holds some files."""
    import os  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    from core.frames.registry import list_datasets, open_dataset  # noqa: PLC0415
    from core.reference.fits.library import saved_atomrefs  # noqa: PLC0415
    from core.runs.groups.experiment import Experiment  # noqa: PLC0415
    from core.runs.groups.sweep import Sweep  # noqa: PLC0415
    from core.runs.record.listing import list_runs  # noqa: PLC0415
    from core.runs.results.comparison import errors_table, overview  # noqa: PLC0415

    lab = path.with_suffix(".lab")
    before = str(home())
    try:
        # What zipfile raises is the fuzzer's own; no reader unpacks folders.
        with contextlib.suppress(*UNREADABLE, IndexError), zipfile.ZipFile(path) as archive:
            archive.extractall(lab)
        os.environ["ATOMREF_LAB_HOME"] = str(lab)
        runs = list_runs()
        overview(runs)
        for run in runs:
            errors_table(run)
        Experiment.load_all()
        Sweep.load_all()
        saved_atomrefs()
        told = []
        for info in list_datasets():
            if not info.embedded:
                try:
                    open_dataset(info.card.name).fractions()
                except LabError as error:
                    told.append(error)
        if told:
            raise told[0]
    finally:
        os.environ["ATOMREF_LAB_HOME"] = before
        shutil.rmtree(lab, ignore_errors=True)


def _result(path: Path) -> None:
    from core.studies.imports import ImportResult  # noqa: PLC0415
    from core.studies.results import load_result  # noqa: PLC0415

    load_result(path, ImportResult)


READERS: dict[str, Reader] = {
    "table": Reader(_import, tables),
    "parquet": Reader(_import, parquets),
    "excel": Reader(_import, workbooks),
    "extended-xyz": Reader(_import, of("extxyz/*", "mptrj/*.extxyz*")),
    "json": Reader(
        _import,
        of("mptrj/*.json*", "matpes/*", "mp_r2scan/*.json", "pymatgen/*", "databases/*.json*"),
    ),
    "vasp": Reader(_import, of("vasp/*.xml*", "vasp/*OUTCAR*", "mp_r2scan/relax/*")),
    "ase": Reader(_import, of("ase/*", "codes/*")),
    "training-sets": Reader(_import, of("mlff/*.hdf5", "mlff/*.gz", "mlff/*.data")),
    "npz": Reader(_import, archive_examples),
    "folder": Reader(_folder, folder_examples),
    "structures": Reader(_structures, structure_examples),
    "checkpoint": Reader(_model, model_examples),
    "atomref": Reader(_atomref, atomref_examples),
    "elements": Reader(_elements, atomref_examples),
    "points": Reader(_points, point_examples),
    "result": Reader(_result, result_examples),
    "lab": Reader(_lab, lambda: {"lab.zip": zip_of(DATA / "home-0.1.0")}),
}
"""Name to reader."""
