"""A job of the Model offset page in a real browser: it is launched, cancelled, and ends."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import COMPUTATION, settled, snap


@pytest.mark.parametrize("tab", ["dark"], indirect=True)
def test_a_job_is_begun_cancelled_begun_again_and_survives_a_reload(lab, tab):
    page = tab
    page.goto(f"{lab.url}/offset?dataset=mp-frames-r2scan&most=200")
    page.get_by_role("button", name=re.compile("Compute")).click()
    page.get_by_role("button", name="Cancel").click()
    again = page.get_by_role("button", name=re.compile("Try again"))
    expect(again).to_be_visible()
    again.click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.reload()
    expect(page.get_by_text("is only an offset:")).to_be_visible(timeout=COMPUTATION)
    snap(settled(page), "offset")
