"""Files that figures give, and links that pages give, as a reader gets them in a real browser."""

import csv
import io
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.actions import FIND_POINT, PATIENCE, click_mark, go, settled

PNG = b"\x89PNG\r\n\x1a\n"
LABELS = "Labels: chgnet-0.3.0, chgnet-r2scan (model-labelled, not DFT)."
DARK = "rgb(13, 17, 23)"


def saved(page, button):
    """Press a button and return the name and the bytes of the file that comes."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("tab", ["dark"], indirect=True)
def test_every_figure_is_saved_as_svg_png_and_csv(tab):
    page = go(tab, "Energy shifts")
    plots = page.locator(".js-plotly-plot .main-svg:first-child")
    expect(plots.nth(2)).to_be_visible()
    settled(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    # The third figure of the page, so that a button cannot take the first one by chance.
    shown = page.locator(".js-plotly-plot").nth(2).bounding_box()

    name, svg = saved(page, page.get_by_role("button", name="SVG").nth(2))
    assert name == "shift-by-element.svg"
    root = ET.fromstring(svg)  # noqa: S314  from our own page
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(" ".join(root.itertext()).split())
    assert LABELS in words
    assert "Mean shift (eV/atom)" in words
    assert DARK in svg.decode()

    name, png = saved(page, page.get_by_role("button", name="PNG").nth(2))
    assert name == "shift-by-element.png"
    assert png.startswith(PNG)
    width, height = struct.unpack(">II", png[16:24])
    assert width == pytest.approx(3 * shown["width"], abs=6)
    # Above the figure stand three lines about data and labels.
    assert height == pytest.approx(3 * (shown["height"] + 62), abs=6)

    name, table = saved(page, page.get_by_role("button", name="CSV").nth(2))
    assert name == "shift-by-element.csv"
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert rows[0].keys() >= {"symbol", "n", "rare", "shift", "shift_low", "shift_high", "labels"}
    assert rows[0]["symbol"] == "H"
    assert LABELS in rows[0]["labels"]

    name, _ = saved(page, page.get_by_role("button", name="SVG").first)
    assert name == "energy-parity.svg"


def shared(page):
    """Open Share and return its link."""
    body = page.get_by_test_id("stPopoverBody")
    page.get_by_role("button", name="Share").click()
    # A page that is still drawn loses the click, or closes what it opened.
    page.wait_for_timeout(1000)
    if not body.is_visible():
        page.get_by_role("button", name="Share").click()
    code = body.get_by_test_id("stCode").first
    expect(code).to_contain_text("http")
    link = code.inner_text().strip()
    page.keyboard.press("Escape")
    return link


def elsewhere(browser, link):
    """Open a link as another reader would."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(link)
    return page


def spearman(page):
    metric = page.get_by_test_id("stMetric").filter(has_text="Spearman r")
    return metric.get_by_test_id("stMetricValue")


@pytest.mark.parametrize("tab", ["light"], indirect=True)
def test_a_link_brings_another_reader_to_the_same_view(lab, browser, tab):
    page = tab
    # Of one element, since thousands of points keep the browser busy.
    page.goto(f"{lab.url}/energy_shifts?view=By+column&elements=La")
    expect(spearman(page)).to_be_visible()
    settled(page)
    page.get_by_role("combobox", name="Against").fill("f electrons")
    page.keyboard.press("Enter")
    # The address changes before the page does; the axis is drawn with the numbers.
    expect(page.locator(".js-plotly-plot .xtitle").first).to_contain_text("f electrons")
    settled(page)
    value = spearman(page).inner_text()

    click_mark(page, FIND_POINT, 40, "picked=")
    settled(page)

    link = shared(page)
    assert link.startswith(f"{lab.url}/energy_shifts?")
    other = elsewhere(browser, link)
    expect(other.locator(".js-plotly-plot .xtitle").first).to_contain_text("f electrons")
    expect(spearman(other)).to_have_text(value)
    picked = re.search(r"picked=\d+\.(mp-\d+)", link).group(1)
    assert picked
    expect(other.locator("iframe, canvas").first).to_be_attached()
    assert shared(settled(other)) == link
    other.context.close()


def test_a_selected_data_set_is_in_the_link(lab, browser, tab):
    page = tab
    page.goto(f"{lab.url}/data?set=mp-frames-gga")
    expect(page.get_by_text("Functional: GGA/GGA+U")).to_be_visible()
    link = shared(settled(page))
    assert link == f"{lab.url}/data?set=mp-frames-gga"
    other = elsewhere(browser, f"{lab.url}/transfer?method=refit&epochs=7")
    # Not settled: the preview is still computed.
    expect(other.get_by_role("button", name="Launch")).to_be_visible()
    assert "epochs=7" in shared(other)
    other.get_by_text("The same from the command line").last.click()
    expect(other.get_by_text("--method refit")).to_have_count(1)
    other.context.close()
