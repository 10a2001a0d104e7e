"""The first card of the Transfer page: what would ruin the training."""

import numpy as np

from core.checks.diagnosis import Diagnosis, stored
from core.frames.findings import Finding
from core.frames.registry import open_frame_set
from core.studies.check import CheckStudy
from core.studies.job.directory import Job
from tests.pages.transfer_page import open_page, texts


def keep(diagnosis):
    job = Job.of(CheckStudy(dataset="tiny"))
    job.make()
    job.save(diagnosis)


def test_the_card_offers_the_check_before_it_is_made(tiny_lab):
    app = open_page()
    assert "Check of tiny" in texts(app)
    assert any(button.label.startswith("Compute (about") for button in app.button)
    assert any("atomref check tiny" in code.value for code in app.code)


def test_the_card_lists_findings_and_mends_a_loss_ratio(tiny_lab):
    errors = {"energy": np.full(50, 0.01), "force": np.full(50, 5.0)}
    twice = Finding(kind="duplicates", severity="warning", message="Two are alike.", rows=[1])
    keep(Diagnosis(n=12, n_energies=9, **errors, **stored([twice])))
    app = open_page()
    shown = texts(app)
    assert "Two are alike." in shown
    assert "All 12 frames were read" in shown
    assert "the energy hardly takes part in the training" in shown
    next(button for button in app.button if button.label == "Take this ratio").click().run()
    assert app.number_input(key="energy").value > 3
    assert "the energy hardly takes part in the training" not in texts(app)


def test_frames_that_a_finding_names_are_left_out_by_a_click(tiny_lab):
    twice = Finding(kind="duplicates", severity="warning", message="Two are alike.", rows=[1, 3])
    deviation = np.full(94, np.nan)
    deviation[10] = 1.5
    keep(Diagnosis(n=12, deviation=deviation, **stored([twice])))
    app = open_page()
    assert any("by element" in box.label for box in app.expander)
    next(button for button in app.button if button.label == "Leave out 2").click().run()
    assert not app.exception
    assert app.selectbox(key="dataset").value == "tiny-checked"
    made, whole = open_frame_set("tiny-checked"), open_frame_set("tiny")
    ids = whole.table()["frame_id"].tolist()
    assert made.table()["frame_id"].tolist() == [
        one for i, one in enumerate(ids) if i not in (1, 3)
    ]
