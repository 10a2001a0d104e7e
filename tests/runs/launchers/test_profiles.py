"""Profiles of a cluster: what Slurm's manual says of times, and a sentence for what is wrong."""

import pytest

from core.errors import LabError
from core.runs.launchers.profiles import Profile, profile_named, profiles, seconds_of


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return (tmp_path / "clusters.toml").write_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    # the forms of sbatch --time, by its manual
    [
        ("90", 90 * 60),
        ("10:30", 630),
        ("24:00:00", 86400),
        ("2-0", 2 * 86400),
        ("1-12:30", 86400 + 12 * 3600 + 1800),
        ("1-12:00:05", 86400 + 12 * 3600 + 5),
        ("a day", 0),
        ("1:2:3:4", 0),
        ("", 0),
    ],
)
def test_times_are_read_as_slurm_reads_them(text, seconds):
    assert seconds_of(text) == seconds


def test_profiles_are_read_in_the_order_of_the_file(write):
    write(
        '[gpu]\npartition = "gpu"\naccount = "mat"\ngpus = 4\ntime = "1-0"\nruns_per_job = 8\n'
        'flags = { qos = "long", exclusive = true }\nsetup = ["module load cuda"]\n'
        "[cpu]\ntime = 90\n"
    )
    found = profiles()
    assert list(found) == ["gpu", "cpu"]
    assert (found["gpu"].seconds, found["gpu"].nodes, found["gpu"].gpus) == (86400, 1, 4)
    assert profile_named("cpu").seconds == 5400
    with pytest.raises(LabError, match=r"big: is not a profile of .*clusters.toml; choose among"):
        profile_named("big")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "no GPU, time limit 24:00:00"),
        (
            {"time": 90, "cpus": 1, "runs_per_job": 3},
            "no GPU, 1 core, time limit 90 min, 3 runs a job",
        ),
        (
            {"nodes": 2, "gpus": 1, "cpus": 8, "memory_gb": 31.5, "account": "x", "partition": "y"},
            (
                "partition y, account x, 2 nodes, 1 GPU a node, 8 cores a node, 31.5 GiB a node, "
                "time limit 24:00:00"
            ),
        ),
        (
            {"flags": {"qos": "long", "exclusive": True, "hold": False}},
            "no GPU, time limit 24:00:00, qos long, exclusive",
        ),
    ],
)
def test_what_a_job_asks_for_is_told_in_a_line(asked, told):
    assert Profile(**asked).summary() == told


def test_without_a_file_there_are_none(write):
    assert profiles() == {}
    with pytest.raises(LabError, match="there are none yet"):
        profile_named("gpu")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[gpu]\ntme = 3", r"\[gpu\] tme: is not a setting; known ones: partition, .* into flags"),
        ("[gpu]\ntime = 'soon'", r"\[gpu\] time: should be minutes, such as 90, or a text"),
        ("[gpu]\nnodes = 0", r"\[gpu\] nodes: should be at least 1"),
        ("[gpu]\nflags = {'--qos' = 'x'}", r"'--qos' is no option; write it without hyphens"),
        ("[gpu]\nflags = {array = '0-3'}", r"array cannot be set: runs_per_job says"),
        (
            "[gpu]\nnodes = 2\nruns_per_job = 2",
            r"runs_per_job: should be 1 where a run",
        ),
        ("[gpu]\ntime = 1\nstop_seconds = 60", r"stop_seconds: 60 s before the end are before"),
        ("gpu = 3", r"\[gpu\] should be a table"),
        ("[gpu", r"clusters.toml cannot be read"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(write, text, sentence):
    write(text)
    with pytest.raises(LabError, match=sentence) as caught:
        profiles()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value).removesuffix("correct it.")
