"""Imports as jobs: killed, begun again."""

import os
import signal
import time

import pytest

from core.frames.registry import list_datasets, open_frame_set
from core.home import datasets_dir
from core.studies.imports import ImportStudy
from core.studies.job.directory import Job
from core.studies.job.listing import dismiss, jobs_of
from core.studies.job.local import start

FRAME = """2
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 energy={energy} pbc="T T T"
Na 0 0 0
Cl 2 2 2
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    path = tmp_path / "salts.xyz"
    with path.open("w") as file:
        for number in range(4_000):
            file.write(FRAME.format(energy=-7 - number / 1e5))
    return Job.of(
        ImportStudy(
            paths=[str(path)],
            dataset_kind="frames",
            name="salts",
            settings={"functional": "PBE"},
        )
    )


def mine():
    return [info.card.name for info in list_datasets() if not info.embedded]


def until(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_import_leaves_nothing_and_begins_again(job):
    start(job)
    until(lambda: job.status().share > 0 or any(datasets_dir().iterdir()))
    os.kill(job.status().pid or 0, signal.SIGKILL)
    until(lambda: job.status().state == "failed")
    assert "ended unexpectedly" in job.status().message
    assert mine() == []

    (again,) = jobs_of(["import"])
    assert again == job
    start(again)
    until(lambda: again.status().state != "running")
    assert again.status().state == "done", again.status().message
    result = again.result()
    assert (result.name, result.n) == ("salts", 4_000)
    assert open_frame_set("salts").frame(3_999).energy_per_atom == pytest.approx(
        (-7 - 3_999 / 1e5) / 2
    )
    dismiss(again)
    assert jobs_of(["import"]) == []
