"""The Scaling page's view of sweeps: the form, its estimate, how a sweep stands, and growing it."""

import pytest
import streamlit as st

from core.runs.groups.estimate import configs_to_time, group_seconds
from core.runs.groups.sizes import proposed_sizes
from core.runs.groups.sweep import Sweep
from core.runs.process import local
from core.runs.record.listing import list_runs
from core.training.settings.config import RunConfig
from pages.parts.training import preflight
from tests.pages.example_runs import errors
from tests.pages.transfer_page import texts
from tests.salts import write_salts


@pytest.fixture
def tiny(home, monkeypatch, launched):
    """A tiny data set; a run of it takes one second for each training frame and epoch."""
    st.cache_data.clear()
    write_salts(home, forces=True)

    def look(config):
        return 1.0 * config.frames * config.epochs

    monkeypatch.setattr(preflight, "estimated_seconds", look)
    preflight.previews.clear()
    return launched


def click(at, label):
    next(one for one in at.button if one.label == label).click()
    at.run()
    assert not at.exception, at.exception
    return at


def sizes_of(at, text):
    next(one for one in at.text_input if one.label.startswith("Sizes")).set_value(text).run()
    return at


def test_the_form_launches_every_size_method_and_seed_once(tiny, visit):
    at = visit("scaling", view="Sweeps", dataset="tiny", epochs="3", seeds="2")
    assert "No sweep of your own yet" in at.info[0].value
    sizes_of(at, "4, 8 14")
    assert at.code[-1].value == (
        "atomref sweep run --sizes 4,8,14 --methods scratch,refit,residual --seeds 0,1 "
        "--dataset tiny --epochs 3"
    )
    assert "18 runs" in texts(at)
    click(at, "Launch all")
    (one,) = Sweep.load_all()
    assert sorted(run.id for run in tiny) == sorted(one.runs)
    assert len(list_runs()) == 18
    assert at.query_params["own"] == one.id
    assert "4, 8, 14 training frames" in texts(at)


@pytest.mark.parametrize(
    ("budget", "query", "words"),
    [
        ("Steps", {"steps": "40"}, "--steps 40"),
        ("Patience", {"epochs": "30", "stall": "4"}, "--epochs 30 --patience 4"),
    ],
)
def test_budgets(tiny, visit, budget, query, words):
    at = visit("scaling", view="Sweeps", dataset="tiny", budget=budget, **query)
    sizes_of(at, "4,8")
    assert words in at.code[-1].value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4, x", "whole numbers"),
        ("4, 99", "has 14 training frames"),
        ("0, 4", "sizes of at least one frame"),
        ("4, 4", "given twice"),
        ("", "sizes of at least one frame"),
    ],
)
def test_sizes_that_cannot_be(tiny, visit, text, told):
    at = sizes_of(visit("scaling", view="Sweeps", dataset="tiny"), text)
    assert at.button(key="launch-sweep").disabled
    assert told in at.error[0].value.replace("\\", "")
    assert not Sweep.load_all()


def test_an_estimate_adds_up_all_runs(tiny):
    base = RunConfig(dataset="tiny", epochs=2)
    axes = {"sizes": [10, 20, 40], "methods": ["refit", "scratch"], "seeds": [0, 1, 2]}
    wanted = Sweep.draft(base, **axes, n_train=40)
    # 0.1 s for a frame in an epoch, 0.5 s for each of epochs + 2 evaluations.
    timed = configs_to_time(wanted)
    assert [(config.frames, config.epochs) for config in timed] == [(10, 2), (40, 2)]
    known = timed, [0.1 * n * 2 + 0.5 * 4 for n in (10, 40)]
    assert group_seconds(wanted, *known) == pytest.approx(6 * (0.2 * 70 + 2.0 * 3))
    wanted = wanted.model_copy(update={"steps": 6})
    # Steps of 16 frames: six, three and two epochs.
    expected = 6 * sum(0.1 * n * e + 0.5 * (e + 2) for n, e in ((10, 6), (20, 3), (40, 2)))
    assert group_seconds(wanted, *known) == pytest.approx(expected)


@pytest.mark.parametrize("n_train", [1, 3, 14, 60, 550, 1919, 238_247])
def test_proposed_sizes_grow_and_fit(n_train):
    sizes = proposed_sizes(n_train)
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= 1
    assert n_train / 2 < sizes[-1] <= n_train or n_train < 4
    if n_train >= 550:
        assert len(sizes) >= 5, "enough for a law with a floor"
        assert sizes[-1] >= 10 * sizes[0]


@pytest.fixture
def half(tiny):
    """A sweep of which two runs have finished and two failed."""
    base = RunConfig(dataset="tiny", device="cpu", epochs=2, name="mine <b>")
    one = Sweep.draft(base, sizes=[4, 8], methods=["refit"], seeds=[0, 1]).create()
    for number, run in enumerate(one.existing_runs()):
        if number < 2:
            run.update(state="finished", epoch=2.0, validation=errors(50.0), started=1.0, ended=9.0)
        else:
            run.update(state="failed", message="frames.csv: *odd*; mend it.")
    return one


def test_how_a_sweep_stands(half, visit):
    at = visit("scaling", view="Sweeps", own=half.id)
    told = texts(at)
    assert "mine <b>" in told
    assert "frames.csv" in told
    assert "2 of 4 runs finished" in str(at.get("progress")[0].proto)
    cells = " ".join(at.dataframe[0].value["refit"])
    assert "finished" in cells
    assert "failed" in cells
    show, report = (code.value for code in at.code[-2:])
    assert show.endswith(f"atomref sweep show {half.id}")
    assert report.endswith(f"atomref report {half.id} --out {half.id}.html")


def test_the_rest_can_go_on(half, visit, monkeypatch):
    resumed = []
    monkeypatch.setattr(local, "resume", resumed.append)
    click(visit("scaling", view="Sweeps", own=half.id), "Resume the rest")
    assert [run.id for run in resumed] == half.runs[2:]


def test_a_sweep_grows_by_what_is_missing(half, tiny, visit):
    at = visit("scaling", view="Sweeps", own=half.id)
    at.text_input(key=f"grow-sizes-{half.id}").set_value("12")
    at.number_input(key=f"grow-seeds-{half.id}").set_value(1)
    click(at, "Add and launch")
    grown = Sweep.load(half.id)
    assert (grown.sizes, grown.seeds) == ([4, 8, 12], [0, 1, 2])
    assert len(tiny) == 9 - 4
    assert set(half.runs) < set(grown.runs)


def test_growing_by_nothing_is_refused(half, visit):
    at = click(visit("scaling", view="Sweeps", own=half.id), "Add and launch")
    assert any("Nothing to add" in one.value for one in at.error)


def test_growing_by_what_is_there_is_refused(half, visit):
    at = visit("scaling", view="Sweeps", own=half.id)
    at.text_input(key=f"grow-sizes-{half.id}").set_value("4")
    click(at, "Add and launch")
    assert any("all of these runs" in one.value for one in at.error)


def test_a_sweep_is_deleted_with_its_runs(half, visit):
    at = click(visit("scaling", view="Sweeps", own=half.id), "Delete for good")
    assert not Sweep.load_all()
    assert not list_runs()
    assert "own" not in at.query_params


def test_a_sweep_leads_to_its_curves(half, visit):
    at = click(visit("scaling", view="Sweeps", own=half.id), "Show curves")
    assert at.query_params["sweep"] == half.id
    assert at.selectbox(key="sweep").value == half.id
    assert "own" not in at.query_params


def test_sweeps_are_listed(half, visit):
    at = visit("scaling", view="Sweeps", dataset="tiny")
    row = at.dataframe[0].value.iloc[0]
    assert (row["id"], row["sizes"], row["done"]) == (half.id, "4, 8", 0.5)


def test_what_to_compute_next_is_a_view_of_the_page(tiny, visit):
    at = visit("scaling", view="What to compute next", dataset="tiny", pool="mp-structures")
    assert {"Existing data", "Candidates"} <= {one.label for one in at.selectbox}
    assert at.code[-1].value.startswith("atomref next")
