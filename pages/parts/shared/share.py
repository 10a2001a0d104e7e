"""The link that brings another reader to the page as it stands, and reports that leave it."""

import io
from functools import partial
from urllib.parse import urlencode

import streamlit as st


@st.fragment
def share() -> None:
    """Show the button that tells the page's link.

    Opening it runs this fragment alone: by then all widgets of the page have run, and what they
    and clicks set is in the page's query.
    """
    with (
        st.container(horizontal=True, horizontal_alignment="right"),
        st.popover("Share", icon=":material/share:", key="share", on_change="rerun") as box,
    ):
        if box.open:
            st.caption(
                "This link opens the page in its present state, for anyone who can reach this lab."
            )
            st.code(link(), language=None, wrap_lines=True)


def link() -> str:
    """Return the address of the page with all that its widgets hold."""
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    query = urlencode(parameters, doseq=True)
    address = st.context.url or ""
    return f"{address}?{query}" if query else address


def report_buttons(*names: str, key: str) -> None:
    """Offer a report as one page, and as an archive with data and models.

    Args:
        names: ids of runs, experiments and sweeps; none for the list of all runs.
        key: unique on the page.
    """
    for label, ending, mime, text in (
        ("Report", "html", "text/html", "One page that opens offline: figures, tables, settings."),
        ("Archive", "zip", "application/zip", "The report with SVG, CSV, JSON and the models."),
    ):
        st.download_button(
            label,
            data=partial(_report, names, ending),
            file_name=f"{'-'.join(names) or 'runs'}.{ending}",
            mime=mime,
            key=f"{label}-{key}",
            icon=":material/summarize:" if ending == "html" else ":material/folder_zip:",
            on_click="ignore",
            help=f"{text} Made when you click.",
        )


def _report(names: tuple[str, ...], ending: str) -> bytes:
    # A page that only offers the report does without what writes it.
    from core.report.archive import write_archive  # noqa: PLC0415
    from core.report.build import report_on  # noqa: PLC0415
    from core.report.html import page  # noqa: PLC0415

    report = report_on(names)
    if ending == "html":
        return page(report).encode()
    file = io.BytesIO()
    write_archive(report, file)
    return file.getvalue()
