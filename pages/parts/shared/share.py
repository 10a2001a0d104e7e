"""The link that brings another reader to the page as it stands, and reports that leave it."""

import io
import shlex
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from core.home import PROGRAM, shell_line

_PROGRAM = f"{PROGRAM} "
_HERE = "what this page can report on"
_BEFORE = "what this page could report on before"
_KEPT = "kept for a report"


@st.fragment
def share() -> None:
    """Show the button that tells the page's link.

    Opening it runs this fragment alone: by then all widgets of the page have run, and what they
    and clicks set is in the page's query.
    """
    with (
        st.container(horizontal=True, horizontal_alignment="right"),
        st.popover(
            "Share",
            icon=":material/share:",
            key="share",
            on_change="rerun",
            help="A link to this page as it stands, and a report.",
        ) as box,
    ):
        if box.open:
            st.caption(
                "This link opens the page in its present state, for anyone who can reach this lab."
            )
            st.code(link(), language=None, wrap_lines=True)
            _offer_report()


def link() -> str:
    """Return the address of the page with all that its widgets hold."""
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    query = urlencode(parameters, doseq=True)
    address = st.context.url or ""
    return f"{address}?{query}" if query else address


def begin_page(title: str) -> None:
    """Forget what another page could report on; what a reader keeps stays."""
    page, names = st.session_state.get(_HERE, ("", []))
    st.session_state[_BEFORE] = names if page == title else []
    st.session_state[_HERE] = (title, [])


def reportable(*names: str) -> None:
    """Note what the page can report on.

    Args:
        names: ids of runs, experiments and sweeps, and commands of `atomref`.
    """
    page, here = st.session_state.get(_HERE, ("", []))
    st.session_state[_HERE] = (page, list(dict.fromkeys([*here, *names])))


def _offer_report() -> None:
    """Offer a report on this page and on those that the reader has kept."""
    # A page whose box is closed does without what writes reports.
    from core.cli.report import is_analysis  # noqa: PLC0415

    kept = st.session_state.get(_KEPT, [])
    # While the page runs, it has not yet come to what it can report on.
    _, noted = st.session_state.get(_HERE, ("", []))
    here = [
        name
        for name in noted or st.session_state.get(_BEFORE, [])
        if not name.startswith(_PROGRAM) or is_analysis(name)
    ]
    names = list(dict.fromkeys([*kept, *here]))
    if not names:
        return
    chosen = st.multiselect(
        "Report on",
        names,
        default=names,
        format_func=lambda name: name.removeprefix(_PROGRAM),
        key=f"report on {names}",
        help="Pages as commands, and runs, experiments and sweeps by their ids: this page, and "
        "those that you have kept.",
    )
    with st.container(horizontal=True):
        if chosen:
            report_buttons(*chosen, key="share", name="report")
        if chosen != kept:
            st.button(
                "Keep for other pages",
                key="keep-for-report",
                icon=":material/playlist_add:",
                on_click=_keep,
                args=(chosen,),
                help="Then open Share on another page: one report holds all that you keep.",
            )
    if chosen:
        words = [PROGRAM, "report", *(name.removeprefix(_PROGRAM) for name in chosen)]
        st.code(
            shell_line(shlex.join([*words, "--out", "report.html"])), language=None, wrap_lines=True
        )


def _keep(names: list[str]) -> None:
    st.session_state[_KEPT] = names


def report_buttons(*names: str, key: str, name: str = "") -> None:
    """Offer a report as one page, and as an archive with data and models.

    Args:
        names: ids of runs, experiments and sweeps, and commands whose answers are sections; none
            for the list of all runs.
        key: unique on the page.
        name: name of the file; that of its contents where it is empty.
    """
    for label, ending, mime, text in (
        ("Report", "html", "text/html", "One page that opens offline: figures, tables, settings."),
        ("Archive", "zip", "application/zip", "The report with SVG, CSV, JSON and the models."),
    ):
        st.download_button(
            label,
            data=partial(_report, names, ending),
            file_name=f"{name or '-'.join(names) or 'runs'}.{ending}",
            mime=mime,
            key=f"{label}-{key}",
            icon=":material/summarize:" if ending == "html" else ":material/folder_zip:",
            on_click="ignore",
            help=f"{text} Made when you click.",
        )


def _report(names: tuple[str, ...], ending: str) -> bytes:
    # A page that only offers the report does without what writes it.
    from core.cli.report import report_of  # noqa: PLC0415
    from core.report.archive import write_archive  # noqa: PLC0415
    from core.report.html import page  # noqa: PLC0415

    report = report_of(names)
    if ending == "html":
        return page(report).encode()
    file = io.BytesIO()
    write_archive(report, file)
    return file.getvalue()
