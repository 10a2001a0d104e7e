"""Jobs: computed once, watched from anywhere, cancelled at once, told of when they die."""

import os
import signal
import threading
import time

import psutil
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.progress import silent
from core.studies.catalog import study_of
from core.studies.job import local, worker
from core.studies.job.directory import Job, JobStatus, Question
from core.studies.job.local import cancel, compute_here, seconds_left, start
from tests.studies.job.example_study import MeanStudy

MEAN = open_dataset("mp-structures").energy("energy_gga_chgnet").mean()


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_done_in_place_and_kept(home):
    job = Job.of(MeanStudy())
    assert job.status().state == "new"
    told = []
    assert compute_here(job, lambda share, what: told.append((share, what))).value == MEAN
    assert told[0] == (0.0, "Thinking")
    assert job.status().state == "done"
    again = compute_here(job, lambda *_: pytest.fail("computed a second time"))
    assert (again.value, again.n) == (MEAN, 6238)


def test_a_damaged_result_is_computed_again(home):
    job = Job.of(MeanStudy())
    compute_here(job, silent)
    (job.path / "result.npz").write_bytes(b"half of it")
    with pytest.raises(LabError, match="compute it again"):
        job.result()
    assert compute_here(job, silent).value == MEAN


def test_two_readers_compute_once(home):
    job, computed = Job.of(MeanStudy(pause=0.02)), []

    def ask():
        compute_here(job, lambda share, _: computed.append(share))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 20


def test_a_page_does_not_wait_for_the_command_that_computes_the_same(home, monkeypatch):
    monkeypatch.setattr(local, "_PATIENCE", 0.0)
    job = Job.of(MeanStudy())
    with job.locked(), pytest.raises(LabError, match="A command or another page computes this"):
        start(job)
    assert job.status().state == "new"


def test_an_interrupted_computation_leaves_nothing(home):
    job = Job.of(MeanStudy())

    def stop(share, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_here(job, stop)
    assert job.status().state == "new"
    assert compute_here(job, silent).n == 6238


def test_a_process_of_its_own(home):
    job = Job.of(MeanStudy(pause=0.1))
    start(job)
    pid = job.status().pid
    assert os.getpgid(pid) == pid != os.getpgid(0)
    until(lambda: job.status().share > 0)
    assert job.status().what == "Thinking"
    start(job)
    assert job.status().pid == pid  # the second to ask gets the same
    until(lambda: job.status().state != "running")
    assert job.status().state == "done"
    assert job.result().value == MEAN
    start(job)
    assert job.status().pid == pid


def test_cancel_ends_it_at_once_and_it_can_begin_again(home):
    job = Job.of(MeanStudy(pause=0.3))
    start(job)
    until(lambda: job.status().share > 0)
    pid = job.status().pid
    cancel(job)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
    assert job.status().state == "cancelled"
    cancel(job)  # nothing more to end
    start(job)
    assert job.status().state == "running"
    assert job.status().pid != pid
    cancel(job)


def test_a_killed_process_is_told(home):
    job = Job.of(MeanStudy(pause=0.3))
    start(job)
    until(lambda: job.status().share > 0)
    os.kill(job.status().pid, signal.SIGKILL)
    until(lambda: job.status().state != "running")
    assert job.status().state == "failed"
    assert "try again" in job.status().message


@pytest.mark.parametrize(
    ("fails", "message"),
    [("mp: is wrong; mend it.", "mp: is wrong; mend it."), ("memory", "memory")],
)
def test_what_goes_wrong_is_told_in_words(home, fails, message):
    job = Job.of(MeanStudy(fails=fails))
    job.make()
    assert worker.main(job.path) == 2
    assert job.status().state == "failed"
    assert message in job.status().message


def test_other_settings_or_data_are_another_study(home, monkeypatch):
    key = MeanStudy().key()
    assert Job.of(MeanStudy()).path.name == f"mean-{key}"
    assert MeanStudy(column="energy_r2scan_chgnet").key() != key
    with pytest.raises(LabError, match="no data set"):
        MeanStudy(dataset="missing").key()
    monkeypatch.setattr(MeanStudy, "inputs", lambda _: ["the same name, imported anew"])
    assert MeanStudy().key() != key


def test_a_result_of_data_that_changed_meanwhile_is_not_kept(home, monkeypatch):
    job = Job.of(MeanStudy())

    def imported_anew(share, what):
        monkeypatch.setattr(MeanStudy, "inputs", lambda _: ["imported anew"])

    with pytest.raises(LabError, match="changed since the computation started"):
        compute_here(job, imported_anew)
    assert not job.is_done


def test_a_question_survives_as_a_file(home):
    job = Job.of(MeanStudy(pause=0.5))
    job.make()
    question = Question.read(job.path)
    assert study_of(question.kind, question.settings) == job.study
    with pytest.raises(LabError, match="no study"):
        study_of("nonsense", {})
    with pytest.raises(LabError, match="not valid"):
        study_of("mean", {"pause": "long"})
    (job.path / "study.json").write_text("{")
    with pytest.raises(LabError, match="compute the study again"):
        Question.read(job.path)


def test_time_left_by_what_is_done():
    status = JobStatus(state="running", share=0.25, started=100.0)
    assert seconds_left(status, 110.0) == pytest.approx(30.0)
    assert seconds_left(status.model_copy(update={"share": 0.0}), 110.0) is None
