"""The Scaling page in a real browser: a reader's table of points."""

import pytest
from playwright.sync_api import expect

from tests.browser.actions import settled, snap


@pytest.mark.parametrize("tab", ["light"], indirect=True)
def test_a_table_of_points_from_the_reader(lab, tab, tmp_path):
    page = tab
    page.goto(f"{lab.url}/scaling?sweep=upload")
    expect(page.get_by_text("Choose a CSV or Parquet file")).to_be_visible()
    bad = tmp_path / "bad.csv"
    bad.write_text("n_frames,error\n100,500\n200,none\n")
    page.set_input_files("input[type=file]", bad)
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text("bad.csv")
    good = tmp_path / "good.csv"
    rows = [f"{n},{5000 * n**-0.6}" for n in (100, 200, 400, 800)]
    good.write_text("\n".join(["n_frames,error", "0,900", *rows]) + "\n")
    page.set_input_files("input[type=file]", good)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    settled(page)
    # The untrained model has an axis of its own, left of the break.
    expect(page.locator(".js-plotly-plot .xaxislayer-above .x2tick text")).to_have_text("0")
    expect(page.get_by_text("Your points").first).to_be_attached()
    snap(page, "scaling-own-points")
