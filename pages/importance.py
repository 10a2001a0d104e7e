"""Which elements make two functionals disagree, with and without MP2020 corrections (Figure 1)."""

from typing import get_args

import streamlit as st

from core.reference.formation.corrections import carries_corrections
from core.reference.formation.energies import KINDS, Named
from core.reference.importance.analysis import Explained
from core.report.importance import Analysis
from core.studies.importance import ImportanceStudy
from core.studies.pair_choice import PairChoice
from pages.parts.importance.analysis import choose_analysis
from pages.parts.importance.element import show_element
from pages.parts.importance.score import show_score, show_strip
from pages.parts.importance.swarm import show_swarm
from pages.parts.importance.table import show_table
from pages.parts.shared.job import computed
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.pairs import choose_pairs
from pages.parts.shared.views import choose_view, one_of

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
        "that comes from the MP2020 corrections?",
    )
    with errors_shown():
        choice = choose_pairs()
        if choice is None:
            return
        explained, references = choose_question()
        study = ImportanceStudy(pairs=choice.selection, explained=explained, references=references)
        analyses = compute_analyses(choice, study)
        options: list[str] = []
        if analyses:
            analysis = choose_analysis(analyses)
            show_strip(analysis)
            labels = {name: label for name, (label, _) in VIEWS.items()}
            options = VIEWS[choose_view(labels, default="table")][1](analyses, analysis)
        command(*commands(choice, study, options))


def choose_question() -> tuple[Explained, Named]:
    """Show the choice of what the elements explain, and of the references."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    names = {
        "formation": "Formation energies",
        "total": "Total energies",
        "scaled": "Scaled energies",
    }
    explained: Explained = one_of(
        left,
        "Explain the difference of",
        get_args(Explained),
        format_func=names.__getitem__,
        default="formation",
        key="explained",
        wrap=True,
        help="Target minus source. Total energies mainly differ by one offset per element. "
        "Formation energies subtract each functional's pure elements. Scaled energies subtract "
        "each functional's own least-squares AtomRef; it is fitted to all materials, so held-out "
        "ones have a small influence on their own predictions.",
    )
    references: Named = right.selectbox(
        "Pure elements from",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key="references",
        bind="query-params",
        disabled=explained != "formation",
        help="One source for all elements, in each functional. Materials with an element that it "
        "lacks are left out; gaps are never filled from elsewhere.",
    )
    return explained, references


def compute_analyses(choice: PairChoice, study: ImportanceStudy) -> list[Analysis]:
    """Compute the importance, and that without corrections where the source has them."""
    studies = [study]
    if carries_corrections(choice.pairs):
        studies.append(study.model_copy(update={"uncorrected": True}))
    analyses = []
    for each in studies:
        result = computed(each)
        if result is None:
            break
        analyses.append(Analysis(choice=choice, study=each, result=result, key=each.key()))
    return analyses


def commands(choice: PairChoice, study: ImportanceStudy, options: list[str]) -> list[str]:
    """Return the commands that compute the same, with the options of the view."""
    words = ["atomref importance", choice.arguments]
    if study.explained != "formation":
        words.append(f"--explain {study.explained}")
    elif study.references != "mp":
        words.append(f"--references {study.references}")
    line = " ".join([*words, *options])
    return [line, f"{line} --uncorrected"] if carries_corrections(choice.pairs) else [line]


main()
