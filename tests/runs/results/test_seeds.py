"""Runs that differ in their seed alone."""

from core.runs.process.local import create
from core.runs.results.seeds import siblings
from core.training.settings.config import RunConfig


def run(*, model=True, **settings):
    made = create(RunConfig(dataset="mp-frames-r2scan", method="refit", epochs=1, **settings))
    if model:
        made.best_checkpoint.parent.mkdir(parents=True, exist_ok=True)
        made.best_checkpoint.write_bytes(b"model")
    return made


def test_only_seed_and_name_may_differ_and_there_is_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    first, second = run(seed=0), run(seed=1, name="again")
    run(seed=2, batch_size=8)
    run(seed=3, model=False)
    run(seed=0, name="the same once more")
    assert [one.id for one in siblings(first)] == [first.id, second.id]
