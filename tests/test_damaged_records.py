"""One damaged record never takes down a list of others."""

import shutil

import numpy as np
import pytest

from core.frames.registry import list_datasets
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import atomrefs_dir, cache_dir, datasets_dir, experiments_dir, runs_dir, sweeps_dir
from core.process import identity
from core.reference.fits.library import given_atomref, save_atomref, saved_atomrefs
from core.runs.groups.experiment import Experiment
from core.runs.groups.sweep import Sweep
from core.runs.process.local import create
from core.runs.process.restart import restart_lost
from core.runs.record.listing import list_runs, summary_row
from core.studies.imports import ImportStudy
from core.studies.job.directory import Job, JobStatus
from core.studies.job.listing import jobs_of
from core.training.settings.config import RunConfig

DAMAGE = {
    "empty": b"",
    "null": b"null",
    "number": b"5",
    "list": b"[]",
    "object": b"{}",
    "no text": b"\xff\xfe\x00",
    "cut": b'{"version": 1, "created": ',
    "deep": b"[" * 100_000,
    "infinite": b'{"version": 1e999, "created": NaN}',
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def config(**settings):
    return RunConfig(method="refit", dataset="x", **settings)


def damaged(folder, good, name):
    """Yield copies of a good record whose file is damaged in every way, one a directory."""
    for place, content in enumerate(DAMAGE.values()):
        copy = shutil.copytree(folder / good, folder / f"bad-{name.replace('.', '-')}-{place}")
        (copy / name).write_bytes(content)
    copy = shutil.copytree(folder / good, folder / f"bad-{name.replace('.', '-')}-folder")
    (copy / name).unlink()
    (copy / name).mkdir()


def test_runs():
    run = create(config())
    (run.path / "metrics.jsonl").write_bytes(b'{"kind": "step", "step": 1}\n')
    for name in ("config.json", "status.json", "metrics.jsonl"):
        damaged(runs_dir(), run.id, name)
    (runs_dir() / "file").write_text("x")
    listed = list_runs()
    assert run.id in {one.id for one in listed}
    for one in listed:
        summary_row(one)
        one.event("start")
    assert restart_lost() == []


@pytest.mark.parametrize("pid", ["-5", "0", "99999999999999999999", '"x"', "1.5"])
def test_a_status_with_an_impossible_process(pid):
    run = create(config())
    bad = create(config())
    text = (bad.path / "status.json").read_text()
    (bad.path / "status.json").write_text(text.replace('"pid": null', f'"pid": {pid}'))
    assert [one.id for one in list_runs()] == [run.id]


@pytest.mark.parametrize(
    "line", [b"5", b"null", b"{}", b"[]", b'"x"', b'{"kind": 5}', b'{"kind": "step", "step": "x"}']
)
def test_events_that_are_none(line):
    run = create(config())
    good = b'{"kind": "start", "step": 0}\n'
    (run.path / "metrics.jsonl").write_bytes(good + line + b"\n" + good)
    assert run.event("start") == {"kind": "start", "step": 0}


def test_data_sets():
    frame = Frame(
        frame_id="f",
        material_id="m",
        atomic_numbers=np.array([26]),
        frac_coords=np.zeros((1, 3)),
        lattice=3 * np.eye(3),
        energy_per_atom=-5.0,
    )
    write_frames(datasets_dir() / "good", Card(name="good", kind="frames"), [frame])
    damaged(datasets_dir(), "good", "card.json")
    assert [info.card.name for info in list_datasets() if not info.embedded] == ["good"]


@pytest.mark.parametrize(("kind", "folder"), [(Experiment, experiments_dir), (Sweep, sweeps_dir)])
def test_groups(kind, folder):
    settings = {"methods": ["refit"], "seeds": [0]}
    axes = {"sizes": [4], "n_train": 9} if kind is Sweep else {}
    group = kind.draft(config(), **settings, **axes).create()
    for place, content in enumerate(DAMAGE.values()):
        (folder() / f"bad-{place}.json").write_bytes(content)
    (folder() / "folder.json").mkdir()
    assert [one.id for one in kind.load_all()] == [group.id]


def test_atomrefs():
    save_atomref("good", given_atomref({"H": -3.4}, "PBE"))
    for place, content in enumerate(DAMAGE.values()):
        (atomrefs_dir() / f"bad-{place}.json").write_bytes(content)
    (atomrefs_dir() / "folder.json").mkdir()
    assert [*saved_atomrefs()] == ["good"]


def test_studies():
    study = ImportStudy(name="x", paths=[], dataset_kind="frames", settings={})
    job = Job.of(study)
    job.make()
    pid, started = identity()
    job.write(JobStatus(state="running", pid=pid, pid_started=started))
    for name in ("study.json", "status.json"):
        damaged(cache_dir() / "studies", job.path.name, name)
    for path in (cache_dir() / "studies").glob("bad-*"):
        path.rename(path.with_name(f"import-{path.name}"))
    assert [one.path.name for one in jobs_of(["import"])] == [job.path.name]
