"""Import of an uploaded file, or of files on the server."""

import re
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import streamlit as st

from core.access import require
from core.boxed import ask_with_progress
from core.errors import LabError
from core.frames.resuming import Interrupted, discard, interrupted
from core.frames.schema import DFT
from core.frames.sources.opening import FORMS, files_named
from core.frames.sources.preview import Choices, Preview, choices, plan, preview
from core.frames.sources.records import Reading, Steps
from core.frames.tables.guessing import Kind
from core.frames.tables.mapping import ImportPlan
from core.frames.uploads import keep_upload, suggest_name
from core.studies.imports import ImportStudy
from core.studies.job.directory import Job
from core.studies.job.listing import dismiss, forget, jobs_of
from core.studies.job.local import compute_for_another, start
from pages.parts.data.columns import choose_columns, choose_units
from pages.parts.data.description import describe
from pages.parts.data.jobs import show_jobs
from pages.parts.shared.job import QUICK
from pages.parts.shared.page import command, errors_shown, plain

KINDS: dict[Kind, str] = {
    "pairs": "Pairs: each material in two functionals",
    "frames": "Frames: structures with labels",
    "energies": "Energies: formulas, one functional",
}
STEPS: dict[Steps, str] = {"all": "Every step", "last": "The last step of each calculation"}
RECOGNISED = "recognised by its content"


@st.cache_resource(show_spinner="Reading the first frames …", max_entries=16)
def opened(
    paths: tuple[str, ...],
    reading: Reading,
    times: tuple[float, ...],  # noqa: ARG001  part of the cache's key
) -> Preview:
    return preview(paths, reading)


@st.cache_data(show_spinner=False, max_entries=16)
def choices_of(
    path: str,
    form: str | None,
    time: float,  # noqa: ARG001  part of the cache's key
) -> Choices:
    return choices(path, form)


def import_files() -> None:
    paths = chosen_files()
    if not paths:
        st.caption(
            "Frames in the forms of VASP, ASE, pymatgen, Materials Project, MatPES and others, or "
            "tables of energies. Units are those of the form, or read from the names of the "
            "columns, as in energy_Ha_per_cell, or chosen here. Nothing leaves this machine."
        )
        return
    key = Path(paths[0]).parent.name if len(paths) == 1 else str(hash(paths))
    reading = choose_reading(paths, key)
    found = opened(paths, reading, tuple(Path(path).stat().st_mtime for path in paths))
    kinds = [kind for kind in KINDS if kind in found.kinds]
    kind: Kind = st.segmented_control(
        "Import as",
        kinds,
        format_func=KINDS.__getitem__,
        default=found.kind,
        required=True,
        key=f"kind-{key}-{reading.form}",
        wrap=True,
        help="Pairs compare two functionals; frames are structures with labels, "
        "for training; energies are formulas with the energies of one "
        "functional.",
    )
    key = f"{kind}-{key}-{reading.form}"
    known = st.expander("Keys and units") if found.units_are_known else nullcontext()
    with known:
        mapping = choose_columns(found, kind, key)
        units, order = choose_units(found, mapping, key)
    settings = describe(found, kind, mapping, suggest_name(Path(paths[0]).name), key)
    name = settings.pop("name")
    settings |= {"mapping": mapping, "units": units}
    if order:
        settings["stress_order"] = order
    planned = _plan(paths, kind, reading, settings)
    st.caption(plain(f"A file of the form {found.title}. {planned.sentences}"))
    if st.button(
        "Import",
        type="primary",
        icon=":material/upload:",
        help="Reads the file in the background; it goes on if you close this page.",
    ):
        begin(
            ImportStudy(
                name=name,
                paths=list(paths),
                dataset_kind=kind,
                reading=reading,
                settings=settings,
            )
        )
    command(import_command(paths, name, kind, reading, settings))


def show_imports() -> None:
    """Show the imports that run or have ended."""
    show_jobs(lambda: jobs_of([ImportStudy.kind]), _show_imported)
    jobs = [job.study for job in jobs_of([ImportStudy.kind])]
    listed = {study.name for study in jobs if isinstance(study, ImportStudy)}
    for one in interrupted():
        if one.name not in listed:
            _show_interrupted(one)


def _show_interrupted(one: Interrupted) -> None:
    """Show an import of the command line that was ended."""
    with errors_shown(), st.container(border=True):
        with st.container(horizontal=True, gap="small"):
            st.error(
                plain(f"The import of {one.name} was interrupted after {one.n:,} frames."),
                icon=":material/error:",
            )
            if st.button(
                "Resume",
                icon=":material/restart_alt:",
                key=f"resume-{one.name}",
                help="Goes on behind the frames that are written.",
            ):
                start(Job.of(ImportStudy.of_interrupted(one)))
                st.rerun()
            if st.button(
                "Discard",
                icon=":material/close:",
                key=f"discard-{one.name}",
                help="Deletes the frames that were written; the file stays.",
            ):
                discard(one.name)
                st.rerun()
        command(f"atomref datasets resume {shlex.quote(one.name)}")


def _show_imported(job: Job) -> None:
    result = job.result()
    st.success(plain(f"Imported {result.name}. {result.description}"))
    for text in result.findings:
        st.warning(plain(text), icon=":material/straighten:")


def choose_reading(paths: tuple[str, ...], key: str) -> Reading:
    """Return how the files are read, as far as their form leaves a choice."""
    form = st.selectbox(
        "Form of the file",
        [None, *FORMS],
        format_func=lambda name: name or RECOGNISED,
        key=f"form-{key}",
        help="Recognised by content; another one can be chosen where that is wrong.",
    )
    allowed = choices_of(paths[0], form, Path(paths[0]).stat().st_mtime)
    steps: Steps = "all"
    unconverged = False
    elements = ""
    if allowed.has_steps:
        steps = st.segmented_control(
            "Ionic steps",
            list(STEPS),
            format_func=STEPS.__getitem__,
            default="all",
            required=True,
            key=f"steps-{key}",
            help="Which steps of each calculation become frames.",
        )
        unconverged = st.checkbox(
            "Also steps whose electronic loop did not converge",
            key=f"unconverged-{key}",
            help="Their energies and forces are wrong by an unknown amount.",
        )
    if allowed.has_types:
        elements = st.text_input(
            "Elements in the order of the types, where the file has numbers of types",
            key=f"elements-{key}",
            placeholder="Li, O",
            help="Symbols in the order of the numbers, such as Li,O.",
        )
    return Reading(
        form=form,
        steps=steps,
        with_unconverged=unconverged,
        elements=tuple(re.findall(r"\w+", elements)),
    )


def chosen_files() -> tuple[str, ...]:
    """Return the paths of the files that were uploaded or named."""
    number = st.session_state.get("uploads", 0)
    upload = st.file_uploader(
        "A file with frames or a table of energies, up to 2 GB",
        key=f"upload-{number}",
        help="Larger files: copy them to the machine of the dashboard and give their path below.",
    )
    if upload is not None:
        return (str(keep_upload(upload.name, upload)),)
    named = st.text_input(
        "Or the path of a file or folder on the machine of the dashboard",
        key=f"path-{number}",
        placeholder="/data/MPtrj.json, /data/relaxations or /data/*.extxyz",
        help="* and ** stand for any names, and several files of one form become one data set.",
    ).strip()
    if not named:
        return ()
    return tuple(map(str, files_named(named)))


def begin(study: ImportStudy) -> None:
    """Import at once where that is quick, else as a job that outlives the page."""
    require("launch", f"import {study.name}")
    job = Job.of(study)
    if study.seconds() <= QUICK:
        bar = st.progress(0.0, "Importing …")
        try:
            # Not in this process, which everybody shares.
            result = ask_with_progress(
                lambda share, what: bar.progress(min(share, 1.0), f"{what} …"),
                compute_for_another,
                study,
            )
        except LabError:
            forget(job)
            raise
        dismiss(job)
        st.session_state["data note"] = f"Imported {result.name}. {result.description}"
        st.session_state["data findings"] = result.findings
    else:
        start(job)
    # A new key empties the controls.
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
    st.rerun()


@st.cache_data(show_spinner=False, max_entries=16)
def _plan(
    paths: tuple[str, ...], kind: Kind, reading: Reading, settings: dict[str, Any]
) -> ImportPlan:
    names = ("functional", "mapping", "units")
    chosen = {name: settings[name] for name in names if name in settings}
    return plan(paths, kind, reading, **chosen)


def import_command(
    paths: tuple[str, ...], name: str, kind: Kind, reading: Reading, settings: dict[str, Any]
) -> str:
    """Return the command that imports the same."""
    words = ["atomref", "import", *paths, "--name", name]
    words += ["--format", reading.form or kind]
    if kind == "pairs":
        for column, functional in settings["functionals"].items():
            words += ["--functional", f"{column}={functional}"]
        for column, corrections in settings["corrections"].items():
            words += ["--corrections", f"{column}={corrections}"]
    else:
        words += ["--functional", settings["functional"]]
        words += ["--corrections", settings["corrections"]]
    for field, column in settings["mapping"].items():
        words += ["--map", f"{field}={column}"]
    for field, unit in settings["units"].items():
        words += ["--unit", f"{field}={unit}"]
    if order := settings.get("stress_order"):
        words += ["--stress-order", order]
    if reading.steps != "all":
        words += ["--steps", reading.steps]
    if reading.with_unconverged:
        words.append("--with-unconverged")
    if reading.elements:
        words += ["--elements", ",".join(reading.elements)]
    if settings["labels"] != DFT:
        words += ["--labels", settings["labels"]]
    if settings["licence"]:
        words += ["--licence", settings["licence"]]
    return shlex.join(words)
