"""Every page in a real browser: nothing asked of other hosts, no error, and the way back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import (
    COMPUTATION,
    click_element,
    faint_texts,
    go,
    settled,
    snap,
    switch,
)
from tests.browser.axe import serious_findings

# The title of each page and its views; one that is None opens by itself.
LIGHT = [
    ("Overview", None),
    ("Lesson", None),
    ("Data", None),
    ("Energy shifts", None),
    ("AtomRef", None),
    ("Feature importance", "One element"),
    ("Formation energies", None),
    ("Model offset", None),
    ("Transfer", None),
    ("Experiments", None),
    ("Runs", None),
    ("Scaling", "Curves"),
    ("Scaling", "Frames saved"),
    ("Scaling", "Plan"),
    ("Scaling", "What to compute next"),
    ("Stability", "Errors"),
    ("Stability", "Stable or not"),
    ("Stability", "Chemical systems"),
    ("Stability", "What a hull is"),
    ("Predict", None),
    ("Compare models", None),
]
DARK = [
    ("Energy shifts", "By column"),
    ("Energy shifts", "Data efficiency"),
    ("AtomRef", "Uncertainty"),
    ("AtomRef", "Strength and prior"),
    ("Feature importance", "Swarm"),
    ("Transfer", None),
    ("Stability", "Hulls"),
]
STRUCTURES = {
    ("Energy shifts", None),
    ("Feature importance", "One element"),
    ("Scaling", "What to compute next"),
}
FIGURES = {(title, view) for title, view in LIGHT + DARK if view} - STRUCTURES


@pytest.mark.parametrize(
    ("title", "view", "tab"),
    [(*it, "light") for it in LIGHT] + [(*it, "dark") for it in DARK],
    indirect=["tab"],
)
def test_no_page_asks_other_hosts_or_fails_or_is_hard_to_read(tab, title, view):
    go(tab, title)
    if view:
        switch(tab, view)
    if (title, view) in STRUCTURES:
        scene = tab.locator(".js-plotly-plot .gl-container canvas").first
        expect(scene).to_be_visible(timeout=COMPUTATION)
        expect(tab.get_by_text("WebGL is not supported")).to_have_count(0)
    if (title, view) in FIGURES:
        expect(tab.locator(".js-plotly-plot").first).to_be_visible(timeout=COMPUTATION)
        expect(tab.get_by_test_id("stAlertContentError")).to_have_count(0)
        if title == "Scaling":
            expect(tab.get_by_text("model-labelled, not DFT").first).to_be_visible()
    settled(tab)
    snap(tab, f"page-{title}-{view or ''}".lower().replace(" ", "-"))
    assert faint_texts(tab) == []
    labels = tab.locator("[data-testid=stMetricLabel] p")
    assert labels.evaluate_all("all => all.filter(it => it.scrollWidth > it.clientWidth)") == []
    assert not tab.foreign
    assert not tab.errors
    assert serious_findings(tab) == []


@pytest.mark.parametrize("tab", ["light"], indirect=True)
def test_back_returns_to_the_page_as_it_was(tab):
    switch(go(tab, "Scaling"), "Plan")
    here = tab.url
    go(tab, "Data")
    tab.go_back()
    expect(tab).to_have_url(here)
    expect(tab.get_by_role("spinbutton", name="Existing training frames")).to_be_visible()


def test_a_clicked_element_leads_to_its_materials(tab):
    switch(go(tab, "Feature importance"), "Periodic table")
    expect(tab.locator(".js-plotly-plot").first).to_be_visible(timeout=COMPUTATION)
    settled(tab)
    click_element(tab, "O", "element=O")
    settled(tab)
    expect(tab.get_by_test_id("stDataFrame").first).to_be_visible()


@pytest.mark.parametrize("tab", ["light"], indirect=True)
def test_enter_selects_the_element_that_was_typed(tab):
    box = go(tab, "Energy shifts").get_by_role("combobox", name="Only materials that contain")
    for symbol in ("S", "B"):
        box.fill(symbol)
        tab.keyboard.press("Enter")
        expect(tab).to_have_url(re.compile(rf"elements={symbol}(&|$)"))
    tab.get_by_text("any of them", exact=True).click()
    expect(tab).to_have_url(re.compile("match=any"))
    settled(tab).get_by_label("Clear all").click()
    expect(tab).not_to_have_url(re.compile("elements="))


@pytest.mark.parametrize("tab", ["dark"], indirect=True)
def test_a_narrow_screen_scrolls_the_periodic_table(tab):
    go(tab, "Energy shifts")
    wide = tab.viewport_size
    tab.set_viewport_size({"width": 390, "height": 900})
    table = tab.locator("[class*='st-key-wide-'] .js-plotly-plot").first
    expect(table).to_be_visible()
    settled(tab)
    assert table.bounding_box()["width"] > 600
    main = tab.get_by_test_id("stMain")
    assert main.evaluate("it => it.scrollWidth") <= 390
    tab.set_viewport_size(wide)
