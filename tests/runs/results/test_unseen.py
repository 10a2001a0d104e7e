"""Held-out frames with an element that training never saw, by hand."""

import numpy as np
import pytest

from core.frames.schema import Card, Frame
from core.frames.store import open_frames, write_frames
from core.runs.process.local import create
from core.runs.results.comparison import beside_paper, errors_table
from core.runs.results.matched import compared, matched_table, seen_errors_of
from core.runs.results.unseen import unseen_frames, unseen_note, unseen_of
from core.training.scoring.error_rows import TEST, VALIDATION, ErrorRows
from core.training.settings.config import RunConfig
from core.training.settings.metrics import METRICS, MetricSums

ENERGY = next(iter(METRICS))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Forty salts; one test frame holds Xe, which is in no other frame."""
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    card = Card(name="salts", kind="frames", functional="r2SCAN", labels="dft")
    folder = tmp_path / "datasets" / "salts"

    def frames(xenon=-1):
        for i in range(40):
            yield Frame(
                frame_id=f"f{i}",
                material_id=f"m{i}",
                atomic_numbers=np.array([54 if i == xenon else 11, 17], dtype=np.uint8),
                frac_coords=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
                lattice=np.eye(3) * 5,
                energy_per_atom=-4.0,
            )

    # The split depends on the ids alone.
    write_frames(tmp_path / "draft", card, frames())
    held_out = int(open_frames(tmp_path / "draft").split().test[0])
    write_frames(folder, card, frames(held_out))
    return open_frames(folder)


def made_run(data, method, seed, *, xenon=5000.0, others=(20.0, 40.0)):
    """A finished run whose errors, in meV/atom, are those given."""
    run = create(RunConfig(dataset="salts", method=method, seed=seed))
    run.checkpoints.mkdir(exist_ok=True)
    split = data.split()
    for file, rows in ((VALIDATION, split.validation), (TEST, split.test)):
        sums = []
        for number, row in enumerate(rows):
            one = MetricSums(n_frames=1)
            has_xenon = "Xe" in data.table()["formula"].iloc[row]
            error = xenon if has_xenon else others[number % 2]
            one.add("energy", np.array([error / 1000]), np.zeros(1))
            sums.append(one.vector())
        errors = ErrorRows(fingerprint=data.fingerprint, rows=rows, sums=np.array(sums))
        errors.save(run.checkpoints / file)
    run.update(state="finished", best_epoch=1, labels="dft", test=dict(errors.metrics()))
    return run


def test_errors_with_and_without(data):
    run = made_run(data, "refit", 0)
    found = unseen_of(run, "test")
    assert (found.elements, found.n, found.of) == (("Xe",), 1, 4)
    assert found.only[ENERGY] == pytest.approx(5000)
    # The first test frame is the one with Xe; the others are 40, 20 and 40.
    assert found.without[ENERGY] == pytest.approx(100 / 3)
    assert found.without["n_frames"] == 3
    assert unseen_of(run, "validation") is None
    flags, symbols = unseen_frames(run.config, data, data.split().test)
    assert (flags.tolist(), symbols) == ([True, False, False, False], ["Xe"])
    row = beside_paper([run]).iloc[0]
    assert (row["energy_seen"], row["unseen"]) == (
        pytest.approx(100 / 3),
        "1 of 4 frames (Xe)",
    )
    table = errors_table(run)
    assert (
        table["model"].iloc[-1] == "Test, elements that training saw (without 1 of 4 frames (Xe))"
    )
    assert table[ENERGY].iloc[-1] == pytest.approx(100 / 3)


def test_who_knew_the_element_does_not_decide_the_comparison(data):
    """Refit is better wherever it can know the reference; one frame of four says the opposite."""
    runs = [
        made_run(data, method, seed, xenon=xenon, others=(base + seed, base + 3 * seed))
        for method, xenon, base in (("refit", 5000.0, 20.0), ("residual", 90.0, 30.0))
        for seed in range(3)
    ]
    (everything,) = compared(runs, "test", ENERGY)
    (seen,) = compared(runs, "test", ENERGY, seen=True)
    assert (everything.better, seen.better) == ("residual", "refit")
    assert seen.mean == pytest.approx(10)
    means = matched_table(runs, "test", seen_errors_of).set_index("method")
    assert means.loc["residual", ENERGY] - means.loc["refit", ENERGY] == pytest.approx(10)
    note = unseen_note(runs, "test")
    assert note.startswith("1 of 4 test frames hold an element that training never saw (Xe).")
    assert "The AtomRef of refit cannot know its energy" in note
    assert unseen_note(runs, "validation") == ""


def test_nothing_is_said_without_the_errors_or_the_data(data, tmp_path):
    run = made_run(data, "refit", 0)
    (run.checkpoints / TEST).unlink()
    assert unseen_of(run, "test") is None
    other = made_run(data, "refit", 1)
    (tmp_path / "datasets" / "salts").rename(tmp_path / "gone")
    assert unseen_of(other, "test") is None
