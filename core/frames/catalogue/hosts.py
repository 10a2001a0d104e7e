"""What a host states of a data set: its files with sizes and checksums, and its licence."""

import os
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from core import __version__
from core.errors import LabError
from core.frames.catalogue.entries import Entry

FIGSHARE = "https://api.figshare.com/v2"
"""Address of figshare's interface."""

HUGGING_FACE = "https://huggingface.co"
"""Address of Hugging Face where HF_ENDPOINT names no other."""

# Some hosts refuse what libraries call themselves.
HEADERS = {"User-Agent": f"atomref-lab/{__version__}"}
"""What every request says of the one who asks."""

TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""


@dataclass(kw_only=True, frozen=True, slots=True)
class RemoteFile:
    """One file on a host.

    Attributes:
        name: its name, without folders.
        url: where it is.
        size: its bytes.
        checksum: as "md5:…" or "sha256:…"; empty if neither host nor catalogue states one.
    """

    name: str
    url: str
    size: int
    checksum: str


@dataclass(kw_only=True, frozen=True, slots=True)
class Statement:
    """What a host states of a data set.

    Attributes:
        files: its files.
        licence: its licence; empty if the host states none.
    """

    files: tuple[RemoteFile, ...]
    licence: str

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def hugging_face() -> str:
    """Return the address of Hugging Face: HF_ENDPOINT if it is set, as its own library has it."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUGGING_FACE


def ask_host(entry: Entry) -> Statement:
    """Ask a host for the files of a data set.

    Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

    Raises:
        LabError: if the host cannot be reached, does not have the files, or states other checksums
            than the catalogue.
    """
    ask = _ask_figshare if entry.host == "figshare.com" else _ask_hugging_face
    try:
        files, licence = ask(entry)
        if len({file.name for file in files}) < len(files):
            raise ValueError(files)  # noqa: TRY301
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LabError(
            f"{entry.host} answered in an unknown form; {by_hand(entry, 'the files')}"
        ) from None
    if not files:
        raise LabError(
            f"{entry.host} has no file {' or '.join(entry.files)} of {entry.title} any more; see "
            f"{entry.page}."
        )
    return Statement(files=tuple(_checked(entry, file) for file in files), licence=licence)


def by_hand(entry: Entry, what: str) -> str:
    """Return the other way to a file, as the end of a message."""
    return f"download {what} in a browser from {entry.page} and import the download."


def _ask_figshare(entry: Entry) -> tuple[list[RemoteFile], str]:
    article = _json(entry, f"{FIGSHARE}/articles/{entry.record}/versions/{entry.version}")
    files = [
        RemoteFile(
            name=_plain_name(file["name"]),
            url=file["download_url"],
            size=int(file["size"]),
            checksum=_prefixed("md5", file.get("computed_md5") or file.get("supplied_md5")),
        )
        for file in _matching(entry, article["files"], "name")
    ]
    return files, (article.get("license") or {}).get("name") or ""


def _ask_hugging_face(entry: Entry) -> tuple[list[RemoteFile], str]:
    endpoint = hugging_face()
    info = _json(
        entry, f"{endpoint}/api/datasets/{entry.record}/revision/{entry.version}?blobs=true"
    )
    # The revision that was asked about, even if a new one appears meanwhile.
    place = f"{endpoint}/datasets/{entry.record}/resolve/{info['sha']}"
    files = [
        RemoteFile(
            name=_plain_name(file["rfilename"]),
            url=f"{place}/{quote(file['rfilename'])}",
            size=int(file["size"]),
            checksum=_prefixed("sha256", (file.get("lfs") or {}).get("sha256")),
        )
        for file in _matching(entry, info["siblings"], "rfilename")
    ]
    licences = [tag[8:] for tag in info.get("tags") or () if tag.startswith("license:")]
    return files, ", ".join(licences)


def _matching(entry: Entry, files: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    for pattern in entry.files:
        if found := [file for file in files if fnmatch(file[key], pattern)]:
            return found
    return []


def _json(entry: Entry, url: str) -> Any:
    try:
        answer = requests.get(url, headers=HEADERS, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise LabError(unreachable(url, error)) from None
    if answer.status_code != requests.codes.ok:
        raise LabError(refusal(entry, answer.status_code, "the list of files"))
    return answer.json()


def unreachable(url: str, error: Exception) -> str:
    """Return the message for a host that does not answer."""
    host = urlsplit(url).netloc or url
    return (
        f"{host} cannot be reached ({type(error).__name__}); check the network and the proxy "
        "(HTTPS_PROXY), then try again."
    )


def refusal(entry: Entry, status: int, what: str) -> str:
    """Return the message for a host that answers with another status than success."""
    return f"{entry.host} did not send {what} (status {status}); {by_hand(entry, 'the files')}"


def _plain_name(path: str) -> str:
    """Return a name that stays in the directory of the download."""
    name = PurePosixPath(path.replace("\\", "/")).name
    if not name or name.startswith(".") or "\0" in name:
        raise ValueError(path)
    return name


def _prefixed(algorithm: str, digest: str | None) -> str:
    return f"{algorithm}:{digest.lower()}" if digest else ""


def _checked(entry: Entry, file: RemoteFile) -> RemoteFile:
    """Return a file with the checksum of host and catalogue, which must not contradict."""
    known = entry.checksums.get(file.name, "")
    if known and file.checksum not in {"", known}:
        raise LabError(
            f"{entry.host} now states another checksum of {file.name} than this catalogue; the "
            f"file has changed: {by_hand(entry, 'it')}"
        )
    return RemoteFile(name=file.name, url=file.url, size=file.size, checksum=file.checksum or known)
