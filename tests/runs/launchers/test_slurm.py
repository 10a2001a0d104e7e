"""Reading Slurm's answers: what its manual says of states, ids that are used again, silence."""

import time

import pytest

from core.errors import LabError
from core.runs.groups.leftovers import remove_unlaunched
from core.runs.launchers import slurm
from core.runs.launchers.interface import Handle
from core.runs.launchers.slurm import SlurmLauncher
from core.runs.process import local
from core.runs.process.lifecycle import claim
from core.runs.process.restart import restart_lost
from core.runs.record.directory import Lease, LeaseLostError, Run
from core.sweeping import DAY


class Cluster:
    """A Slurm of words: what squeue prints, and what was asked of it."""

    def __init__(self):
        self.jobs = {}
        self.asked = []
        self.answers = True

    def ask(self, *words):
        self.asked.append(words)
        if not self.answers:
            return None
        if words[0] == "scancel":
            self.jobs[words[-1]][0] = "CANCELLED"
        if "--me" in words:
            return "".join(
                f"{job}|{state}|{submitted}|{reason}|{name}\n"
                for job, (state, submitted, reason, name) in self.jobs.items()
            )
        return "".join(f"{job}|gpu\n" for job, row in self.jobs.items() if row[0] == "PENDING")

    def add(self, job, state, name, *, ago=0.0, reason="None"):
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - ago))
        self.jobs[job] = [state, when, reason, name]


class Batch:
    """Takes commands instead of submitit."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name

    def submit_command(self, _command, n):
        first = str(10 + len(self.cluster.jobs))
        ids = [first] if n == 1 else [f"{first}_{i}" for i in range(n)]
        for job in ids:
            self.cluster.add(job, "PENDING", self.name, reason="Priority")
        return ids


@pytest.fixture
def cluster(lab, monkeypatch):
    cluster = Cluster()
    monkeypatch.setattr(slurm, "ask", cluster.ask)
    monkeypatch.setattr(slurm, "_FRESH_SECONDS", -1.0)
    monkeypatch.setattr(slurm, "_accounting", lambda: None)
    monkeypatch.setattr(slurm, "_batch", lambda *words: Batch(cluster, words[1]))
    (lab.path / "home").mkdir(exist_ok=True)
    (lab.path / "home" / "clusters.toml").write_text("[gpu]\n[pack]\nruns_per_job = 2\n")
    return cluster


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("PENDING", "waiting"),
        ("REQUEUED", "waiting"),
        ("RUNNING", "working"),
        ("COMPLETING", "working"),
        ("COMPLETED", "ended"),
        ("TIMEOUT", "ended"),
        ("OUT_OF_MEMORY", "ended"),
        ("NODE_FAIL", "ended"),
    ],
)
def test_states_of_slurm(cluster, state, phase):
    cluster.add("12", state, "mine")
    handle = Handle(id="12", since=time.time() - 5, place="mine")
    assert SlurmLauncher("gpu").state(handle).phase == phase


def test_an_id_that_another_job_has_now_is_not_the_run(cluster):
    since = time.time() - 5
    cluster.add("12", "RUNNING", "another")
    assert SlurmLauncher("gpu").state(Handle(id="12", since=since, place="mine")).phase == "ended"
    cluster.add("12", "RUNNING", "mine", ago=86400)
    assert SlurmLauncher("gpu").state(Handle(id="12", since=since, place="mine")).phase == "ended"


def test_a_silent_slurm_says_nothing_about_a_run(lab, cluster):
    run = lab.new_run(on="gpu")
    local.launch(run)
    cluster.answers = False
    assert run.status().state == "queued"
    assert not run.is_lost()
    with pytest.raises(LabError, match="Slurm does not cancel job 10"):
        local.cancel(run)
    assert not run.status().cancel_requested


def test_a_list_asked_for_while_a_run_is_submitted_does_not_tell_that_it_is_gone(
    lab, cluster, monkeypatch
):
    monkeypatch.setattr(slurm, "_FRESH_SECONDS", 60.0)
    submit = Batch.submit_command

    def slowly(batch, command, n):
        assert slurm._QUEUE.mine(after=time.time()) == {}
        return submit(batch, command, n)

    monkeypatch.setattr(Batch, "submit_command", slowly)
    run = lab.new_run(on="gpu")
    local.launch(run)
    assert run.status().state == "queued"
    assert not run.is_lost()


def test_runs_of_one_profile_are_one_array_with_places(lab, cluster):
    runs = [lab.new_run(on="gpu") for _ in range(3)]
    local.launch(*runs)
    assert [run.status().job for run in runs] == ["10_0", "10_1", "10_2"]
    assert len({run.status().submission for run in runs}) == 1
    assert len(list((lab.path / "home" / "jobs").iterdir())) == 1
    cluster.jobs["10_0"][0] = "RUNNING"
    assert slurm._QUEUE.position("10_2") == 2
    with pytest.raises(LabError, match="only a new run"):
        local.launch(runs[0])


def test_a_waiting_run_that_is_cancelled_leaves_the_queue_and_no_job_takes_it(lab, cluster):
    run = lab.new_run(on="gpu")
    local.launch(run)
    lease = Lease(run.status().submission, 0)
    local.cancel(run)
    assert run.status().state == "cancelled"
    assert cluster.asked[-1] == ("scancel", "10")
    with pytest.raises(LeaseLostError, match="does not wait for job"):
        claim(Run(run.path, lease))
    local.resume(run)
    assert (run.status().state, run.status().job) == ("queued", "11")


def test_runs_that_share_a_job_are_cancelled_alone_and_the_job_with_the_last(lab, cluster):
    runs = [lab.new_run(on="pack") for _ in range(2)]
    local.launch(*runs)
    assert [run.status().job for run in runs] == ["10/0", "10/1"]
    local.cancel(runs[0])
    assert runs[0].status().state == "cancelled"
    assert not any(words[0] == "scancel" for words in cluster.asked)
    assert runs[1].status().state == "queued"
    local.cancel(runs[1])
    assert cluster.asked[-1] == ("scancel", "10")


def test_a_job_that_slurm_starts_twice_has_the_run_once(lab, cluster):
    """The last start has it; an earlier one changes nothing any more."""
    run = lab.new_run(on="gpu")
    local.launch(run)
    name = run.status().submission
    old = Run(run.path, Lease(name, 0))
    assert claim(old).attempt == 0
    old.update(state="running")
    new = Run(run.path, Lease(name, 1))
    assert claim(new).attempt == 1
    with pytest.raises(LeaseLostError, match=f"belongs to {name}"):
        old.update(step=3)
    with pytest.raises(LeaseLostError, match="was started again"):
        claim(old)
    assert new.update(step=3).step == 3
    new.update(state="finished")
    with pytest.raises(LabError, match="is finished"):
        claim(Run(run.path, Lease(name, 2)))


def test_a_run_on_a_cluster_is_not_taken_by_a_process_of_this_machine(lab, cluster):
    run = lab.new_run(on="gpu")
    local.launch(run)
    with pytest.raises(LabError, match="already queued on gpu, job 10"):
        claim(run)
    local.cancel(run)
    assert claim(run).on is None


def test_a_run_whose_job_is_gone_is_submitted_again(lab, cluster):
    run = lab.new_run(on="gpu")
    local.launch(run)
    run.update(state="running")
    cluster.jobs["10"][0] = "NODE_FAIL"
    assert run.status().message == ("The process ended unexpectedly (NODE_FAIL on gpu); resume it.")
    assert remove_unlaunched(time.time() + 2 * DAY) == []
    assert restart_lost() == [run]
    status = run.status()
    assert (status.state, status.job, status.revivals) == ("queued", "11", 1)
