"""Every page in a real browser: nothing asked of other hosts, no error, and the way back."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import COMPUTATION, FAINT_TEXT, settled, snap

PAGES = [
    "",
    "data",
    "energy_shifts",
    "atomref",
    "importance?view=One+element",
    "formation",
    "offset",
    "transfer",
    "experiments",
    "runs",
    "scaling",
    "scaling?view=What+to+compute+next",
]
STRUCTURES = ("energy_shifts", "importance?view=One+element", "scaling?view=What+to+compute+next")


@pytest.fixture
def watched(page):
    """The page, with what it asks of other hosts and what goes wrong in it."""
    page.foreign, page.errors = [], []
    page.on(
        "request",
        lambda it: (
            re.match(r"(https?|wss?)://(?!localhost[:/])", it.url) and page.foreign.append(it.url)
        ),
    )
    page.on("response", lambda it: it.status >= 400 and page.errors.append(f"{it.status} {it.url}"))
    page.on("console", lambda it: it.type == "error" and page.errors.append(it.text))
    page.on("pageerror", lambda it: page.errors.append(str(it)))
    return page


@pytest.mark.parametrize(
    ("name", "page"),
    [(name, "light") for name in PAGES] + [(name, "dark") for name in (STRUCTURES[0], "transfer")],
    indirect=["page"],
)
def test_no_page_asks_other_hosts_or_fails_or_is_hard_to_read(lab, watched, name):
    watched.goto(f"{lab.url}/{name}")
    expect(watched.get_by_role("heading", level=1)).to_be_visible()
    if name in STRUCTURES:
        scene = watched.locator(".js-plotly-plot .gl-container canvas").first
        expect(scene).to_be_visible(timeout=COMPUTATION)
        expect(watched.get_by_text("WebGL is not supported")).to_have_count(0)
    settled(watched)
    snap(watched, f"page-{re.sub('[^a-z]+', '-', name.lower()) or 'overview'}")
    assert watched.evaluate(FAINT_TEXT) == []
    assert not watched.foreign
    assert not watched.errors


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_back_returns_to_the_page_as_it_was(lab, page):
    page.goto(f"{lab.url}/scaling")
    page.get_by_text("Plan", exact=True).click()
    expect(page).to_have_url(re.compile("view=Plan"))
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    settled(page)
    page.go_back()
    expect(page).to_have_url(f"{lab.url}/scaling?view=Plan")
    expect(page.get_by_role("spinbutton", name="Existing training frames")).to_be_visible()


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_enter_selects_the_element_that_was_typed(lab, page):
    page.goto(f"{lab.url}/energy_shifts")
    box = page.get_by_role("combobox", name="Only materials that contain")
    for symbol in ("S", "B"):
        box.fill(symbol)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"elements={symbol}(&|$)"))
    page.get_by_text("any of them", exact=True).click()
    expect(page).to_have_url(re.compile("match=any"))


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_a_narrow_screen_scrolls_the_periodic_table(lab, page):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{lab.url}/energy_shifts")
    table = page.locator("[class*='st-key-wide-'] .js-plotly-plot").first
    expect(table).to_be_visible()
    settled(page)
    assert table.bounding_box()["width"] > 600
    main = page.get_by_test_id("stMain")
    assert main.evaluate("it => it.scrollWidth") <= 390
