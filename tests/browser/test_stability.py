"""The Stability page in a real browser: a system is picked from elements, a phase is clicked."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import (
    COMPUTATION,
    FIND_POINT,
    click_element,
    click_mark,
    go,
    settled,
    snap,
    switch,
)


@pytest.mark.parametrize("tab", ["light"], indirect=True)
def test_clicked_elements_make_the_system_and_a_clicked_phase_is_shown(tab):
    page = switch(go(tab, "Stability"), "Hulls")
    page.get_by_role("textbox", name="Chemical system").fill("Si")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("system=Si(&|$)"))
    expect(page.get_by_text("model-labelled, not DFT").first).to_be_visible(timeout=COMPUTATION)
    page.get_by_text("Pick elements").click()
    expect(page.locator(".js-plotly-plot .barlayer").first).to_be_visible()
    settled(page)
    click_element(page, "O", "system=Si-O")
    settled(page)
    expect(page.get_by_role("textbox", name="Chemical system")).to_have_value("Si-O")
    expect(page.get_by_text("Fraction of Si in O–Si")).to_have_count(2)
    page.get_by_text("Pick elements").click()
    settled(page)
    click_mark(page, FIND_POINT, 0, "phase=")
    settled(page)
    expect(page.get_by_text("Decomposition energy:")).to_be_visible()
    # Its competitors are marked on both hulls, and its structure can be turned.
    expect(page.get_by_text("competing with it")).to_have_count(2)
    scene = page.locator(".js-plotly-plot .gl-container canvas").first
    expect(scene).to_be_visible(timeout=COMPUTATION)
    snap(page, "stability-phase")
    assert not page.foreign
    assert not page.errors
