"""The way back, with Streamlit's steps made by hand: how slow a machine is decides their times."""

import pytest
from playwright.sync_api import expect

from pages.parts.shared import serving

HOST = "http://localhost:9"


@pytest.fixture
def steps(page):
    """Return a function that makes pushes of the history, with a pause of seconds before each."""
    page.clock.install()
    body = f"{serving._SCRIPT}<a href='#' onclick='return false'>Data</a>"
    page.route(f"{HOST}/**", lambda it: it.fulfill(body=body, content_type="text/html"))

    def make(first, *pushes, click=False):
        page.goto(f"{HOST}{first}")
        for pause, url in pushes:
            if click and url == pushes[-2][1]:
                page.get_by_role("link").click()
            page.clock.run_for(1000 * pause)
            page.evaluate("url => history.pushState({}, '', url)", url)
        return page

    return make


@pytest.mark.parametrize("page", ["light"], indirect=True)
@pytest.mark.parametrize(
    ("pushes", "click", "back"),
    [
        # The reader leaves at once after a change, or later; the server answers at once.
        ([(0, "/scaling?view=Plan"), (0.1, "/scaling"), (0.1, "/data")], False, "?view=Plan"),
        ([(0, "/scaling?view=Plan"), (9, "/scaling"), (0.1, "/data")], False, "?view=Plan"),
        # It answers late to a click on the sidebar.
        ([(0, "/scaling?view=Plan"), (9, "/scaling"), (20, "/data")], True, "?view=Plan"),
        # A page resets itself to its defaults, and is left later.
        ([(0, "/scaling?view=Plan"), (9, "/scaling"), (9, "/data")], False, ""),
        ([(0, "/data")], False, ""),
    ],
)
def test_back_leads_to_the_last_state_of_the_page(steps, pushes, click, back):
    page = steps("/scaling", *pushes, click=click)
    page.go_back()
    expect(page).to_have_url(f"{HOST}/scaling{back}")
