"""Downloads against a host on this machine: whole, broken off, refused, damaged, continued."""

import errno
import io
import shutil
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from core.errors import LabError
from core.frames.catalogue import fetch
from core.frames.catalogue.downloads import (
    delete,
    directory_of,
    download,
    downloaded,
    size_text,
)
from core.frames.catalogue.fetch import part_of
from core.frames.catalogue.hosts import ask_host
from core.progress import silent
from tests.frames.catalogue.conftest import CONTENT, entry_of

N = len(CONTENT)


def part(entry):
    return part_of(ask_host(entry).files[0], directory_of(entry))


def test_a_file_arrives_whole_and_verified(host, entry):
    told = []
    there = download(entry, lambda share, what: told.append((share, what)))
    assert [path.read_bytes() for path in there.files] == [CONTENT]
    assert there.files[0].name == "data.json.gz"
    assert (there.n_bytes, there.unverified) == (N, ())
    assert there.licence == ("CC BY 4.0" if entry.host == "figshare.com" else "bsd-3-clause")
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, pytest.approx(1.0))
    assert f"{size_text(N)} of {size_text(N)}" in {what for _, what in told}
    assert all(agent.startswith("atomref-lab/") for agent in host.agents)
    assert {path.name for path in directory_of(entry).iterdir()} >= {"data.json.gz", "files.json"}
    host.asked.clear()
    assert download(entry, silent) == there
    assert not host.asked, "what is there is not asked for again"


def test_a_download_that_breaks_off_continues_where_it_was(host, entry):
    host.breaks = [300_000, 1, 400_000]
    there = download(entry, silent)
    assert there.files[0].read_bytes() == CONTENT
    assert host.begins == [0, 300_000, 300_001, 700_001]


def test_a_host_without_ranges_is_read_from_the_beginning(host, entry):
    host.ranges = False
    host.breaks = [300_000]
    assert download(entry, silent).files[0].read_bytes() == CONTENT
    assert host.begins == [0, 0]


def test_what_arrived_is_kept_when_the_host_stays_away(host, entry):
    host.breaks = [300_000] + [0] * 6
    with pytest.raises(LabError, match="300,000 bytes are kept and continued") as error:
        download(entry, silent)
    assert "\n" not in str(error.value)
    assert part(entry).read_bytes() == CONTENT[:300_000]
    there = downloaded(entry)
    assert (there.is_complete, there.n_bytes) == (False, 300_000)
    host.begins.clear()
    assert download(entry, silent).files[0].read_bytes() == CONTENT
    assert host.begins == [300_000]


def test_a_host_that_falls_silent_is_asked_again(host, entry, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (5.0, 0.2))
    silences = [0.6]
    host.gate = SimpleNamespace(wait=lambda _: time.sleep(silences.pop() if silences else 0.0))
    assert download(entry, silent).files[0].read_bytes() == CONTENT
    # on a busy machine an answer may come too late again
    assert (host.begins[0], set(host.begins[1:])) == (0, {N // 2})


def test_a_busy_host_is_asked_again(host, entry):
    host.statuses = [503, 429, 200]
    assert download(entry, silent).is_complete
    host.statuses = [503] * 6
    delete(entry)
    with pytest.raises(LabError, match=r"did not send data\.json\.gz \(status 503\)"):
        download(entry, silent)


@pytest.mark.parametrize("status", [202, 403, 404, 410])
def test_a_refusal_names_the_page_of_the_record(host, entry, status):
    host.statuses = [status]
    with pytest.raises(LabError, match=f"status {status}.*https://example.org/data and import"):
        download(entry, silent)
    assert host.asked["file"] == 1, "asking again would not help"
    assert not downloaded(entry).is_complete


def test_a_wrong_checksum_is_told_and_nothing_is_kept(host, entry):
    host.wrong = {"data.json.gz"}
    with pytest.raises(LabError, match=r"arrived damaged.*download it again"):
        download(entry, silent)
    assert downloaded(entry).n_bytes == 0
    assert not part(entry).exists()
    host.wrong = set()
    assert download(entry, silent).is_complete


def test_a_damaged_part_is_never_taken_for_the_file(host, entry):
    directory_of(entry).mkdir(parents=True)
    part(entry).write_bytes(bytes(N))
    with pytest.raises(LabError, match="arrived damaged"):
        download(entry, silent)
    # A file of the right size that nobody verified.
    (directory_of(entry) / "data.json.gz").write_bytes(bytes(N))
    assert not downloaded(entry).is_complete
    with pytest.raises(LabError, match="arrived damaged"):
        download(entry, silent)
    assert download(entry, silent).files[0].read_bytes() == CONTENT


def test_another_version_does_not_continue_this_one(host, entry):
    host.breaks = [300_000] + [0] * 6
    with pytest.raises(LabError, match="are kept"):
        download(entry, silent)
    old, host.files["data.json.gz"] = part(entry), CONTENT[::-1]
    assert download(entry, silent).files[0].read_bytes() == CONTENT[::-1]
    assert not old.exists()


def test_a_page_instead_of_the_file_is_refused(host, entry):
    host.headers = {"Content-Length": "20"}
    with pytest.raises(LabError, match="sends another file"):
        download(entry, silent)
    assert not part(entry).exists()


def test_an_answer_of_unknown_length_that_ends_early(host, entry):
    host.headers = {"Content-Length": None}
    host.breaks = [300_000] + [0] * 6
    with pytest.raises(LabError, match=r"early; try again\. 300,000 bytes are kept"):
        download(entry, silent)
    host.headers = {}
    assert download(entry, silent).files[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    "content_range",
    [None, "bytes 0-9/10", f"bytes 1-{N - 1}/{N}", f"bytes 300000-{N}/{N + 1}", "items 300000-1/*"],
)
def test_a_part_that_does_not_continue_the_file_is_refused(host, entry, content_range):
    host.breaks = [300_000]
    host.part_headers = {"Content-Range": content_range}
    with pytest.raises(LabError, match="sends another file"):
        download(entry, silent)
    assert part(entry).read_bytes() == CONTENT[:300_000]
    host.part_headers = {"Content-Range": f"bytes 300000-{N - 1}/*"}
    assert download(entry, silent).files[0].read_bytes() == CONTENT


def test_bytes_are_stored_as_they_are_sent(host, entry):
    """Some hosts call a .gz file an encoding of the file in it."""
    host.headers = {"Content-Encoding": "gzip"}
    assert download(entry, silent).files[0].read_bytes() == CONTENT


def test_a_full_disk_is_told_and_what_arrived_is_kept(host, entry, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() >= 500_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    opened = Path.open

    def full(path, mode="r", *rest, **options):
        if path.suffix == ".part" and mode in {"wb", "r+b"}:
            return Full(path, mode)
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(LabError, match="disk is full; free some space"):
        download(entry, silent)
    arrived = downloaded(entry).n_bytes
    assert 0 < arrived < N
    monkeypatch.setattr(Path, "open", opened)
    host.begins.clear()
    assert download(entry, silent).files[0].read_bytes() == CONTENT
    assert host.begins == [arrived]


def test_how_long_a_busy_host_asks_to_wait():
    def wait(text):
        return fetch._retry_after(SimpleNamespace(headers={"Retry-After": text} if text else {}))

    assert [wait("7"), wait("3600"), wait(""), wait("soon")] == [7.0, 60.0, 0.0, 0.0]
    assert wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert 25 < wait(formatdate(time.time() + 30, usegmt=True)) <= 30


def test_without_a_stated_checksum_the_catalogue_s_own_counts(host, entry):
    host.stated = False
    assert download(entry, silent).unverified == ("data.json.gz",)
    delete(entry)
    pinned = entry_of(entry.host, checksums={"data.json.gz": "md5:" + "0" * 32})
    with pytest.raises(LabError, match="arrived damaged"):
        download(pinned, silent)
    host.stated = True
    with pytest.raises(LabError, match="states another checksum"):
        download(pinned, silent)


def test_several_files_in_folders(host):
    entry = entry_of("huggingface.co", files=("pbe/*.parquet",))
    host.files = {f"pbe/train-{i}.parquet": bytes([i]) * 1000 * i for i in range(3)}
    host.files["scan/train-0.parquet"] = b"not asked for"
    there = download(entry, silent)
    assert [path.name for path in there.files] == [f"train-{i}.parquet" for i in range(3)]
    assert {path.parent for path in there.files} == {directory_of(entry)}
    assert there.n_bytes == 3000
    host.files["pbe/more/train-0.parquet"] = b"of the same name"
    delete(entry)
    with pytest.raises(LabError, match="unknown form"):
        download(entry, silent)


def test_the_first_pattern_that_matches_counts(host, entry):
    """A release in an old and a new form is downloaded once."""
    host.files["data.jsonl"] = b"{}"
    assert [path.name for path in download(entry, silent).files] == ["data.jsonl"]


def test_names_stay_in_the_directory_of_the_download(host):
    entry = entry_of("figshare.com")
    host.files = {"..\\..\\evil.json": b"{}"}
    (file,) = download(entry, silent).files
    assert file == directory_of(entry) / "evil.json"
    host.files = {".json": b"{}"}
    delete(entry)
    with pytest.raises(LabError, match="unknown form"):
        download(entry, silent)


def test_room_is_checked_before_anything_arrives(host, entry, monkeypatch):
    usage = shutil.disk_usage(directory_of(entry).parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200_000_000))
    with pytest.raises(LabError, match=r"takes another 1\.0 MB, but only 200\.0 MB are free"):
        download(entry, silent)
    assert host.asked["file"] == 0


def test_a_cancelled_download_continues(host, entry):
    def stop(share, what):
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(entry, stop)
    arrived = downloaded(entry).n_bytes
    assert 0 < arrived < N
    host.begins.clear()
    assert download(entry, silent).files[0].read_bytes() == CONTENT
    assert host.begins == [arrived]


def test_one_process_downloads_at_a_time(host, entry):
    directory_of(entry).mkdir(parents=True)
    with FileLock(directory_of(entry) / ".lock"):
        with pytest.raises(LabError, match="by another process"):
            download(entry, silent)
        with pytest.raises(LabError, match="cancel that first"):
            delete(entry)
    assert download(entry, silent).is_complete


def test_deletion(host, entry):
    with pytest.raises(LabError, match="nothing to delete"):
        delete(entry)
    download(entry, silent)
    delete(entry)
    assert not directory_of(entry).exists()


def test_nobody_answers(host, entry, monkeypatch):
    monkeypatch.setattr("core.frames.catalogue.hosts.FIGSHARE", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9/")
    with pytest.raises(LabError, match=r"127\.0\.0\.1:9 cannot be reached.*proxy"):
        download(entry, silent)


def test_proxies_are_those_of_the_environment(host, entry, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.raises(LabError, match="ProxyError"):
        download(entry, silent)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert download(entry, silent).is_complete


@pytest.mark.parametrize(
    ("answer", "message"),
    [([], "unknown form"), ({"files": [], "siblings": [], "sha": "1"}, "any more")],
)
def test_answers_of_another_form(host, entry, answer, message):
    host.article = lambda _: answer
    host.repository = lambda: answer
    with pytest.raises(LabError, match=message):
        download(entry, silent)
