"""What can be made of a data set: a file, a subset, pairs, corrected energies."""

import shlex
from collections.abc import Callable
from typing import get_args

import streamlit as st
from streamlit.elements.lib.mutable_popover_container import PopoverContainer

from core.acquisition.subsets import RULES as SUBSET_RULES
from core.frames.contents.filters import Part
from core.frames.contents.selected import Selected
from core.frames.export.forms import FRAME_FORMS, PAIR_FORMS
from core.reference.formation.corrected_frames import takes_corrections
from core.reference.shifts.joining import KEPT
from core.reference.shifts.joining import RULES as JOIN_RULES
from core.studies.job.directory import Job
from core.studies.job.listing import jobs_of
from core.studies.job.makings import exported_file, launch
from core.studies.making import (
    KINDS,
    CorrectStudy,
    ExportStudy,
    JoinStudy,
    Made,
    MakingStudy,
    SubsetStudy,
)
from pages.parts.data.jobs import show_jobs
from pages.parts.shared.datasets import available
from pages.parts.shared.page import errors_shown, plain, show_command

DOWNLOADED = 200e6
"""Bytes up to which an exported file is offered for download: it passes through memory."""


def show_making(selected: Selected) -> None:
    """Show what can be made of the selected frames, and what is being made."""
    with st.container(horizontal=True, gap="small"):
        _box("Export", ":material/download:", _export, selected)
        if selected.things == "frames":
            _box("Subset", ":material/filter_alt:", _subset, selected)
            _box("Join", ":material/join_inner:", _join, selected)
            if takes_corrections(selected.card):
                _box("Corrections", ":material/exposure:", _correct, selected)
    show_jobs(lambda: jobs_of(KINDS, selected.name), _show_made)


def _box(label: str, icon: str, show: Callable[[Selected], None], selected: Selected) -> None:
    """Show a button that opens a form, which runs only where it is open."""
    with st.popover(
        label,
        icon=icon,
        key=f"make-{label.lower()}",
        on_change="rerun",
        help="Opens a form; the data set itself stays as it is.",
    ) as box:
        if is_open(box):
            with errors_shown():
                show(selected)


def is_open(box: PopoverContainer) -> bool:
    """Return whether a reader has opened a form."""
    return bool(box.open)


def _export(selected: Selected) -> None:
    forms = FRAME_FORMS if selected.things == "frames" else PAIR_FORMS
    titles = {form.suffix: f"{form.title} ({form.suffix})" for form in forms}
    suffix = st.selectbox(
        "Form",
        list(titles),
        format_func=titles.__getitem__,
        key="export-form",
        help="The program or form of file that will read it.",
    )
    name = st.text_input(
        "File",
        f"{selected.name}{suffix}",
        key=f"export-name{suffix}",
        help="Written on this server, in the lab's folder of exports.",
    )
    _about(selected)
    study = ExportStudy(dataset=selected.name, name=name, chosen=selected.chosen)
    _launch("Export", study)
    words = ["atomref", "datasets", "export", selected.name, "--out", name]
    show_command(shlex.join([*words, *selected.chosen.arguments()]))


def _subset(selected: Selected) -> None:
    name = st.text_input(
        "Name of the new data set",
        f"{selected.name}-part",
        key="subset-name",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    parts: list[Part | None] = [None, *get_args(Part)]
    part = st.selectbox(
        "Of the split",
        parts,
        format_func=lambda one: one or "all frames",
        key="subset-part",
        help="Only frames of this part; it is divided by material.",
    )
    rule = st.selectbox(
        "Choose",
        list(SUBSET_RULES),
        format_func=SUBSET_RULES.__getitem__,
        key="subset-rule",
        help="Which frames to take: at random, one per material, or those that cover the most.",
    )
    left, right = st.columns(2)
    n = left.number_input(
        "Materials" if rule == "material" else "Frames",
        min_value=1,
        value=None,
        step=1,
        placeholder="all",
        key="subset-n",
        help="How many to take at most.",
    )
    seed = right.number_input(
        "Seed",
        min_value=0,
        value=0,
        step=1,
        key="subset-seed",
        help="The same seed chooses the same frames.",
    )
    _about(selected)
    st.caption("A subset holds row numbers; structures and labels stay where they are.")
    study = SubsetStudy(
        dataset=selected.name,
        name=name,
        chosen=selected.chosen,
        part=part,
        rule=rule,
        n=n,
        seed=seed,
    )
    _launch("Make subset", study)
    words = ["atomref", "datasets", "subset", selected.name, "--name", name]
    words += selected.chosen.arguments()
    words += ["--split", part] if part else []
    words += ["--by", rule, "--n", str(n), "--seed", str(seed)] if n else []
    show_command(shlex.join(words))


def _join(selected: Selected) -> None:
    others = [
        info.card.name
        for info in sorted(available("frames"), key=lambda one: one.embedded)
        if info.card.name != selected.name and info.card.functional != selected.card.functional
    ]
    if not others:
        st.info("Pairs need a data set of frames in another functional; import one first.")
        return
    other = st.selectbox(
        "With the target energies of",
        others,
        key="join-other",
        help="The data set of the same materials in the other functional.",
    )
    rule = st.selectbox(
        "Pair materials",
        list(JOIN_RULES),
        format_func=JOIN_RULES.__getitem__,
        key="join-rule",
        help="What two rows must have in common to count as one material.",
    )
    kept = st.selectbox(
        "Of each material",
        list(KEPT),
        format_func=KEPT.__getitem__,
        key="join-kept",
        help="Which frame stands for a material with several.",
    )
    name = st.text_input(
        "Name of the new data set",
        f"{selected.name}-{other}"[:60],
        key=f"join-name-{other}",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    st.caption(f"All materials of {plain(selected.name)} are looked at; filters do not count here.")
    study = JoinStudy(dataset=selected.name, other=other, name=name, rule=rule, kept=kept)
    _launch("Join", study)
    words = ["atomref", "datasets", "join", selected.name, other, "--name", name]
    show_command(shlex.join([*words, "--by", rule, "--keep", kept]))


def _correct(selected: Selected) -> None:
    remove = selected.card.corrections == "MP2020"
    what = "without" if remove else "with"
    name = st.text_input(
        "Name of the new data set",
        f"{selected.name}-{'uncorrected' if remove else 'corrected'}",
        key="correct-name",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    st.caption(f"All frames, {what} the MP2020 corrections of GGA and GGA+U energies.")
    study = CorrectStudy(dataset=selected.name, name=name, remove=remove)
    _launch("Remove corrections" if remove else "Add corrections", study)
    words = ["atomref", "datasets", "correct", selected.name, "--name", name]
    show_command(shlex.join([*words, *(["--remove"] if remove else [])]))


def _about(selected: Selected) -> None:
    """Say which frames it is about."""
    text = f"{selected.counted.n:,} {selected.things} {selected.chosen.text}".strip()
    st.caption(plain(f"{text}: the filters of the page count."))


def _launch(label: str, study: MakingStudy) -> None:
    if st.button(
        label,
        type="primary",
        key=f"launch-{study.kind}",
        help="In the background; it goes on if you close this page.",
    ):
        launch(study)
        st.rerun()


def _show_made(job: Job) -> None:
    made: Made = job.result()
    file = exported_file(made)
    where = f" It is {made.file}." if file else ""
    st.success(plain(f"{made.name}: {made.description}{where}"))
    if made.left_out:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in made.left_out.items())
        st.caption(plain(f"Left out: {reasons}."))
    if file is not None and file.stat().st_size <= DOWNLOADED:
        st.download_button(
            "Download",
            data=file.read_bytes,
            file_name=file.name,
            icon=":material/download:",
            key=f"download-{job.path.name}",
            on_click="ignore",
            help="Takes the file to your own machine.",
        )
