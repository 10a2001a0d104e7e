"""The Scaling page: curves, laws and refusals, frames saved, and a table of one's own."""

import json
import re

import numpy as np
import pytest
import streamlit as st

from tests.pages.example_sweep import LAWS, embed, made_results
from tests.pages.transfer_page import texts

RESIDUAL = {"residual": (180.0, 0.2, 64.0)}


@pytest.fixture
def made(home, monkeypatch):
    """The lab comes with a sweep of three methods, and one of too few sizes for a law."""
    st.cache_data.clear()
    st.cache_resource.clear()
    embed(
        monkeypatch,
        home / "sweeps",
        example=made_results(LAWS | RESIDUAL),
        narrow=made_results(sizes=(400, 800)),
    )


def error_axis(at):
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    return spec["layout"]["yaxis"]["title"]["text"]


def table(at, column):
    """Return the table that has such a column."""
    return next(one.value for one in at.dataframe if column in one.value).set_index("method")


def laws(at):
    return table(at, "exponent")


def test_curves_with_their_laws(made, visit):
    at = visit("scaling")
    assert len(at.get("plotly_chart")) == 1
    words = "\n".join(text.value for text in at.markdown).replace("\\", "")
    assert "Data: mp-frames-r2scan. Labels: chgnet-r2scan (model-labelled, not DFT)." in words
    assert error_axis(at) == "Validation energy MAE (meV/atom)"
    found = laws(at)
    # Without the size of 50, which is below a sixteenth of the largest.
    assert list(found["points"]) == ["15 at 5 sizes"] * 3
    for (_, exponent, _), text in zip((LAWS | RESIDUAL).values(), found["exponent"], strict=True):
        assert float(text.split()[0]) == pytest.approx(exponent, abs=0.05)
    assert (found["r2"] > 0.9).all()
    # Doubling the frames: 2^-0.45 - 1.
    assert found["twice"].iloc[0] == pytest.approx(100 * (2**-0.45 - 1), abs=2)
    told = texts(at)
    assert "two <cores>" in told
    assert "off by" in told
    assert "238,247 frames" in told
    assert list(table(at, "error")["error"]) == [27, 17]
    assert at.code[-1].value == "atomref scaling example"


def test_other_errors_frames_and_laws(made, visit):
    at = visit("scaling", metric="Force", split="Test", form="With a floor", least="60")
    assert error_axis(at) == "Test force MAE (meV/Å)"
    found = laws(at)
    assert set(found["points"]) == {"15 at 5 sizes"}
    assert found["floor"].notna().all()
    assert "evaluated on validation frames only" in texts(at)
    assert list(table(at, "error")["error"]) == [45, 38]
    assert at.code[-1].value.endswith(
        "scaling example --metric force --split test --form offset --min-frames 60"
    )


def test_a_quantity_without_labels_is_not_offered(made, visit):
    at = visit("scaling")
    (quantity,) = [one for one in at.segmented_control if one.label == "Error of"]
    assert quantity.options == ["Energy", "Force", "Stress"]


def test_the_form_may_be_chosen_by_held_out_sizes(made, visit):
    at = visit("scaling", form="Chosen by held-out sizes", least="0")
    forms = table(at, "better")
    assert list(laws(at)["law"]) == list(forms["better"])
    assert at.code[-1].value.endswith("--form auto --min-frames 0")


def test_refusals_are_sentences_and_points_stay(made, visit):
    at = visit("scaling", sweep="narrow")
    assert len(at.get("plotly_chart")) == 1
    refused = [one.value for one in at.warning]
    assert len(refused) == 2
    assert all("needs 3 sizes" in one for one in refused)
    saved = visit("scaling", sweep="narrow", view="Frames saved")
    assert "see the view Curves" in saved.info[0].value


def test_a_sweep_that_is_not_here_is_said(made, visit):
    at = visit("scaling", sweep="gone")
    assert "No sweep gone exists here" in at.warning[0].value.replace("\\", "")


def test_choosing_a_sweep_goes_into_the_link(made, visit):
    at = visit("scaling")
    at.selectbox(key="sweep").select("narrow").run()
    assert at.query_params["sweep"] == "narrow"
    assert len(at.warning) == 2


def test_frames_saved_at_one_error(made, visit):
    link = {"wanted-energy_mae_mev_per_atom-validation": "400"}
    at = visit("scaling", view="Frames saved", least="0", **link)
    first, *others = at.metric
    frames = [(400 / a) ** (-1 / b) for a, b, _ in LAWS.values()]
    assert first.label == "Refit instead of scratch"
    assert float(first.value.split()[0]) == pytest.approx(frames[0] / frames[1], rel=0.2)
    # Residual is better with 50 frames than this, so only a bound is known.
    for one, n_other in zip(others, frames, strict=True):
        assert float(one.value.split()[2]) == pytest.approx(n_other / 50, rel=0.2)
        assert one.value.startswith("at least ")
    told = texts(at)
    assert "already with the smallest size fitted, 50 frames" in told
    assert "Residual and refit: the laws do not cross" in told
    assert "extrapolated, by a factor of 4 at most" in told
    assert len(at.get("plotly_chart")) == 1


def test_where_laws_cross(home, monkeypatch, visit):
    st.cache_data.clear()
    st.cache_resource.clear()
    crossing = {"scratch": (9000.0, 0.6, 600.0), "refit": (1500.0, 0.3, 450.0)}
    embed(monkeypatch, home / "sweeps", example=made_results(crossing))
    told = texts(visit("scaling", view="Frames saved"))
    found = re.search(r"the laws cross at about (\d+) frames", told)
    # 9000 N^-0.6 = 1500 N^-0.3
    assert float(found[1]) == pytest.approx(6 ** (1 / 0.3), rel=0.15)
    assert "with more, scratch is better." in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        # Scratch needs more than four times its largest size; residual has 50 frames or fewer.
        (150.0, "nor by its law with 4 times as many"),
        (3000.0, "better than this already with the smallest size fitted, 50 frames."),
        (5.0, "does not reach this error within 4 times its largest size"),
    ],
)
def test_frames_saved_where_no_number_holds(made, visit, error, told):
    at = visit("scaling", view="Frames saved", least="0")
    at.number_input[1].set_value(error).run()
    assert not at.exception, at.exception
    assert told in texts(at)


def upload(at, name, text):
    at.file_uploader(key="points").set_value((name, text.encode(), "text/csv")).run()
    assert not at.exception, at.exception
    return at


def test_a_table_of_points(made, visit):
    at = visit("scaling", sweep="upload")
    assert "n_frames, error" in at.info[0].value
    n = np.array([100, 200, 400, 800, 1600])
    rows = [
        f"{size},{5000 * size**-0.6 * k},{seed}" for seed, k in ((0, 0.97), (1, 1.03)) for size in n
    ]
    upload(at, "mine.csv", "\n".join(["n_frames,error,seed", "0,900,0", *rows]) + "\n")
    (row,) = laws(at).itertuples()
    assert float(row.exponent.split()[0]) == pytest.approx(0.6, abs=1e-3)
    assert "Your points" in at.get("plotly_chart")[0].proto.spec
    assert "the untrained model, seed 0" in at.get("plotly_chart")[0].proto.spec
    assert at.code[-1].value.startswith("atomref scaling --points /")
    assert at.code[-1].value.endswith("/mine.csv --unit meV/atom")


def test_a_plan_of_a_sweep_and_of_a_table(made, visit):
    at = visit("scaling", view="Plan")
    assert "Transfer, residual" in texts(at)
    at = upload(
        visit("scaling", view="Plan", sweep="upload"),
        "mine.csv",
        "n_frames,error\n100,500\n200,350\n400,250\n",
    )
    assert "Your points" in texts(at)


def test_a_table_that_is_none_says_which_row(made, visit):
    at = upload(visit("scaling", sweep="upload"), "bad.csv", "n_frames,error\n100,5\n200,-3\n")
    assert "bad" in at.error[0].value
    assert "3" in at.error[0].value


def test_a_table_that_would_take_minutes_is_refused(made, visit):
    rows = [f"{size},{1000 / size}" for size in range(100, 201)]
    at = upload(visit("scaling", sweep="upload"), "many.csv", "\n".join(["n_frames,error", *rows]))
    assert "101 points at 101 sizes" in at.error[0].value


def test_a_table_saves_no_frames(made, visit):
    at = upload(
        visit("scaling", view="Frames saved", sweep="upload"),
        "mine.csv",
        "n_frames,error\n100,500\n200,350\n400,250\n",
    )
    assert "holds one" in at.info[0].value


def test_without_any_sweep_the_page_says_what_to_do(home, monkeypatch, visit):
    st.cache_data.clear()
    embed(monkeypatch, home / "none")
    at = visit("scaling")
    assert "n_frames, error" in at.info[0].value
