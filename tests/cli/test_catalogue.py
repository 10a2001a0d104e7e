"""`atomref catalogue …`: what it lists, downloads, deletes, and how it refuses."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from core.frames.catalogue import entries
from core.frames.catalogue.entries import ENTRIES
from tests.cli.helpers import answer, invoke, mistake
from tests.frames.catalogue.conftest import CONTENT, entry_of
from tests.frames.catalogue.conftest import host as _host
from tests.frames.catalogue.test_materials_project import DOCUMENTS, KEY, Client
from tests.studies.job.test_downloads import FRAMES

host = _host


@pytest.fixture
def entry(host, monkeypatch):
    entry = entry_of("figshare.com", licence="", size=len(CONTENT))
    monkeypatch.setattr(entries, "ENTRIES", (entry,))
    monkeypatch.setattr("core.cli.data.catalogue.ENTRIES", (entry,))
    return entry


def test_list_asks_nobody(host):
    rows = answer("catalogue", "list")["datasets"]
    assert [row["key"] for row in rows] == [entry.key for entry in ENTRIES]
    assert not any(row["downloaded"] for row in rows)
    assert rows[0]["size"] == 12_188_168_685
    assert "12.2 GB" in invoke("catalogue", "list").stdout
    assert not host.asked


def test_files_download_delete(entry, host):
    files = answer("catalogue", "files", "small")
    assert files["licence"] == "CC BY 4.0"
    assert files["size"] == len(CONTENT)
    assert files["files"][0]["checksum"].startswith("md5:")
    host.breaks = [1000]
    done = answer("catalogue", "download", "small")
    assert done["n_bytes"] == len(CONTENT)
    assert done["unverified"] == []
    assert done["licence"] == "CC BY 4.0"
    (row,) = answer("catalogue", "list")["datasets"]
    assert row["downloaded"]
    assert row["paths"] == done["files"]
    assert "1.0 MB" in invoke("catalogue", "download", "small").stdout
    assert "--yes" in mistake("catalogue", "delete", "small")
    assert answer("catalogue", "delete", "small", "--yes") == {"deleted": "small"}
    assert "nothing to delete" in mistake("catalogue", "delete", "small", "--yes")


def test_import(entry, host, monkeypatch):
    checked = SimpleNamespace(imported_findings=lambda *_, **__: [])
    monkeypatch.setitem(sys.modules, "core.checks.doctor", checked)
    host.files = {"frames.json": json.dumps([{"energy": "not a frame"}]).encode()}
    mistake("catalogue", "import", "small", "--name", "mine")
    answer("catalogue", "delete", "small", "--yes")
    host.files = {"frames.json.extxyz": FRAMES.encode()}
    done = answer("catalogue", "import", "small", "--name", "mine")
    assert done == {"key": "small", "name": "mine", "n": 2, "findings": []}
    host.asked.clear()
    assert "exists already" in mistake("catalogue", "import", "small", "--name", "mine")
    assert "Imported small" in invoke("catalogue", "import", "small").stdout
    assert not host.asked, "what is there is not downloaded again"
    assert answer("datasets", "show", "small")["functional"] == "PBE"


def test_mistakes(entry, host):
    assert "choose one of: small" in mistake("catalogue", "download", "large")
    host.statuses = [404]
    assert "https://example.org/data" in mistake("catalogue", "download", "small")


def test_materials_project(home, monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    assert "MP_API_KEY" in mistake("catalogue", "materials-project", "Li-O", "--name", "li-o")
    keys = []

    class Rester(Client):
        def __init__(self, key, **_):
            keys.append(key)
            super().__init__(DOCUMENTS)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    module = ModuleType("mp_api.client")
    module.MPRester = Rester
    monkeypatch.setitem(sys.modules, "mp_api", ModuleType("mp_api"))
    monkeypatch.setitem(sys.modules, "mp_api.client", module)
    monkeypatch.setattr("core.cli.answer.has_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: KEY)
    words = ["catalogue", "materials-project", "Li-O", "--name", "li-o"]
    assert answer(*words) == {"name": "li-o", "kind": "pairs", "n": 2}
    monkeypatch.setenv("MP_API_KEY", "of the environment")
    assert "exists already" in mistake(*words)
    assert keys == [KEY, "of the environment"]
