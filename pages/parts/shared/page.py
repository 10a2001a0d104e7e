"""What every page has: its head, its theme, its errors, its command."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer
from streamlit.runtime.pages_manager import PagesManager

from core.errors import LabError
from core.figures.base.theme import WIDE, palette
from core.files import disk_error_message
from core.home import shell_line
from pages.parts.shared.former_links import mend_address
from pages.parts.shared.restart import restart_lost_runs
from pages.parts.shared.share import begin_page, reportable, share
from pages.parts.shared.warm_up import set_libraries_aside

_STYLE = """<style>
[class*="st-key-{wide}-"] {{ overflow-x: auto; }}
[class*="st-key-{wide}-"] > * {{ min-width: 51rem; }}
[data-testid="stElementToolbar"] button[aria-label="Download as CSV"] {{ display: none; }}
[data-testid="stMetric"] label[data-testid] * {{ white-space: normal; overflow: visible; }}
[data-testid="stHorizontalBlock"]:not(:has([data-testid="stDataFrame"], .js-plotly-plot))
[data-testid="stElementContainer"]:only-child:has(> [data-testid="stMetric"]) {{ flex-grow: 1; }}
[data-testid="stElementContainer"]:only-child > [data-testid="stMetric"] {{ height: 100%; }}
[data-testid="stButtonGroup"] [data-selected="true"]:not(:disabled) p {{ color: {accent}; }}
[data-testid="stSidebarNavLink"]:focus-visible {{ outline: 2px solid {accent}; }}
[data-testid="stMetricValue"] * {{ white-space: normal !important; overflow: visible; }}
.stMarkdownBadge {{ white-space: normal !important; }}
[data-testid="stPageLink-NavLink"] * {{ white-space: normal !important; }}
</style>"""
"""Figures that stay wide on a narrow screen; selected options, badges, links and labels of numbers
to be read; an outline where the keyboard is in the sidebar.

The browser's own CSV of a table would hand spreadsheets what users wrote as formulas.
"""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&=])")


def plain(text: str) -> str:
    """Return text that Markdown shows letter by letter, whatever a user put in it."""
    return _MARKDOWN.sub(r"\\\1", text)


def conditioned(number: float) -> str:
    """Write a condition number; a sign for the infinite one of dependent columns."""
    return f"{number:,.0f}" if isfinite(number) else "∞"


def head(title: str, question: str) -> None:
    """Show a page's title, its share link and the one sentence that says what it answers."""
    _enter_through_app()
    begin_page(title)
    mend_address()
    restart_lost_runs()
    set_libraries_aside()
    st.html(_STYLE.format(wide=WIDE, accent=palette(dark=is_dark()).accent))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title, width="content")
        share()
    st.markdown(question)


def is_dark() -> bool:
    """Return whether the reader's theme is dark."""
    return st.context.theme.type == "dark"


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show what the user or the system did wrong as a red box, and go on with the page."""
    try:
        yield
    except LabError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        st.error(plain(disk_error_message(error)), icon=":material/error:")


@st.fragment
def command(*lines: str, reported: bool = True) -> None:
    """Show the commands that do the same as the page, each to be copied on its own.

    They are sent when a reader opens the box: what colours them is a third of a page's scripts.

    Args:
        lines: commands of `atomref`, their words quoted.
        reported: whether a report on the page holds their answers.
    """
    if reported:
        reportable(*lines)
    with st.expander(
        "The same from the command line",
        icon=":material/terminal:",
        # Open boxes stay open while settings change; a page may have two, of different commands.
        key=" ".join(lines[0].split()[:3]),
        on_change="rerun",
    ) as box:
        if is_open(box):
            for line in lines:
                show_command(line)


def is_open(box: ExpanderContainer) -> bool:
    """Return whether a reader has opened a box."""
    return bool(box.open)


def show_command(line: str) -> None:
    """Show one command of `atomref` as any shell on the server's machine runs it."""
    # Without highlighting, whose colours are too faint on either background.
    st.code(shell_line(line), language=None, wrap_lines=True)


def _enter_through_app() -> None:
    """Run app.py first where a link to a page is the first visit after the server's start.

    Until st.navigation has been called once, Streamlit takes the directory pages/ for an app of
    its older kind and runs the page alone, without app.py's layout and titles.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
