"""The way a newcomer takes: from the overview to a finished run, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.frames.registry import open_dataset
from core.frames.store import FrameSet, write_frames

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
N_MATERIALS = 40
TRAINING = 300_000
"""Milliseconds that a small run may take on a busy machine."""


@pytest.fixture(scope="session")
def tiny(lab):
    """A data set on which a run takes seconds: the smallest embedded materials."""
    full = open_dataset("mp-frames-r2scan")
    assert isinstance(full, FrameSet)
    table = full.table()
    order = table.groupby("material_id")["n_atoms"].max().sort_values(kind="stable")
    rows = table.index[table["material_id"].isin(order.index[:N_MATERIALS])]
    card = full.card.model_copy(update={"name": "tiny", "title": "Small frames"})
    write_frames(lab.home / "datasets" / "tiny", card, full.frames(rows))
    return "tiny"


def settled(page):
    """Wait until Streamlit has drawn the page; nothing may have failed."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=120_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    return page


def go(page, name):
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True).first).to_be_visible(timeout=60_000)
    return settled(page)


def snap(page, name):
    """Keep a screenshot of the whole page, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": 1400, "height": min(int(height) + 60, 5000)})
    page.wait_for_timeout(1000)
    page.screenshot(path=SCREENSHOTS / f"{name}-{page.theme}.png")
    page.set_viewport_size({"width": 1400, "height": 1000})


def metric(page, label):
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


FIND_SQUARE = """symbol => {
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
        const groups = plot.querySelectorAll(".barlayer .trace.bars");
        const bars = plot.data.filter(trace => trace.type === "bar");
        for (const [i, trace] of bars.entries()) {
            const at = (trace.customdata || []).indexOf(symbol);
            if (at < 0) continue;
            const square = groups[i].querySelectorAll(".point path")[at];
            square.scrollIntoView({block: "center"});
            const box = square.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }
    }
}"""


def click_element(page, symbol):
    """Click a square of the periodic table where a reader would: in its middle."""
    page.wait_for_function(f"symbol => Boolean(({FIND_SQUARE})(symbol))", arg=symbol)
    page.wait_for_timeout(500)
    x, y = page.evaluate(FIND_SQUARE, symbol)
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def test_from_the_overview_to_a_finished_run(lab, tiny, page):
    page.goto(lab.url)
    expect(page.get_by_role("heading", name="AtomRef Lab")).to_be_visible(timeout=60_000)
    snap(settled(page), "overview")

    page.get_by_role("link", name="1. See the disagreement").click()
    expect(metric(page, "Pairs")).to_have_text("6,238", timeout=60_000)
    expect(page.get_by_text("model-labelled, not DFT").first).to_be_visible()
    snap(settled(page), "energy-shifts")
    click_element(page, "O")
    expect(metric(page, "Pairs")).not_to_have_text("6,238")
    expect(page).to_have_url(re.compile("elements=O"))

    go(page, "AtomRef")
    expect(metric(page, "Rank")).to_have_text("86 of 86")
    expect(page.get_by_text("In fewer than 10 materials")).to_be_visible()
    snap(page, "atomref")

    page.goto(f"{lab.url}/transfer?dataset={tiny}&frames=40&epochs=2")
    launch = page.get_by_role("button", name="Launch")
    expect(launch).to_be_enabled(timeout=240_000)
    expect(page.get_by_text("--frames 40")).to_have_count(1)
    snap(settled(page), "transfer")
    launch.click()
    expect(page).to_have_url(re.compile("run="), timeout=60_000)
    page.reload()
    expect(page.get_by_text("finished", exact=True).first).to_be_visible(timeout=TRAINING)
    snap(settled(page), "run")

    go(page, "Runs")
    expect(page.get_by_text("Rows marked as the paper's")).to_be_visible()
    snap(page, "runs")


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_run_outlives_the_server(lab, tiny, page):
    page.goto(f"{lab.url}/transfer?dataset={tiny}&frames=40&epochs=6&method=refit")
    launch = page.get_by_role("button", name="Launch")
    expect(launch).to_be_enabled(timeout=240_000)
    launch.click()
    expect(page).to_have_url(re.compile("run="), timeout=60_000)
    run = page.url
    lab.stop()
    lab.start()
    page.goto(run)
    expect(page.get_by_text("finished", exact=True).first).to_be_visible(timeout=TRAINING)


def test_a_table_from_the_reader_and_one_that_is_none(lab, page, tmp_path):
    page.goto(f"{lab.url}/data")
    expect(page.get_by_text("Import a table")).to_be_visible(timeout=60_000)
    broken = tmp_path / "broken.csv"
    broken.write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nLiXx,-4.8,-7.1\n")
    page.set_input_files("input[type=file]", broken)
    page.get_by_role("button", name="Import", exact=True).click()
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("Line 3 of broken.csv")
    expect(alert).to_have_count(1)
    page.reload()
    good = tmp_path / f"{page.theme}.csv"
    good.write_text("formula,energy_gga,energy_r2scan\nLiF,-4.8,-7.1\nFe2O3,-6.7,-15.0\n")
    page.set_input_files("input[type=file]", good)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text(f"Imported {page.theme}")).to_be_visible()
    snap(settled(page), "data")
    page.goto(f"{lab.url}/energy_shifts?dataset={page.theme}")
    expect(metric(page, "Pairs")).to_have_text("2", timeout=60_000)
