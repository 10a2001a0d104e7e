"""`catalogue list|files|download|import|delete|materials-project`: open data sets."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.cli import answer
from core.cli.answer import Answer, LabCommand, columns, deletion, facts, progress_on_stderr
from core.cli.options import JsonFlag, Yes
from core.frames.catalogue.downloads import downloaded, overview, size_text
from core.frames.catalogue.entries import ENTRIES, Entry, find_entry
from core.frames.catalogue.hosts import ask_host
from core.frames.catalogue.materials_project import KEY_VARIABLE, connect, import_pairs_of
from core.frames.registry import new_dataset_path
from core.progress import part
from core.studies.download import import_of
from core.studies.job.downloads import delete_download, download_job
from core.studies.job.local import compute_here

app = typer.Typer()
catalogue = typer.Typer(help="Open data sets: download and import them.")
app.add_typer(catalogue, name="catalogue")

Key = Annotated[str, typer.Argument(metavar="KEY", help="Name in the catalogue.")]


@catalogue.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List the open data sets, with what of them is on this machine; asks no other host."""
    rows = [overview(entry) for entry in ENTRIES]
    head = ("key", "functional", "corrections", "frames", "size", "licence", "host", "here")
    table = [
        [
            row["key"],
            row["functional"],
            row["corrections"],
            row["n_frames"],
            _size(row["size"]),
            row["licence"] or None,
            row["host"],
            "yes" if row["downloaded"] else _size(row["n_bytes_here"] or None),
        ]
        for row in rows
    ]
    return Answer(data={"datasets": rows}, text=columns(head, table))


@catalogue.command("files", cls=LabCommand)
def files(key: Key, *, _json: JsonFlag = False) -> Answer:
    """Ask the host for the files of an open data set: sizes, checksums, licence."""
    statement = ask_host(find_entry(key))
    rows = [
        {"name": file.name, "size": file.size, "checksum": file.checksum, "url": file.url}
        for file in statement.files
    ]
    text = columns(
        ("file", "bytes", "checksum"),
        [[row["name"], row["size"], row["checksum"] or None] for row in rows],
    )
    return Answer(
        data={"key": key, "files": rows, "size": statement.size, "licence": statement.licence},
        text=f"{text}\nLicence: {statement.licence or 'not stated'}",
    )


@catalogue.command("download", cls=LabCommand)
def download(key: Key, *, _json: JsonFlag = False) -> Answer:
    """Download an open data set, or what is missing of it, and verify it."""
    entry = find_entry(key)
    result = compute_here(download_job(entry), progress_on_stderr())
    data = {
        "key": key,
        "files": result.files,
        "n_bytes": result.n_bytes,
        "unverified": result.unverified,
        "licence": result.licence or entry.licence,
    }
    return Answer(data=data, text=facts(_downloaded(entry, data)))


@catalogue.command("import", cls=LabCommand)
def import_(
    key: Key,
    *,
    name: Annotated[
        str, typer.Option(help="Name of the new data set. Default: its name in the catalogue.")
    ] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Import an open data set, downloading first what is missing of it."""
    entry = find_entry(key)
    new_dataset_path(name or key)
    progress = progress_on_stderr()
    compute_here(download_job(entry), part(progress, 0.0, 0.8))
    made = import_of(entry, name or key).compute(part(progress, 0.8, 1.0))
    data = {"key": key, "name": made.name, "n": made.n, "findings": made.findings}
    lines = [f"Imported {made.name}. {made.description}", *made.findings]
    return Answer(data=data, text="\n".join(lines))


@catalogue.command("delete", cls=LabCommand)
def delete(key: Key, *, yes: Yes = False, _json: JsonFlag = False) -> Answer:
    """Delete the downloaded files of an open data set, after asking; what was imported stays."""
    entry = find_entry(key)
    what = f"the {size_text(downloaded(entry).n_bytes)} downloaded of {key}"
    return deletion(key, what, lambda: delete_download(entry), yes=yes)


@catalogue.command("materials-project", cls=LabCommand)
def materials_project(
    chemsys: Annotated[
        str, typer.Argument(metavar="ELEMENTS", help="Chemical system, such as Li-Fe-O.")
    ],
    *,
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    _json: JsonFlag = False,
) -> Answer:
    """Import the pairs of GGA/GGA+U and r2SCAN energies of some elements' materials.

    Needs mp-api (pip install 'atomref-lab[mp]') and a key of the Materials Project in MP_API_KEY;
    without that variable it is asked for, and kept nowhere.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if not key and answer.has_terminal():
        key = typer.prompt("Key of the Materials Project", hide_input=True, err=True)
    with connect(key) as client:
        card = import_pairs_of(client, chemsys, name=name, key=key, progress=progress_on_stderr())
    return Answer(
        data={"name": card.name, "kind": card.kind, "n": card.n},
        text=f"Imported {card.name}: {card.n:,} pairs. {card.description}",
    )


def _downloaded(entry: Entry, data: Mapping[str, Any]) -> dict[str, Any]:
    lines = {
        "files": ", ".join(data["files"]),
        "size": size_text(data["n_bytes"]),
        "licence": data["licence"] or "not stated",
        "cite": f"{entry.citation}, doi:{entry.doi}",
    }
    if data["unverified"]:
        lines["no checksum"] = ", ".join(data["unverified"])
    return lines


def _size(n_bytes: int | None) -> str | None:
    return None if n_bytes is None else size_text(n_bytes)
