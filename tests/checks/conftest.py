"""Small data sets of embedded frames, whose labels are at once the predictions of a model."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.checks import doctor
from core.elements import INDEX
from core.frames.registry import open_dataset, open_frame_set
from core.frames.schema import Card
from core.frames.store import open_frames, write_frames
from core.potential.models import get_atomref, load_model
from core.transfer import label_check
from tests.checks.faults import GGA, R2SCAN

PREDICTED = {"chgnet-0.3.0": GGA, "chgnet-r2scan": R2SCAN}
"""The labels of these data sets are what the released models predict for their frames."""


class Predicted:
    """Looks predictions of the released models up where the doctor would compute them."""

    def __init__(self):
        self.data = {name: open_frame_set(dataset) for name, dataset in PREDICTED.items()}
        self.place = {
            name: i for i, name in enumerate(self.data["chgnet-0.3.0"].table()["frame_id"])
        }
        self.atomref = {name: get_atomref(load_model(name)) for name in PREDICTED}

    def rows(self, data, rows):
        names = data.table()["frame_id"].to_numpy()[rows]
        return [self.place[name.partition("|")[0]] for name in names]

    def interaction_energies(self, data, source, *, rows, progress=None):
        del progress
        known = self.data[source.name]
        places = self.rows(data, rows)
        return known.energies()[places] - known.fractions()[places] @ self.atomref[source.name]

    def array_predictions(self, data, source, rows, *, progress=None):
        del progress
        flags = data.table()["has_forces"].to_numpy()
        rows = np.sort(np.random.default_rng(0).permutation(rows[flags[rows]])[:30])
        predicted = self.data[source.name].frames(self.rows(data, rows))
        return [
            (
                example(row, frame),
                SimpleNamespace(forces=one.forces, stress=one.stress, magmoms=one.magmoms),
            )
            for row, frame, one in zip(rows, data.frames(rows), predicted, strict=True)
        ]


def example(row, frame):
    labels = {"force": frame.forces, "stress": frame.stress, "magmom": frame.magmoms}
    return SimpleNamespace(
        index=int(row),
        forces=frame.forces,
        stress=frame.stress,
        magmoms=frame.magmoms,
        label=labels.get,
        graph=SimpleNamespace(lattice=frame.lattice),
    )


@pytest.fixture(scope="session")
def predicted():
    return Predicted()


@pytest.fixture
def looked_up(predicted, monkeypatch):
    """The doctor looks predictions up instead of computing them."""
    monkeypatch.setattr(doctor, "interaction_energies", predicted.interaction_energies)
    monkeypatch.setattr(label_check, "interaction_energies", predicted.interaction_energies)
    monkeypatch.setattr(doctor, "array_predictions", predicted.array_predictions)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def frames_of(name, elements=None, *, n=150, largest=16, seed=0):
    """Frames of whole materials, of some elements alone."""
    data = open_dataset(name)
    keep = data.n_atoms() <= largest
    if elements is not None:
        others = np.ones(94, bool)
        others[[INDEX[symbol] for symbol in elements]] = False
        keep &= ~(data.fractions()[:, others] > 0).any(axis=1)
    materials = np.unique(data.material_codes()[keep])
    order = np.random.default_rng(seed).permutation(materials)
    codes = data.material_codes()
    rows = np.concatenate([np.flatnonzero(codes == code) for code in order[: n // 3 + 1]])
    return data.frames(rows[:n])


def written(path, frames, **card):
    facts = {"functional": "r2SCAN", "corrections": "none"} | card
    write_frames(path, Card(name=path.name, kind="frames", **facts), frames)
    return open_frames(path)


def alarms(findings):
    return sorted({one.kind for one in findings if one.severity != "info"})
