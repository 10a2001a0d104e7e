"""Model offset: computed in place or as a job, kept, and shown with its sources."""

import numpy as np
import pandas as pd
import pytest

from core.frames.pairs import write_pairs
from core.frames.schema import Card, EnergyColumn
from core.home import datasets_dir
from core.progress import silent
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.model_offset import OffsetStudy
from pages.parts.shared import job as job_module

STUDY = OffsetStudy(dataset="mp-frames-r2scan", most=60)
QUERY = {"dataset": "mp-frames-r2scan", "most": "60"}


def test_the_first_visit_shows_what_is_embedded(visit):
    """The pretrained model on another functional's energies, not on those of its own."""
    at = visit("offset")
    assert "is only an offset" in " ".join(block.value for block in at.markdown)
    assert "atomref offset mp-frames-r2scan" in at.code[-1].value


def test_other_data_are_offered_to_compute(visit):
    at = visit("offset", dataset="mp-frames-gga")
    assert any("Compute" in button.label for button in at.button)
    assert "atomref offset mp-frames-gga" in at.code[-1].value


def test_small_work_is_done_in_place_and_kept(visit):
    at = visit("offset", **QUERY)
    job = Job.of(STUDY)
    assert job.is_done
    mae = job.result().found.mae
    text = " ".join(block.value for block in at.markdown)
    assert f"{min(mae.values()):.3f} eV/atom" in text
    assert len(at.get("plotly_chart")) == 3
    captions = " ".join(caption.value for caption in at.caption)
    assert "mp\\-frames\\-r2scan" in captions
    assert "not DFT" in captions
    assert at.code[-1].value.endswith("--model chgnet-0.3.0 --rows 60")
    # The embedded frames are labelled by the r2SCAN model: only references stand between it and
    # the labels of its own kind.
    own = compute_here(Job.of(STUDY.model_copy(update={"model": "chgnet-r2scan"})), silent)
    assert own.found.mae["as_is"] == pytest.approx(0, abs=1e-3)
    assert mae["as_is"] > 5
    assert mae["residual"] < 0.2


def test_the_estimate_knows_small_data_sets():
    long = STUDY.model_copy(update={"most": 10_000})
    assert long.seconds() == STUDY.model_copy(update={"most": 2399}).seconds() > STUDY.seconds()


def test_long_work_shows_what_became_of_it(visit, home, monkeypatch):
    monkeypatch.setattr(job_module, "QUICK", 0.0)
    at = visit("offset", **QUERY)
    button = next(button for button in at.button if "Compute" in button.label)
    started = []
    monkeypatch.setattr(job_module, "start", started.append)
    button.click().run()
    assert [job.study for job in started] == [STUDY]
    job = started[0]
    job.make()
    job.write(
        job.status().model_copy(update={"state": "failed", "message": "no *room*; free some."})
    )
    at = visit("offset", **QUERY)
    assert at.error[0].value == "no \\*room\\*; free some\\."
    assert any("Try again" in button.label for button in at.button)


def test_pairs_without_structures_are_refused_in_words(visit, home):

    card = Card(
        name="bare",
        kind="pairs",
        energies=[
            EnergyColumn(column="a", functional="PBE"),
            EnergyColumn(column="b", functional="r2SCAN"),
        ],
    )
    table = pd.DataFrame({"material_id": ["1", "2"], "formula": ["NaCl", "MgO"]})
    write_pairs(datasets_dir() / "bare", card, table.assign(a=np.nan, b=[-1.0, -2.0]))
    at = visit("offset", dataset="bare", most="50")
    assert "has no structures" in at.error[0].value.replace("\\", "")
