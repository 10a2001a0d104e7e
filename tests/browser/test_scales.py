"""The analysis pages in a real browser: every view draws, a click leads on, a job runs and ends."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import COMPUTATION, click_element, settled, snap

VIEWS = {
    "energy_shifts": ["By column", "Data efficiency"],
    "atomref": ["Uncertainty", "Strength and prior"],
    "importance": ["Swarm"],
}


@pytest.mark.parametrize("page", ["dark"], indirect=True)
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_draws(lab, page, name):
    for view in VIEWS[name]:
        page.goto(f"{lab.url}/{name}?view={view.replace(' ', '+')}")
        expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=COMPUTATION)
        settled(page)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
        snap(page, f"{name}-{view.replace(' ', '-').lower()}")


def test_a_clicked_element_leads_to_its_materials(lab, page):
    page.goto(f"{lab.url}/importance?view=Periodic+table")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=COMPUTATION)
    settled(page)
    click_element(page, "O", "element=O")
    settled(page)
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    snap(page, "importance-one-element")


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_a_job_is_begun_cancelled_begun_again_and_survives_a_reload(lab, page):
    page.goto(f"{lab.url}/offset?dataset=mp-frames-r2scan&most=700")
    page.get_by_role("button", name=re.compile("Compute")).click()
    page.get_by_role("button", name="Cancel").click()
    again = page.get_by_role("button", name=re.compile("Try again"))
    expect(again).to_be_visible()
    again.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.reload()
    expect(page.get_by_text("is only an offset:")).to_be_visible(timeout=COMPUTATION)
    snap(settled(page), "offset")
