"""The closed form on a data set: its energies, its errors, and how certain it is."""

import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.potential.forward import Wanted
from core.potential.models import get_atomref, load_model, set_atomref
from core.potential.prediction import predict
from core.transfer import solved_model
from core.transfer.solved_model import copies_of, solve_model
from core.transfer.source_model import SourceModel
from tests.labelled_lab import (  # noqa: F401
    energies_only,
    home,
    mixed_frames,
    one_thread,
    use_home,
)

SOURCE = SourceModel("chgnet-0.3.0", "cpu", 1)


@pytest.fixture
def solved(energies_only):
    return solve_model(energies_only, energies_only.split().train, SOURCE)


def test_the_moved_model_explains_the_energies(energies_only, solved):
    model = load_model("chgnet-0.3.0")
    before = get_atomref(model)
    solved.apply(model)
    np.testing.assert_array_equal(get_atomref(model), before)
    set_atomref(model, solved.atomref.energies)
    rows = energies_only.split().train
    assert (solved.n, solved.of) == (len(rows), len(rows))
    found = predict(model, energies_only.frames(rows), Wanted.of(()))
    errors = [one.energy for one in found] - energies_only.energies()[rows]
    assert np.abs(errors).mean() < 0.02
    assert set(solved.atomref.deviations) == {"own", "table", "embedding", "network", "noise"}


def test_labelled_forces_move_the_forces_toward_them_and_leave_the_moments():
    data = open_frame_set("mp-frames-r2scan")
    small = np.flatnonzero(data.n_atoms() <= 6)
    train, others = small[:16], small[200:216]
    solved = solve_model(data, train, SOURCE)
    model = load_model("chgnet-0.3.0")

    def errors(rows):
        frames = data.frames(rows)
        found = predict(model, frames, Wanted.of(["force", "magmom"]))
        pairs = list(zip(found, frames, strict=True))
        return [
            np.mean([np.abs(one.forces - frame.forces).mean() for one, frame in pairs]),
            np.mean([np.abs(one.magmoms - frame.magmoms).mean() for one, frame in pairs]),
        ]

    before = errors(train), errors(others)
    solved.apply(model)
    after = errors(train), errors(others)
    assert after[0][0] < 0.85 * before[0][0]
    assert after[1][0] < before[1][0]
    assert max(after[0][1] - before[0][1], after[1][1] - before[1][1]) < 0.003


def test_of_many_frames_some_are_drawn(energies_only, monkeypatch):
    monkeypatch.setattr(solved_model, "MOST", 5)
    rows = energies_only.split().train
    found = solve_model(energies_only, rows, SOURCE, seed=1)
    assert (found.n, found.of) == (5, len(rows))
    assert copies_of(10_000) == copies_of(5)


def test_no_frame_at_all(energies_only):
    with pytest.raises(LabError, match="no training frame has both an energy"):
        solve_model(energies_only, np.zeros(0, dtype=int), SOURCE)
