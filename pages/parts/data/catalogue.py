"""Open data sets of other hosts: what they are, their download, pairs of the Materials Project.

Nothing is asked of another host before a button is pressed that names it.
"""

import os
import shlex

import streamlit as st

from core.access import require
from core.frames.catalogue.downloads import downloaded, free_bytes, overview, size_text
from core.frames.catalogue.entries import ENTRIES, Entry
from core.frames.catalogue.hosts import ask_host
from core.frames.catalogue.materials_project import HOST, KEY_VARIABLE, connect, import_pairs_of
from core.frames.provenance import CORRECTIONS
from core.frames.registry import new_dataset_path
from core.studies.download import import_of
from core.studies.job.directory import Job
from core.studies.job.downloads import delete_download, download_job, forget
from core.studies.job.local import cancel, start
from pages.parts.data.upload import begin
from pages.parts.shared.page import command, errors_shown, plain
from pages.parts.shared.selection import linked_table

_REFRESH = "1s"


def open_data_sets() -> None:
    """Show the catalogue, the chosen data set and the downloads that run."""
    rows = [overview(entry) for entry in ENTRIES]
    chosen = linked_table(
        [
            {
                "title": row["title"],
                "functional": row["functional"],
                "frames": row["n_frames"],
                "GB": row["size"] and row["size"] / 1e9,
                "licence": row["licence"] or None,
                "host": row["host"],
                "downloaded": row["downloaded"],
            }
            for row in rows
        ],
        [entry.key for entry in ENTRIES],
        param="open",
        key=f"open-{sum(row['downloaded'] for row in rows)}",
        hide_index=True,
        placeholder="",
        column_config={
            "title": st.column_config.TextColumn("Data set", width=350),
            "functional": "Functional",
            "frames": st.column_config.NumberColumn("Frames", format="localized"),
            "GB": st.column_config.NumberColumn("Size, GB", format="%.1f"),
            "licence": "Licence",
            "host": "Host",
            "downloaded": st.column_config.CheckboxColumn("Downloaded"),
        },
    )
    for number, entry in enumerate(ENTRIES):
        if number != chosen and (job := download_job(entry)).status().state == "running":
            st.fragment(_running, run_every=_REFRESH)(entry, job)
    if chosen is None:
        st.caption(
            "Select a row for its citation and its download. Nothing is asked of another host "
            "before you press a button that names it."
        )
        command("atomref catalogue list")
    else:
        _show(ENTRIES[chosen])
    with st.expander("Pairs from the Materials Project", icon=":material/cloud_download:"):
        _materials_project()


def _show(entry: Entry) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(entry.title)}**")
        if entry.note:
            st.markdown(plain(entry.note))
        st.markdown(
            plain(
                f"{entry.functional}, {CORRECTIONS[entry.corrections]}. Labels: {entry.labels}. "
                f"Files: {entry.layout}."
            )
        )
        licence = entry.licence or "stated by the host"
        st.markdown(plain(f"Licence: {licence}. Please cite {entry.citation}, doi:{entry.doi}."))
        st.link_button("Its page at the host", entry.page, icon=":material/open_in_new:")
        job = download_job(entry)
        if job.status().state == "running":
            st.fragment(_running, run_every=_REFRESH)(entry, job)
        else:
            with errors_shown():
                _idle(entry, job)
    command(shlex.join(["atomref", "catalogue", "import", entry.key, "--name", _name(entry)]))


def _name(entry: Entry) -> str:
    return str(st.session_state.get(f"name-{entry.key}", entry.key))


def _idle(entry: Entry, job: Job) -> None:
    status = job.status()
    if status.state == "failed":
        st.error(plain(status.message), icon=":material/error:")
    if downloaded(entry).is_complete:
        _complete(entry, job)
    else:
        _offer(entry, job)


def _running(entry: Entry, job: Job) -> None:
    status = job.status()
    if status.state != "running":
        st.rerun()
    st.progress(status.share, plain(f"{entry.title}: {status.what}"))
    st.caption("It continues if you close this page, and if the server restarts.")
    if st.button(
        "Cancel",
        icon=":material/stop_circle:",
        key=f"cancel-{entry.key}",
        help="Stops the download; what has arrived is kept, and it continues from there.",
    ):
        cancel(job)
        st.rerun()


def _offer(entry: Entry, job: Job) -> None:
    """Offer the download, or to ask for its size where that is not known."""
    arrived = downloaded(entry).n_bytes
    if arrived:
        st.info(f"{size_text(arrived)} have arrived and are kept.")
    asked = f"size of {entry.key}"
    size = entry.size or st.session_state.get(asked)
    if size is None:
        if st.button(
            f"Ask {entry.host} for the size",
            key=f"ask-{entry.key}",
            help="One request that downloads nothing else.",
        ):
            require("launch", f"ask {entry.host}")
            st.session_state[asked] = ask_host(entry).size
            st.rerun()
        return
    st.caption(f"{size_text(free_bytes())} are free on the disk of the lab.")
    name = st.text_input(
        "Name of the data set",
        entry.key,
        key=f"name-{entry.key}",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    missing = f"{size_text(max(size - arrived, 0))} from {entry.host}"
    verb = "Continue to download" if arrived else "Download"
    with st.container(horizontal=True):
        if st.button(
            f"{verb} {missing} and import",
            type="primary",
            icon=":material/download:",
            key=f"import-{entry.key}",
            help="In the background; it goes on if you close this page.",
        ):
            start(download_job(entry, name))
            st.rerun()
        if st.button(
            "Only download",
            key=f"download-{entry.key}",
            help="Keeps the files on this server, to be imported later.",
        ):
            start(job)
            st.rerun()
        if arrived:
            _offer_deletion(entry)


def _complete(entry: Entry, job: Job) -> None:
    here = downloaded(entry)
    result = job.result() if job.is_done else None
    checked = (
        f"; no checksum is known of {', '.join(here.unverified)}"
        if here.unverified
        else " and verified"
    )
    text = f"{size_text(here.n_bytes)} are downloaded{checked}."
    if result and result.dataset:
        text += f" Imported as {result.dataset}. {result.description}"
    st.success(plain(text), icon=":material/check_circle:")
    for finding in result.findings if result else ():
        st.warning(plain(finding), icon=":material/straighten:")
    if here.licence:
        st.markdown(plain(f"Licence, as {entry.host} states it: {here.licence}."))
    with st.container(horizontal=True):
        with st.popover(
            "Import", icon=":material/upload:", help="Asks for the name of the data set."
        ):
            name = st.text_input(
                "Name of the data set",
                entry.key,
                key=f"name-{entry.key}",
                help="Lower-case letters, digits, '.', '_' and '-'.",
            )
            if st.button(
                "Import the download",
                type="primary",
                key=f"again-{entry.key}",
                help="Makes a data set of the files that are here already.",
            ):
                new_dataset_path(name)
                forget(job)
                begin(import_of(entry, name))
        _offer_deletion(entry)


def _offer_deletion(entry: Entry) -> None:
    with st.popover(
        "Delete the download", icon=":material/delete:", help="Asks before it deletes."
    ):
        st.markdown("Delete the downloaded files? What was imported from them stays.")
        if st.button(
            "Delete files",
            type="primary",
            key=f"forget-{entry.key}",
            help="Frees the space; data sets that were imported stay.",
        ):
            delete_download(entry)
            st.rerun()


def _materials_project() -> None:
    st.markdown(
        "GGA/GGA+U and r2SCAN energies of the same materials, for all compounds of some elements. "
        "Needs the package mp-api and a key of the Materials Project, which is kept nowhere."
    )
    left, middle, right = st.columns(3)
    chemsys = left.text_input(
        "Elements",
        placeholder="Li-Fe-O",
        key="mp-elements",
        help="Symbols joined by hyphens: all compounds of these elements.",
    )
    name = middle.text_input(
        "Name of the new data set",
        placeholder="li-fe-o",
        key="mp-name",
        help="Lower-case letters, digits, '.', '_' and '-'.",
    )
    known = bool(os.environ.get(KEY_VARIABLE))
    key = right.text_input(
        "API key",
        type="password",
        key="mp-key",
        disabled=known,
        placeholder=f"from {KEY_VARIABLE}" if known else "",
        help="Of your account there; it is sent with the request and not stored.",
    )
    if st.button(
        f"Import pairs from {HOST}",
        key="mp-import",
        disabled=not (chemsys and name),
        help="Asks that host once, with your key.",
    ):
        with errors_shown():
            require("launch", f"import {name}")
            bar = st.progress(0.0, f"Asking {HOST} …")
            with connect(key) as client:
                card = import_pairs_of(client, chemsys, name=name, key=key, progress=bar.progress)
            st.session_state["data note"] = f"Imported {card.name}. {card.description}"
            st.rerun()
    if chemsys and name:
        words = ["atomref", "catalogue", "materials-project", chemsys, "--name", name]
        command(shlex.join(words))
