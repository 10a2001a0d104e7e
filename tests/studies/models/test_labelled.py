"""Errors on labelled frames are those of `evaluate`; the mismatch of functionals is told."""

import numpy as np
import pytest

from core.checks import domain
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.schema import Card
from core.frames.splits import Split
from core.progress import silent
from core.studies.models.labelled import DistancesStudy, LabelledStudy, mismatch
from core.studies.results import load_result, save_result
from core.training.scoring.evaluate import evaluate
from core.training.scoring.frame_errors import summary

DATA = "mp-frames-r2scan"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    return tmp_path


def test_errors_are_those_of_evaluate_on_the_same_frames(home):
    study = LabelledStudy(model="chgnet-0.3.0", dataset=DATA, most=8)
    save_result(home / "r.npz", study.compute(silent))
    found = load_result(home / "r.npz", study.result)
    data = open_frame_set(DATA)
    assert set(found.frames.rows) <= set(data.split().test)
    expected = evaluate("chgnet-0.3.0", data, found.frames.rows, device="cpu", threads=1)
    energy = summary(found.frames.compared("energy"), "energy")["mae"]
    assert energy == pytest.approx(expected["energy_mae_mev_per_atom"], rel=1e-6)
    assert "It predicts GGA/GGA+U, and the labels are r2SCAN" in found.mismatch
    assert LabelledStudy(model="chgnet-r2scan", dataset=DATA, most=8).key() != study.key()


def test_distances_are_of_the_same_frames(monkeypatch):
    monkeypatch.setattr(domain, "_SAMPLE", 5)
    found = DistancesStudy(dataset=DATA, part="all", most=4).compute(silent)
    errors = LabelledStudy(dataset=DATA, part="all", most=4).compute(silent).frames
    assert found.rows.tolist() == errors.rows.tolist()
    np.testing.assert_array_equal(found.of(errors), found.distances)
    assert np.isfinite(found.of(errors.only(np.array([True, False, False, True])))).all()


@pytest.mark.parametrize(
    ("labels", "model", "told"),
    [
        (("r2SCAN", "none"), ("r2SCAN", "none"), ""),
        (("unknown", "none"), ("r2SCAN", "unknown"), ""),
        (("PBE", "none"), ("r2SCAN", "none"), "predicts r2SCAN, and the labels are PBE"),
        (
            ("PBE", "none"),
            ("PBE", "MP2020"),
            "energies: MP2020 corrections included; the labels:",
        ),
    ],
)
def test_the_mismatch_of_scales_is_told(labels, model, told):
    card = Card(name="x", kind="frames", functional=labels[0], corrections=labels[1])
    assert told in mismatch(card, *model)
    assert bool(mismatch(card, *model)) == bool(told)
    made = card.model_copy(update={"labels": "chgnet-r2scan"})
    assert "its own predictions" in mismatch(made, *model, "chgnet-r2scan")


def test_a_part_without_frames_says_so(monkeypatch):
    data = open_frame_set(DATA)
    none = np.zeros(0, dtype=np.int64)
    empty = Split(train=none, validation=none, test=none)
    monkeypatch.setattr("core.studies.models.labelled.split_for_model", lambda *_: empty)
    with pytest.raises(LabError, match="has no test frames"):
        LabelledStudy(dataset=DATA).rows(data)
