"""Which elements make two functionals disagree, with and without MP2020 corrections (Figure 1)."""

from typing import get_args

import streamlit as st

from core.reference.formation.corrections import carries_corrections
from core.reference.formation.energies import KINDS, Named
from core.reference.importance.analysis import EXPLAINED, Explained
from core.studies.importance import ImportanceStudy
from pages.parts.importance.analysis import Analysis, Compared, choose_analysis
from pages.parts.importance.element import show_element
from pages.parts.importance.score import show_score, show_strip
from pages.parts.importance.swarm import show_swarm
from pages.parts.importance.table import show_table
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import PairChoice, choose_pairs
from pages.parts.shared.views import choose_view

VIEWS = {
    "score": ("Score", show_score),
    "table": ("Periodic table", show_table),
    "swarm": ("Swarm", show_swarm),
    "element": ("One element", show_element),
}


def main() -> None:
    head(
        "Feature importance",
        "Which elements make two functionals disagree beyond their references, and how much of "
        "that is the MP2020 corrections?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        explained, references = choose_question()
        study = ImportanceStudy(pairs=choice.selection, explained=explained, references=references)
        compared = analysed(choice, study)
        if compared is not None:
            show_strip(compared)
            labels = {name: label for name, (label, _) in VIEWS.items()}
            VIEWS[choose_view(labels, default="table")][1](compared)
        command(commands(choice, study))


def choose_question() -> tuple[Explained, Named]:
    """Let the reader choose what the elements are to explain."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    names = {
        "formation": "Formation energies",
        "total": "Total energies",
        "scaled": "Scaled energies",
    }
    explained: Explained = left.segmented_control(
        "Explain the difference of",
        get_args(Explained),
        format_func=names.__getitem__,
        default="formation",
        required=True,
        key="explained",
        bind="query-params",
        help="Target minus source. Total energies differ by the elements' own offsets before "
        "anything else; formation energies subtract each functional's pure elements, scaled "
        "energies each functional's own least-squares AtomRef, which is fitted to all materials, "
        "so that held-out ones have had a small say in what is predicted of them.",
    )
    references: Named = right.selectbox(
        "Pure elements from",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="references",
        bind="query-params",
        disabled=explained != "formation",
        help="One source for all elements, in each functional. Materials with an element that it "
        "lacks are left out, never filled in.",
    )
    return explained, references


def analysed(choice: PairChoice, study: ImportanceStudy) -> Compared | None:
    """Compute what is asked; the same without corrections where the source has them."""
    what = EXPLAINED[study.explained]
    corrected = choice.pairs.source_corrections == "MP2020"
    first = computed(study)
    if first is None:
        return None
    name = "with MP2020 corrections" if corrected else "as they are"
    analyses = [Analysis(name=name, result=first, key=study.key())]
    if carries_corrections(choice.pairs):
        without = study.model_copy(update={"uncorrected": True})
        second = computed(without)
        if second is not None:
            analyses.append(
                Analysis(name="without MP2020 corrections", result=second, key=without.key())
            )
    return Compared(
        choice=choice,
        what=what,
        analyses=tuple(analyses),
        chosen=choose_analysis(tuple(analyses)),
    )


def commands(choice: PairChoice, study: ImportanceStudy) -> str:
    """Return the commands that say the same."""
    words = ["python -m core importance", choice.arguments]
    if study.explained != "formation":
        words.append(f"--explain {study.explained}")
    elif study.references != "mp":
        words.append(f"--references {study.references}")
    line = " ".join(words)
    if not carries_corrections(choice.pairs):
        return line
    return f"{line}\n{line} --uncorrected"


main()
