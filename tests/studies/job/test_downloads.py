"""Downloads as jobs: a process of their own, killed without loss, begun again."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import LabError
from core.frames.catalogue import entries
from core.frames.catalogue.downloads import directory_of, downloaded
from core.frames.catalogue.fetch import part_of
from core.frames.catalogue.hosts import ask_host
from core.frames.registry import open_frame_set
from core.progress import silent
from core.studies.job import local
from core.studies.job.downloads import delete_download, download_job
from core.studies.job.local import compute_here, start
from tests.frames.catalogue.conftest import CONTENT, entry_of
from tests.frames.catalogue.conftest import host as _host

host = _host

FRAMES = """2
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 energy=-8.0 pbc="T T T"
Li 0 0 0
F 2 2 2
2
Lattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3 energy=-6.0 pbc="T T T"
Li 0 0 0
F 2 2 2
"""

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from core.frames.catalogue import entries
from core.studies.job.worker import main
from tests.frames.catalogue.conftest import entry_of
entries.ENTRIES = (entry_of("huggingface.co"),)
sys.exit(main(Path(sys.argv[1])))
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def entry(host, monkeypatch):
    entry = entry_of("huggingface.co")
    monkeypatch.setattr(entries, "ENTRIES", (entry,))
    command = [sys.executable, "-c", SCRIPT]
    monkeypatch.setattr(local, "_command", lambda path: [*command, str(path), str(ROOT)])
    return entry


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_done_in_place_then_deleted_then_done_again(entry, host):
    job = download_job(entry)
    result = compute_here(job, silent)
    assert [Path(file).read_bytes() for file in result.files] == [CONTENT]
    assert (result.n_bytes, result.unverified, result.licence) == (len(CONTENT), [], "bsd-3-clause")
    assert download_job(entry).is_done
    delete_download(entry)
    assert download_job(entry).status().state == "new"
    with pytest.raises(LabError, match="nothing to delete"):
        delete_download(entry)
    compute_here(download_job(entry), silent)
    downloaded(entry).files[0].unlink()
    assert download_job(entry).status().state == "new", "files deleted by hand are gone as well"


def test_downloaded_and_imported_in_one_go(host, monkeypatch):
    # The check of the labels needs torch, and is tested where it belongs.
    checked = SimpleNamespace(imported_findings=lambda *_, **__: [])
    monkeypatch.setitem(sys.modules, "core.checks.doctor", checked)
    entry = entry_of("figshare.com", files=("*.extxyz",), functional="r2SCAN")
    monkeypatch.setattr(entries, "ENTRIES", (entry,))
    host.files = {"frames.extxyz": FRAMES.encode()}
    told = []
    job = download_job(entry, "mine")
    result = compute_here(job, lambda share, what: told.append((share, what)))
    assert result.dataset == "mine"
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    data = open_frame_set("mine")
    assert len(data) == 2
    assert data.table()["energy_per_atom"].tolist() == [-4.0, -3.0]
    card = data.card
    assert (card.functional, card.corrections, card.title) == ("r2SCAN", "none", "A small data set")
    assert card.licence == "CC BY 4.0; cite Somebody (2025), doi:10.0/0"
    assert card.source_file.endswith("frames.extxyz")
    with pytest.raises(LabError, match="exists already"):
        download_job(entry, "mine")
    # Its job is that of the download, whatever it was asked to make of it.
    assert download_job(entry).result().dataset == "mine"


def test_a_process_killed_in_the_middle_of_a_file(entry, host):
    """Killed with -9: nothing is taken for whole, nothing is lost, another process continues."""
    part = part_of(ask_host(entry).files[0], directory_of(entry))
    host.gate = threading.Event()
    start(download_job(entry))
    until(lambda: part.exists() and part.stat().st_size > 0)
    status = download_job(entry).status()
    assert status.state == "running"
    os.kill(status.pid, signal.SIGKILL)
    until(lambda: download_job(entry).status().state != "running")
    host.gate.set()
    assert download_job(entry).status().state == "failed"
    arrived = downloaded(entry)
    assert not arrived.is_complete
    assert 0 < arrived.n_bytes < len(CONTENT)
    host.gate = None
    (file,) = compute_here(download_job(entry), silent).files
    assert Path(file).read_bytes() == CONTENT
    assert host.begins == [0, arrived.n_bytes]
