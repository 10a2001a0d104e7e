import contextlib
import io
import json

import numpy as np
import pytest
import torch
from chgnet.model import CHGNet
from pymatgen.core import Structure

from core.errors import LabError
from core.potential.forward import Wanted
from core.potential.models import get_atomref, load_model, read_extra
from core.potential.prediction import predict
from core.runs.record.events import StatusTracker
from core.training.loop.loop import fit
from core.training.scoring.evaluate import evaluate
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.methods import ALONE, METHODS
from core.training.settings.partition import partition
from core.transfer.uncertainty import uncertainty_of

SHORT = RunConfig(dataset="mixed", method="refit", epochs=2, batch_size=6, device="cpu", threads=1)


class Events(list):
    """Collects events; asks for a stop once `stop_after` of the kind have come."""

    def __init__(self, stop_after=None, kind="step"):
        super().__init__()
        self.stop_after, self.stop_kind = stop_after, kind

    def __call__(self, event):
        self.append(json.loads(json.dumps(event, allow_nan=False)))

    def of(self, kind):
        return [event for event in self if event["kind"] == kind]

    def stop(self):
        return self.stop_after is not None and len(self.of(self.stop_kind)) >= self.stop_after


def run(config, frame_set, path, *, resume=False, stop_after=None, kind="step"):
    events = Events(stop_after, kind)
    outcome = fit(
        config,
        frame_set,
        checkpoints=path,
        emit=events,
        should_stop=events.stop,
        resume=resume,
    )
    return outcome, events


def weights(path):
    return load_model(path).state_dict()


def timeless(event):
    clocks = {"time", "seconds", "frames_per_second", "memory_mb", "what"}
    return {key: value for key, value in event.items() if key not in clocks}


@pytest.fixture(scope="module")
def whole(home, tmp_path_factory):
    """An uninterrupted run: outcome, events, checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        from core.frames.registry import open_dataset  # noqa: PLC0415

        path = tmp_path_factory.mktemp("whole")
        return *run(SHORT, open_dataset("mixed"), path), path


def test_events_tell_the_whole_run(whole, mixed):
    outcome, events, _ = whole
    split = partition(SHORT, mixed)
    steps = -(-len(split.train) // 6)
    (start,) = events.of("start")
    assert start["n_train"] == len(split.train)
    assert (start["n_validation"], start["n_test"]) == (len(split.validation), len(split.test))
    assert start["labels"] == ["energy", "force", "stress", "magmom"]
    assert start["atomref"]["method"] == "lstsq"
    assert [event["step"] for event in events.of("step")] == list(range(1, 2 * steps + 1))
    assert {event["steps"] for event in events.of("step")} == {2 * steps}
    assert [event["epoch"] for event in events.of("epoch")] == [1, 2]
    for event in events.of("epoch"):
        assert event["train"]["n_frames"] == len(split.train)
        assert event["validation"]["force_mae_mev_per_angstrom"] > 0
    end = events[-1]
    assert end["kind"] == "end"
    errors = [event["validation"]["energy_mae_mev_per_atom"] for event in events.of("epoch")]
    assert end["best_epoch"] == outcome.best_epoch == 1 + int(np.argmin(errors))
    assert end["test"] == outcome.test
    assert outcome.validation["energy_mae_mev_per_atom"] == min(errors)


def test_resumed_is_bit_for_bit_uninterrupted(whole, mixed, tmp_path):
    """Stopped within the first epoch, during its validation, and within the second."""
    expected, events, path = whole
    told, seen = [], 0
    for stop in (2, 2, 1):
        outcome, part = run(SHORT, mixed, tmp_path, resume=True, stop_after=stop)
        assert outcome.state == "cancelled"
        assert part.of("start")[0]["step"] == seen
        seen += len(part.of("step"))
        told += part
    outcome, part = run(SHORT, mixed, tmp_path, resume=True)
    told += part
    assert (outcome.best_epoch, outcome.test) == (expected.best_epoch, expected.test)
    for name in ("last.pt", "best.pth.tar"):
        ours, theirs = weights(tmp_path / name), weights(path / name)
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    for kind in ("step", "epoch", "end"):
        assert [timeless(e) for e in told if e["kind"] == kind] == [
            timeless(e) for e in events.of(kind)
        ]


def test_a_crash_within_an_epoch_costs_little(whole, mixed, tmp_path, monkeypatch):
    monkeypatch.setattr("core.training.loop.loop._SAVE_SECONDS", 0.0)
    told = Events()

    def crash(event):
        if len(told.of("step")) == 2:
            raise MemoryError
        told(event)

    with pytest.raises(MemoryError):
        fit(SHORT, mixed, checkpoints=tmp_path, emit=crash, should_stop=lambda: False)
    outcome, events = run(SHORT, mixed, tmp_path, resume=True)
    assert events.of("start")[0]["step"] == 2
    assert outcome == whole[0]


def test_stopped_before_the_first_step_starts_anew(mixed, tmp_path):
    outcome, events = run(SHORT, mixed, tmp_path, stop_after=0)
    assert (outcome.state, outcome.test) == ("cancelled", None)
    assert not events.of("step")


def test_resume_refuses_other_settings(whole, mixed):
    _, _, path = whole
    other = SHORT.model_copy(update={"seed": 1})
    with pytest.raises(LabError, match="other settings"):
        run(other, mixed, path, resume=True)
    with pytest.raises(LabError, match="has changed"):
        run(SHORT, _Changed(mixed), path, resume=True)


class _Changed:
    """The same frames under another fingerprint."""

    fingerprint = "other"

    def __init__(self, frame_set):
        self._frame_set = frame_set

    def __getattr__(self, name):
        return getattr(self._frame_set, name)


@pytest.mark.parametrize("name", ["best.pth.tar", "last.pt"])
def test_stock_chgnet_reads_the_checkpoints(whole, mixed, name):
    path = whole[2] / name
    with contextlib.redirect_stdout(io.StringIO()):
        stock = CHGNet.from_file(str(path))
    frame = mixed.frame(0)
    structure = Structure(frame.lattice, frame.atomic_numbers.tolist(), frame.frac_coords)
    theirs, ours = stock.predict_structure(structure), predict(load_model(path), [frame])[0]
    assert float(theirs["e"]) == pytest.approx(ours.energy, abs=1e-5)
    np.testing.assert_allclose(theirs["f"], ours.forces, atol=1e-4)
    np.testing.assert_allclose(theirs["s"], ours.stress, atol=1e-4)


def test_best_checkpoint_says_what_it_is(whole, mixed):
    outcome, _, path = whole
    extra = read_extra(path / "best.pth.tar")
    assert extra["functional"] == "test"
    assert extra["epoch"] == outcome.best_epoch
    assert RunConfig.parse(extra["config"]) == SHORT
    found = evaluate(path / "best.pth.tar", mixed, partition(SHORT, mixed).test, device="cpu")
    assert found == pytest.approx(outcome.test, rel=1e-4)


@pytest.mark.parametrize("method", [m for m in ALONE if not METHODS[m].closed_form])
def test_atomref_before_and_after(energies_only, tmp_path, method):
    config = RunConfig(
        dataset="energies", method=method, epochs=1, device="cpu", threads=1, ridge_strength=1e-2
    )
    outcome, events = run(config, energies_only, tmp_path)
    assert outcome.state == "finished"
    after = get_atomref(load_model(tmp_path / "best.pth.tar"))

    rows = partition(config, energies_only).train
    X, y = energies_only.fractions()[rows], energies_only.energies()[rows]
    source = load_model("chgnet-0.3.0")
    if method in {"scratch", "refit"}:
        expected = np.linalg.lstsq(X, y, rcond=None)[0]
    elif method == "residual":
        found = predict(source, energies_only.frames(rows), Wanted.of([]))
        prior = get_atomref(source)
        left = y - [one.interaction for one in found] - X @ prior
        expected = prior + np.linalg.solve(X.T @ X + 1e-2 * np.eye(94), X.T @ left)
    else:
        expected = get_atomref(source)
    if method == "trainable":
        seen = X.any(axis=0)
        assert (after[seen] != expected[seen]).all()
        np.testing.assert_allclose(after[~seen], expected[~seen])
    else:
        np.testing.assert_allclose(after, expected, atol=2e-5)
    assert events.of("start")[0]["labels"] == ["energy"]
    assert outcome.test["force_mae_mev_per_angstrom"] is None

    (end,) = events.of("end")
    if method == "scratch":
        assert end["force_drift"] is None
    else:
        assert end["force_drift"]["after_mev_per_angstrom"] > 0
        assert "away from the pretrained model's" in StatusTracker(epochs=1).line(end)


def test_a_closed_form_is_a_result_and_a_start(energies_only, tmp_path):
    alone = RunConfig(dataset="energies", method="linearised", device="cpu", threads=1)
    assert alone.epochs == 0
    outcome, events = run(alone, energies_only, tmp_path / "alone")
    assert (outcome.state, outcome.best_epoch) == ("finished", 0)
    assert not events.of("epoch")
    (start,) = events.of("start")
    n = len(partition(alone, energies_only).train)
    assert (start["closed_form"]["frames"], start["closed_form"]["of"]) == (n, n)
    assert start["validation"] == outcome.validation
    rows = partition(alone, energies_only).test
    found = predict(load_model(tmp_path / "alone" / "best.pth.tar"), energies_only.frames(rows))
    errors = [one.energy for one in found] - energies_only.energies()[rows]
    assert outcome.test["energy_mae_mev_per_atom"] == pytest.approx(
        1000 * np.abs(errors).mean(), rel=1e-2
    )
    (end,) = events.of("end")
    said = end["uncertainty"]
    kept = uncertainty_of(
        str(tmp_path / "alone" / "best.pth.tar"), load_model(tmp_path / "alone" / "best.pth.tar")
    )
    assert (said["materials"], said["factor"]) == (kept.n_held_out, kept.factor)
    assert said["n_test"] == len(rows)
    assert said["error_mev_per_atom"] == pytest.approx(1000 * np.abs(errors).mean(), rel=1e-2)
    tracker = StatusTracker(epochs=0)
    assert tracker.changes(start)["best_epoch"] == 0
    assert "closed form" in tracker.line(start)

    trained, events = run(
        alone.model_copy(update={"epochs": 1}), energies_only, tmp_path / "trained"
    )
    assert events.of("start")[0]["validation"] == start["validation"]
    assert len(events.of("epoch")) == 1
    key = "energy_mae_mev_per_atom"
    assert trained.validation[key] <= outcome.validation[key]
    assert events.of("end")[0]["uncertainty"]["materials"] == said["materials"]


def test_a_closed_form_stops_on_request(energies_only, tmp_path):
    config = RunConfig(dataset="energies", method="linearised", device="cpu", threads=1)
    outcome = fit(
        config,
        energies_only,
        checkpoints=tmp_path,
        emit=lambda _: None,
        should_stop=lambda: True,
    )
    assert outcome.state == "cancelled"
    assert not (tmp_path / "best.pth.tar").exists()


def test_no_trainable_label_is_told(energies_only, tmp_path):
    config = SHORT.model_copy(update={"loss": LossRatios(energy=0), "dataset": "energies"})
    with pytest.raises(LabError, match="loss ratio"):
        run(config, energies_only, tmp_path)


def test_divergence_is_told(mixed, tmp_path):
    config = SHORT.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(LabError, match="not a finite number"):
        run(config, mixed, tmp_path)
    assert not list(tmp_path.glob(".*"))
