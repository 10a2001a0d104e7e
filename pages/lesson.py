"""The story of the lab in seven steps, for a class or a group meeting."""

import streamlit as st

from core.home import CHECKOUT
from core.runs.groups.lesson import lesson_command
from pages.parts.lesson.figures import FIGURES
from pages.parts.lesson.frame import presentation_style, show_figure
from pages.parts.lesson.live import show_live
from pages.parts.lesson.story import STEPS, Step
from pages.parts.shared.datasets import show_provenance
from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view, open_view

GLOSSARY = "glossary"
LIVE = "live"


def main() -> None:
    head(
        "Lesson",
        ""
        if is_presented()
        else "How does a pretrained potential learn another functional? Seven steps, each with one "
        "figure.",
    )
    with errors_shown():
        labels = {key: f"{n}. {step.title}" for n, (key, step) in enumerate(STEPS.items(), 1)}
        view = choose_view({**labels, GLOSSARY: "Glossary"}, default="disagree")
        large = move(view)
        if large:
            presentation_style()
        if view == GLOSSARY:
            show_glossary()
        else:
            show_step(view, STEPS[view], large=large)


def is_presented() -> bool:
    """Return whether the lesson is presented, which the switch below says on its next run."""
    linked = st.query_params.get("present") == "true"
    return bool(st.session_state.get("present", linked))


def move(view: str) -> bool:
    """Show the buttons to the step before and after; return whether the lesson is presented."""
    order = [*STEPS, GLOSSARY]
    place = order.index(view)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, key, to, icon in (
            ("Previous", "Left", place - 1, ":material/arrow_back:"),
            ("Next", "Right", place + 1, ":material/arrow_forward:"),
        ):
            is_there = 0 <= to < len(order)
            st.button(
                label,
                key=label,
                icon=icon,
                shortcut=key,
                disabled=not is_there,
                on_click=open_view,
                args=(order[to] if is_there else view,),
                help=f"The {label.lower()} step; also the {key.lower()} arrow key.",
            )
        return st.toggle(
            "Present",
            key="present",
            bind="query-params",
            help="Large type and one figure per screen; the arrow keys go on and back.",
        )


def show_step(key: str, step: Step, *, large: bool) -> None:
    """Show a step: its text, its figure, something to try, a question."""
    st.subheader(step.title, anchor=False)
    st.markdown(step.lead if large else step.text)
    if key == LIVE:
        show_live(large=large)
    elif (shown := FIGURES[key]()) is not None:
        if not large:
            show_provenance(shown.source)
        show_figure(shown, key, large=large)
    with st.expander(step.question, icon=":material/help:", key=f"question-{key}"):
        st.markdown(step.answer)
    if large:
        return
    with st.container(border=True):
        st.markdown(f"**Try it.** {step.task}")
        st.page_link(
            step.page, label="Open the page", icon=":material/open_in_new:", query_params=step.query
        )
    command(step.command or lesson_command())


def show_glossary() -> None:
    """Show the glossary, which is that of the documentation."""
    text = (CHECKOUT / "docs" / "glossary.md").read_text(encoding="utf-8")
    _, *entries = text.split("\n\n")
    for entry in entries:
        word, _, meaning = entry.partition("\n:")
        st.markdown(f"**{word.strip()}**: {' '.join(meaning.split())}")


main()
