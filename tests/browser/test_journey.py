"""The way a newcomer takes: from the overview to a finished run, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.frames.registry import open_dataset
from core.frames.store import FrameSet, write_frames
from tests.browser.actions import COMPUTATION, click_element, go, metric, settled, snap
from tests.browser.axe import serious_findings

FORMATS = Path(__file__).parents[1] / "data" / "formats"
N_MATERIALS = 40


@pytest.fixture(scope="module")
def tiny(server):
    """A data set on which a run takes seconds: the smallest embedded materials."""
    full = open_dataset("mp-frames-r2scan")
    assert isinstance(full, FrameSet)
    table = full.table()
    order = table.groupby("material_id")["n_atoms"].max().sort_values(kind="stable")
    rows = table.index[table["material_id"].isin(order.index[:N_MATERIALS])]
    card = full.card.model_copy(update={"name": "tiny", "title": "Small frames"})
    write_frames(server.home / "datasets" / "tiny", card, full.frames(rows))
    return "tiny"


def test_from_the_overview_to_a_finished_run(lab, tiny, page):
    page.goto(lab.url)
    expect(page.get_by_role("heading", name="AtomRef Lab")).to_be_visible()
    snap(settled(page), "overview")

    page.get_by_role("link", name="1. Compare the functionals").click()
    expect(metric(page, "Pairs")).to_have_text("6,238")
    expect(page.get_by_text("model-labelled, not DFT").first).to_be_visible()
    snap(settled(page), "energy-shifts")
    click_element(page, "O", "elements=O")
    expect(metric(page, "Pairs")).not_to_have_text("6,238")

    go(page, "AtomRef")
    expect(metric(page, "Rank")).to_have_text("86 of 86")
    expect(page.get_by_text("In fewer than 10 materials")).to_be_visible()
    snap(page, "atomref")

    page.goto(f"{lab.url}/transfer?dataset={tiny}&frames=40&epochs=3&method=refit")
    launch = page.get_by_role("button", name="Launch")
    expect(launch).to_be_enabled(timeout=COMPUTATION)
    # The second one, which may come later than the check's.
    page.get_by_text("The same from the command line").nth(1).click()
    expect(page.get_by_text("--frames 40")).to_have_count(1)
    snap(settled(page), "transfer")
    launch.click()
    expect(page).to_have_url(re.compile("run="))

    # The run outlives the server, which is started again.
    run = page.url
    lab.stop()
    lab.start()
    page.goto(run)
    expect(page.get_by_text("finished", exact=True).first).to_be_visible(timeout=COMPUTATION)
    snap(settled(page), "run")

    go(page, "Runs")
    expect(page.get_by_text("The paper's rows are Table 1")).to_be_visible()
    snap(page, "runs")
    page.go_back()
    expect(settled(page).get_by_text("finished", exact=True).first).to_be_visible()
    assert serious_findings(page) == []


def test_a_table_from_the_reader_and_one_that_is_none(lab, page, tmp_path):
    # A page of its own: the data set it chooses stays chosen.
    page.goto(f"{lab.url}/data")
    expect(page.get_by_text("A file with frames or a table of energies")).to_be_visible()
    broken = tmp_path / "broken.csv"
    broken.write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nLiXx,-4.8,-7.1\n")
    page.set_input_files("input[type=file]", broken)
    page.get_by_role("button", name="Import", exact=True).click()
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("Line 3 of broken.csv")
    expect(alert).to_have_count(1)
    go(go(page, "Runs"), "Data")
    good = tmp_path / f"{page.theme}.csv"
    good.write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nFe2O3,-6.7,-15.0\n")
    page.set_input_files("input[type=file]", good)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text(f"Imported {page.theme}")).to_be_visible()
    # A folder of VASP on the machine of the dashboard, which says its functional itself.
    settled(page).get_by_placeholder("/data/MPtrj.json").fill(str(FORMATS / "mp_r2scan" / "relax"))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported relax. 6 of 6 frames")).to_be_visible()
    snap(settled(page), "data")
    page.goto(f"{lab.url}/energy_shifts?dataset={page.theme}")
    expect(metric(page, "Pairs")).to_have_text("2")
