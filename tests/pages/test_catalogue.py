"""Open data sets on the Data page: facts, a download as a job, its deletion; no host unasked."""

import sys

import pytest

from core.frames.catalogue import entries
from core.frames.catalogue.downloads import directory_of, downloaded
from core.progress import silent
from core.studies.job.directory import JobStatus
from core.studies.job.downloads import download_job
from core.studies.job.local import compute_here
from pages.parts.data import catalogue
from tests.frames.catalogue.conftest import CONTENT, entry_of
from tests.frames.catalogue.conftest import host as _host

host = _host


@pytest.fixture
def entry(host, monkeypatch):
    entry = entry_of("figshare.com", note="<b>Small</b>.", n_frames=3)
    other = entry_of("huggingface.co", key="other", size=len(CONTENT), licence="MIT")
    monkeypatch.setattr(entries, "ENTRIES", (entry, other))
    monkeypatch.setattr(catalogue, "ENTRIES", (entry, other))
    return entry


def press(at, label):
    next(one for one in at.button if one.label.startswith(label)).click()
    at.run()
    assert not at.exception, at.exception
    return at


def labels(at):
    return [one.label for one in at.button]


def test_the_catalogue_asks_no_host(visit, host):
    at = visit("data")
    assert at.dataframe[1].value["title"].iloc[0].startswith("MPtrj")
    assert not any("from figshare" in label for label in labels(at))
    at = visit("data", open="mptrj-2022.9")
    assert "Download 12.2 GB from figshare.com and import" in labels(at)
    texts = " ".join(one.value.replace("\\", "") for one in at.markdown)
    assert "Licence: MIT. Please cite Deng et al." in texts
    assert "MP2020" in texts
    commands = [one.value for one in at.code]
    assert "atomref catalogue import mptrj-2022.9 --name mptrj-2022.9" in commands
    assert not host.asked


def test_a_size_that_is_not_known_is_asked_first(visit, entry, host, monkeypatch):
    started = []
    monkeypatch.setattr(catalogue, "start", started.append)
    at = visit("data", open="small")
    assert any("\\<b\\>Small" in one.value for one in at.markdown), "text is never HTML"
    assert not host.asked
    press(at, "Ask figshare.com")
    assert host.asked == {"list": 1}
    at.text_input(key="name-small").set_value("mine").run()
    assert "atomref catalogue import small --name mine" in [one.value for one in at.code]
    press(at, "Download 1.0 MB from figshare.com and import")
    press(at, "Only download")
    assert [(job.study.entry, job.study.name) for job in started] == [
        ("small", "mine"),
        ("small", ""),
    ]
    at.text_input(key="name-small").set_value("mp-structures").run()
    press(at, "Download 1.0 MB from figshare.com and import")
    assert "exists already" in at.error[0].value
    assert len(started) == 2, "a name that is taken is told before the download"


def test_a_running_download_is_shown_from_anywhere(visit, entry, monkeypatch):
    job = download_job(entry)
    job.make()
    status = JobStatus(state="running", share=0.25, what="1 of 4 GB, 3 min left", pid=1)
    job.write(status.model_copy(update={"pid_started": 0.0}))
    monkeypatch.setattr("core.studies.job.directory._is_alive", lambda _: True)
    cancelled = []
    monkeypatch.setattr(catalogue, "cancel", cancelled.append)
    for query in ({"open": "small"}, {"open": "other"}):
        at = visit("data", **query)
        press(at, "Cancel")
    assert [one.study.entry for one in cancelled] == ["small"] * 2
    monkeypatch.setattr("core.studies.job.directory._is_alive", lambda _: False)
    at = visit("data", open="small")
    assert "try again" in at.error[0].value
    job.write(JobStatus(state="failed", message="The disk is full."))
    assert "The disk is full" in visit("data", open="small").error[0].value.replace("\\", "")


def test_what_has_arrived_is_kept_or_deleted(visit, entry):
    directory_of(entry).mkdir(parents=True)
    (directory_of(entry) / ".data.json.gz.0.part").write_bytes(bytes(500_000))
    at = press(visit("data", open="small"), "Ask figshare.com")
    assert "500.0 kB have arrived and are kept" in at.info[0].value
    assert "Continue to download 548.6 kB from figshare.com and import" in labels(at)
    press(at, "Delete files")
    assert downloaded(entry).n_bytes == 0
    assert "Download 1.0 MB from figshare.com and import" in labels(at)


def test_a_finished_download(visit, entry, host, monkeypatch):
    compute_here(download_job(entry), silent)
    host.asked.clear()
    at = visit("data", open="small")
    assert list(at.dataframe[1].value["downloaded"]) == [True, False]
    assert "1.0 MB are downloaded and verified" in at.success[0].value.replace("\\", "")
    assert any("CC BY 4.0" in one.value.replace("\\", "") for one in at.markdown)
    begun = []
    monkeypatch.setattr(catalogue, "begin", begun.append)
    press(at, "Import the download")
    (study,) = begun
    assert study.paths == [str(downloaded(entry).files[0])]
    assert study.settings["functional"] == "PBE"
    assert study.settings["licence"] == "CC BY 4.0; cite Somebody (2025), doi:10.0/0"
    at = visit("data", open="small")
    press(at, "Delete files")
    assert not downloaded(entry).is_complete
    assert not host.asked


def test_an_unreachable_host_is_told(visit, entry, monkeypatch):
    monkeypatch.setattr("core.frames.catalogue.hosts.FIGSHARE", "http://127.0.0.1:9")
    at = press(visit("data", open="small"), "Ask figshare.com")
    assert "cannot be reached" in at.error[0].value


def test_pairs_of_the_materials_project_need_a_key(visit, entry, monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    at = visit("data")
    assert next(one for one in at.button if one.key == "mp-import").disabled
    at.text_input(key="mp-elements").set_value("Li-O")
    at.text_input(key="mp-name").set_value("li-o").run()
    assert "atomref catalogue materials-project Li-O --name li-o" in [one.value for one in at.code]
    press(at, "Import pairs from api.materialsproject.org")
    assert "MP" in at.error[0].value
    assert "key" in at.error[0].value
    at.text_input(key="mp-key").set_value("SECRET").run()
    monkeypatch.setitem(sys.modules, "mp_api", None)
    press(at, "Import pairs from api.materialsproject.org")
    assert "pip install" in at.error[0].value
    assert "SECRET" not in str(at.query_params)
